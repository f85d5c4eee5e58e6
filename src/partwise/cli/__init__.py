"""The `partwise` command."""

from partwise.cli.laboratory import w2s
from partwise.cli.main import app
from partwise.cli.people import console, feedback, solve

__all__ = ["app", "console", "feedback", "solve", "w2s"]
