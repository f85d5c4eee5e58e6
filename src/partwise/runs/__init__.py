"""A run on disk: its configuration, its directory, its progress and its report."""
