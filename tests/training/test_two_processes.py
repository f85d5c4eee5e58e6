"""What holds of a step of training that several processes take together."""

import os
import subprocess
import sys

import pytest

from partwise.config import RlftConfig
from partwise.models.errors import ModelError
from partwise.training.rlft import refuse_uneven


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["grpo", pytest.param("rloo", marks=pytest.mark.long)])
def test_two_processes_take_the_step_of_all_their_rows(algorithm: str):
    """The mean of their gradients is that of all rows, also where their rewards spread unequally."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, "-m", "tests.training.fixture_two_processes", algorithm],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip().splitlines()[-1].split()
    assert float(said[1]) > 0.9999 and said[3] == "True"


def test_tasks_that_can_not_be_shared_out_are_refused():
    refuse_uneven(RlftConfig(tasks_per_step=8), 4)
    with pytest.raises(ModelError, match=r"8 tasks a step .* among 3 processes; set it to a multiple of 3"):
        refuse_uneven(RlftConfig(tasks_per_step=8), 3)
