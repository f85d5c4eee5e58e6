"""Turns from elsewhere are read, solved, run and judged as those of rollouts are."""

import pytest
from tests.evals.fixture_plans import ASKED, CAREFUL, PLANS, rolled_out

from partwise.composition.sandbox import Sandbox
from partwise.evals.bench import Bench
from partwise.evals.judges import References, open_judge
from partwise.evals.said import Spoken
from partwise.evals.terms import Terms
from partwise.measure.evaluate import figures
from partwise.models.errors import ModelError
from partwise.runs.config import ConfigError
from partwise.runs.rundir import RunError
from partwise.types import Subtask
from partwise.worlds.dinner.catalogue import CATALOGUE
from partwise.worlds.registry import load_world


def test_each_plan_ends_as_it_must():
    rows = dict(zip(PLANS, rolled_out(*PLANS), strict=True))
    assert {name: str(row.rollout.outcome) for name, row in rows.items()} == {
        name: outcome for name, (_, _, outcome) in PLANS.items()
    }
    assert rows["careful"].good and rows["careful"].rollout.cut["decomposition"][1] == "\n```\nGood luck."
    assert rows["everywhere"].aligned is False and rows["everywhere"].violations["waste"]
    assert rows["prose"].aligned is None and rows["prose"].rollout.correct is None
    found = figures(list(rows.values()))
    assert found.ran.n == len(PLANS) and found.ran.mean == pytest.approx(2 / len(PLANS))
    assert sum(found.counts.values()) == len(PLANS)


def test_a_space_is_kept():
    (row,) = rolled_out("everywhere", space="affine")
    assert row.rollout.outcome == "out_of_space" and "book_table" in row.rollout.execution.message


def test_parts_are_the_catalogues_references():
    with Sandbox() as sandbox:
        bench = Bench(Terms(tasks=1), sandbox)
        (task,) = bench.tasks()
        parts = bench.parts(task, Spoken(ASKED))
        assert bench.parts(task, Spoken("no idea")) is None
    references = [CATALOGUE[name].implementations[0].source for name in ("ask_preference", "book_table")]
    assert parts == "\n".join(references)
    assert task.statement in bench.prompts.decompose(task.statement) and parts in bench.prompts.recompose(
        parts
    )
    proxy = References(load_world("dinner"))
    whole = proxy.solve([entry.subtask for entry in CATALOGUE.values()])
    assert all(
        part is None or part == CATALOGUE[part.subtask.name].implementations[0] for part in whole
    ) and any(whole)
    assert proxy.solve([Subtask(name="hire_cook", parameters=(), doc="")]) == [None]
    assert References(load_world("dinner"), capacity=1).solve([CATALOGUE["ask_preference"].subtask]) == [None]


def test_a_program_runs_alike_here_and_in_a_check(tmp_path):
    from partwise.measure.check import check_program

    checked = check_program(CAREFUL, "dinner", 12)
    rows = rolled_out(*["careful"] * 12)
    assert sum(row.good for row in rows) / 12 == checked["aligned_and_correct"]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"split": "test"}, "no split `test`; there is train, validation, heldout"),
        ({"tasks": 0}, "`tasks` must be at least 1, and is 0"),
        ({"temperature": -1.0}, "`temperature` must be at least 0"),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms, said: str):
    with pytest.raises(ConfigError, match=said):
        Terms(**terms)


def test_what_can_not_be_opened_is_refused(tmp_path):
    with Sandbox() as sandbox, pytest.raises(ModelError, match="no folder of prompts"):
        Bench(Terms(prompts=str(tmp_path / "gone")), sandbox)
    with pytest.raises(RunError, match="no run directory"):
        open_judge(load_world("dinner"), str(tmp_path / "gone"))
