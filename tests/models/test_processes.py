"""What processes that make one run share out, and what one alone does."""

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from partwise.models.processes import ALONE, Processes


@given(st.integers(0, 50), st.integers(1, 9))
def test_every_row_is_one_process_own(rows: int, count: int):
    parts = [Processes(rank, count).share(range(rows)) for rank in range(count)]
    assert [row for part in parts for row in part] == list(range(rows))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_each_draws_something_else_and_the_first_what_it_would_alone():
    assert ALONE.seed(7) == Processes(0, 4).seed(7) == 7
    assert len({Processes(rank, 4).seed(7) for rank in range(4)}) == 4


def test_one_process_is_told_what_it_makes():
    assert ALONE.told(lambda: "made") == ALONE.in_turn(lambda: "made") == "made"
    assert ALONE.gather((1, 2)) == [1, 2]


def _asked(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_trainers_do_not_see_what_the_launcher_said():
    program = (
        "import os\nfrom partwise.config.launched import launched\nplace = launched()\n"
        "print(place.rank, place.local_rank, place.count, place.is_first)\n"
        "print(sorted(name for name in os.environ if 'RANK' in name or name.startswith('ACCELERATE')))"
    )
    done = _asked(program, RANK="3", LOCAL_RANK="1", WORLD_SIZE="4", ACCELERATE_USE_CPU="true")
    assert done.stdout.splitlines() == ["3 1 4 False", "[]"]


def test_sharded_models_are_refused():
    program = "from partwise.models.processes import processes\nprocesses()"
    done = _asked(program, RANK="0", LOCAL_RANK="0", WORLD_SIZE="2", ACCELERATE_USE_FSDP="true")
    assert "FSDP can't be used; launch without it" in done.stderr.splitlines()[-1]
