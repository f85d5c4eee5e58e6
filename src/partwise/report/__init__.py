"""Pages, tables and pictures of what runs and studies found; knows no study."""
