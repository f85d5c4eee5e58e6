"""Planners from anywhere on a world's tasks, Inspect's tasks and logs, and runs that are judged again."""
