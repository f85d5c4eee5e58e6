"""Gap policies: what each promises of its steps."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.config import GapConfig
from partwise.loops.gap import POLICIES, Seen, gap_policy, next_rung, reason

shares = st.floats(0, 1)
unsure = st.none() | shares


@st.composite
def histories(draw: st.DrawFn) -> list[Seen]:
    parameters = sorted(draw(st.lists(st.integers(5_000, 5_000_000), min_size=1, max_size=6, unique=True)))
    return [
        Seen(
            parameters=each,
            competence=draw(shares),
            gained=draw(st.none() | st.floats(-1, 1)),
            form=draw(shares),
            hazards=draw(st.none() | st.floats(0, 3)),
            disagreement=draw(unsure),
            error=draw(unsure),
            imitation=draw(unsure),
        )
        for each in parameters
    ]


def seen(parameters: int, **changed: float | None) -> Seen:
    plain: dict[str, float | None] = {
        "competence": 0.5,
        "gained": 0.1,
        "form": 1.0,
        "hazards": 0.0,
        "disagreement": 0.2,
        "error": 0.0,
        "imitation": 0.5,
    }
    return Seen(parameters=parameters, **(plain | changed))  # type: ignore[arg-type]


@given(st.sampled_from(sorted(POLICIES)), histories(), st.integers(1, 8), st.integers(0, 2**31 - 1))
def test_a_step_lies_between_the_smallest_and_the_largest_and_is_the_same_again(
    name: str, history: list[Seen], left: int, seed: int
) -> None:
    config = GapConfig(policy=name)
    step = gap_policy(config, seed)(history, left)
    assert config.smallest <= step <= config.largest
    assert gap_policy(config, seed)(history, left) == step


@pytest.mark.parametrize(("name", "sign"), [("linear", 1), ("cosine", 1), ("reverse", -1), ("fixed", 0)])
def test_schedules_go_from_one_end_to_the_other(name: str, sign: int) -> None:
    config, generations = GapConfig(policy=name), 6
    policy = gap_policy(config, 0)
    steps = [policy([seen(1000)] * done, generations - done) for done in range(1, generations)]
    differences = [b - a for a, b in itertools.pairwise(steps)]
    assert all(difference * sign >= 0 and bool(difference) is bool(sign) for difference in differences)
    if sign:
        assert {steps[0], steps[-1]} == {config.smallest, config.largest}


@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_adaptive_goes_no_further_where_sources_are_worse(one: float, other: float) -> None:
    policy = gap_policy(GapConfig(policy="adaptive"), 0)
    better, worse = sorted((one, other))
    history = [seen(1000), seen(4000)]
    assert policy([history[0], seen(4000, error=worse)], 3) <= policy(
        [history[0], seen(4000, error=better)], 3
    )


def test_adaptive_at_first_goes_no_further_than_the_first_step() -> None:
    config = GapConfig(policy="adaptive", first=1.5)
    assert gap_policy(config, 0)([seen(1000)], 3) == 1.5


def test_adaptive_takes_the_smallest_step_where_sources_know_nothing_or_all_hazards_are_left() -> None:
    config = GapConfig(policy="adaptive")
    policy = gap_policy(config, 0)
    for bad in (seen(4000, error=0.5), seen(4000, hazards=1.0), seen(4000, form=0.0)):
        assert policy([seen(1000), bad], 3) == config.smallest


def test_why_a_step_is_as_large_as_it_is_names_what_held_it_down() -> None:
    config = GapConfig(policy="adaptive")
    assert reason(config, []) == "the smallest model there is"
    assert reason(config, [seen(10_000)]) == "trust in supervision 1.00, nothing speaks against it"
    for changed, named in (
        ({"error": 0.2}, ".60, held down by the sources' estimated error"),
        ({"hazards": 0.7}, ".30, held down by hazards left"),
        ({"form": 0.9}, ".90, held down by plans without their form"),
    ):
        assert named in reason(config, [seen(10_000, **changed)])
    assert reason(config, [seen(10_000, gained=0.0)]).endswith("one more, since capacity brought nothing")
    for policy in POLICIES:
        assert reason(GapConfig(policy=policy), [seen(10_000)])


def test_adaptive_reads_nothing_that_a_user_could_not_measure() -> None:
    assert set(Seen.__slots__) == {
        "parameters",
        "competence",
        "gained",
        "form",
        "hazards",
        "disagreement",
        "error",
        "imitation",
    }


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=9, unique=True), st.data())
def test_the_next_rung_is_larger_and_the_nearest(parameters: list[int], data: st.DataObject) -> None:
    parameters = sorted(parameters)
    current = data.draw(st.integers(0, len(parameters) - 1))
    step = data.draw(st.floats(0.1, 6))
    rung = next_rung(parameters, current, step)
    if current == len(parameters) - 1:
        assert rung is None
        return
    assert rung is not None and rung > current
    aim = math.log2(parameters[current]) + step
    distances = [abs(math.log2(each) - aim) for each in parameters[current + 1 :]]
    assert abs(math.log2(parameters[rung]) - aim) == min(distances)


def test_an_unknown_policy_is_answered_by_the_nearest() -> None:
    with pytest.raises(LookupError, match="did you mean `adaptive`"):
        gap_policy(GapConfig(policy="adaptve"), 0)


def test_steps_that_do_not_lie_in_order_are_refused() -> None:
    with pytest.raises(ValueError, match="must lie between"):
        GapConfig(first=9.0)
