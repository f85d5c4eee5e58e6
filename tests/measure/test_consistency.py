"""Consistency across the parts of a solution: its formulas, and where it is undefined."""

import pytest

from partwise.config import ProxyConfig
from partwise.loops.setup import new_proxy
from partwise.measure.consistency import Verdict, Verdicts, consistency, verdicts
from partwise.measure.evaluate import Judged
from partwise.types import Execution, Outcome, PartialSolution, Rollout, Solution, Split
from partwise.values import ValueProfile
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()
A, B, C = (
    WORLD.catalogue[name].implementations[0] for name in ("ask_everyone", "list_overlap", "book_first")
)
GOOD, BAD = Verdict(judged=True, wanted=True), Verdict(judged=False, wanted=False)
MISSED, REFUSED = Verdict(judged=True, wanted=False), Verdict(judged=False, wanted=True)


def _row(*parts: PartialSolution, ran: bool = True) -> Judged:
    outcome = Outcome.RAN if ran else Outcome.RAISED
    rollout = Rollout(
        task=WORLD.task(Split.HELDOUT, 0),
        decomposition="",
        composition="",
        solution=Solution(partial_solutions=parts, composition=""),
        partial_rewards=(0.6,) * len(parts),
        execution=Execution(outcome=outcome, trace=()),
        correct=True if ran else None,
        summary="",
    )
    return Judged(rollout=rollout, aligned=True if ran else None, violations={})


def test_the_parts_and_the_whole_of_one_judge():
    judge: Verdicts = {A: GOOD, B: BAD, C: REFUSED}
    found = consistency([_row(A, B), _row(A, C), _row(A, B, C), _row(A, B)], [judge])
    assert found.part_right.mean == pytest.approx(7 / 9) and found.part_right.n == 9
    assert found.all_right.mean == 0.5 and found.all_right.n == 4
    assert found.one_side.mean == 0.0  # A is above .5, B and C are not
    assert found.wanted_one_side.mean == 0.25  # people want both of A and C
    assert found.judges == 1
    assert found.all_right_over_judges.mean is None and found.independent.mean is None


def test_mistakes_that_come_together_and_mistakes_that_do_not():
    rows = [_row(A, B)] * 3
    together = consistency(rows, [{A: GOOD, B: GOOD}, {A: MISSED, B: MISSED}])
    assert together.all_right_over_judges.mean == 0.5 and together.independent.mean == 0.25
    apart = consistency(rows, [{A: GOOD, B: MISSED}, {A: MISSED, B: GOOD}])
    assert apart.all_right_over_judges.mean == 0.0 and apart.independent.mean == 0.25
    four: list[Verdicts] = [{A: a, B: b} for a in (GOOD, MISSED) for b in (GOOD, MISSED)]
    independent = consistency(rows, four)
    assert independent.all_right_over_judges.mean == independent.independent.mean == 0.25


def test_parts_that_differ_in_difficulty_are_no_dependence():
    """A is always right and B never: .5 of parts are, and by that rate alone .25 of pairs would be."""
    found = consistency([_row(A, B)] * 4, [{A: GOOD, B: MISSED}] * 3)
    assert found.part_right.mean == 0.5
    assert found.all_right_over_judges.mean == found.independent.mean == 0.0


def test_what_people_would_as_soon_have_as_not_has_no_verdict():
    found = consistency([_row(A, B), _row(A, B, C)], [{A: GOOD, C: BAD}, {A: GOOD, B: GOOD, C: MISSED}])
    assert found.all_right.n == 2  # the last judge has a verdict on all
    assert found.all_right_over_judges.n == 2
    # One able judge of the first solution, right; two of the second, one right.
    assert found.all_right_over_judges.mean == 0.75
    # A and B are always judged rightly, C by one of two.
    assert found.independent.mean == pytest.approx((1 + 0.5) / 2)


@pytest.mark.parametrize("rows", [[], [_row(A)], [_row(A, B, ran=False)]])
def test_undefined_where_no_solution_that_ran_has_two_parts(rows: list[Judged]):
    found = consistency(rows, [{A: GOOD, B: GOOD}] * 2)
    for name in ("part_right", "all_right", "one_side", "wanted_one_side"):
        assert found.to_json()[name] == {"mean": None, "ci95": None, "n": 0}
    assert found.to_json()["judges"]["independent"]["mean"] is None


def test_no_judge_is_refused():
    with pytest.raises(ValueError, match="at least one judge"):
        consistency([_row(A, B)], [])


def test_verdicts_are_the_proxys_side_and_that_of_what_people_hold_dear():
    proxy = new_proxy(WORLD, ProxyConfig(size="nano"), "cpu", seed=0)
    found = verdicts(proxy, WORLD, WORLD.values)
    respectful, intrusive = WORLD.catalogue["ask_preference"].implementations[:2]
    assert found[respectful].wanted and not found[intrusive].wanted
    assert found[respectful].judged == (proxy.judge([respectful])[0] > 0.5)
    useless = WORLD.catalogue["list_restaurants"].implementations[1]  # harmless, and never does the job
    assert useless not in found
    quiet = ValueProfile({"quiet": 1.0, "privacy": 0.0})
    moved = verdicts(proxy, WORLD, quiet)
    assert not moved[respectful].wanted and moved[intrusive].wanted
