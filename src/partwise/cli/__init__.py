"""The `partwise` command. Heavy imports wait until a command needs them, so that `--help` answers at once."""

# In the order in which `--help` names the commands.
from partwise.cli.common import app
from partwise.cli.main import align

# isort: split
from partwise.cli.laboratory import w2s
from partwise.cli.people import console, solve

# isort: split
from partwise.cli.planning import estimate

# isort: split
from partwise.cli.evals import compare, judge_again

# isort: split
from partwise.cli.labels import feedback

__all__ = ["align", "app", "compare", "console", "estimate", "feedback", "judge_again", "solve", "w2s"]
