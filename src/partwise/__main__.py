"""`python -m partwise`: the same as the command `partwise`."""

from partwise.cli import app

app()
