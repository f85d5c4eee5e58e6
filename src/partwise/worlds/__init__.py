"""Simulated worlds: tasks, tools, subtasks, verifiers and, kept apart, oracles."""
