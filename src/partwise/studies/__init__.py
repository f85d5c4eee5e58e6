"""The papers' experiments: a configuration in, a table and figures out."""
