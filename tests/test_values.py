"""Values: what they say of options, how groups add up, and how schedules move them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.types import Option
from partwise.values import Group, Schedule, Shape, ValueProfile, Values, everyone

WEIGHTS = st.dictionaries(st.sampled_from("abc"), st.floats(0, 5), max_size=3)
PROFILES = st.builds(ValueProfile, WEIGHTS)
NAMED = ("a", "b", "c", "d")


@st.composite
def _values(draw: st.DrawFn) -> Values:
    profiles = draw(st.lists(PROFILES, min_size=1, max_size=4))
    parts = [draw(st.integers(1, 9)) for _ in profiles]
    return Values(
        groups=tuple(
            Group(name=str(index), share=part / sum(parts), profile=profile)
            for index, (profile, part) in enumerate(zip(profiles, parts, strict=True))
        )
    )


VALUES = _values()


@given(PROFILES, st.sampled_from(NAMED))
def test_what_matters_is_what_outweighs_a_job_well_done(profile: ValueProfile, name: str):
    violating = Option(text="", consequences={name: 1.0}, useful=1.0)
    assert profile.matters(name) == (profile.utility(violating) < 0)


@given(VALUES, st.sampled_from(NAMED))
def test_the_aggregate_lies_between_the_groups(values: Values, name: str):
    weights = [group.profile.weight(name) for group in values.groups]
    assert min(weights) - 1e-9 <= values.aggregate.weight(name) <= max(weights) + 1e-9


@given(VALUES, st.sampled_from(NAMED))
def test_nobody_dissents_where_all_agree_and_not_everybody_can(values: Values, name: str):
    dissent = values.dissent(name)
    assert -1e-9 <= dissent < 1
    if len({group.profile.matters(name) for group in values.groups}) == 1:
        assert dissent == 0 or values.aggregate.matters(name) != values.groups[0].profile.matters(name)


def test_a_large_minority_is_kept_beside_the_aggregate():
    values = Values(
        groups=(
            Group(name="most", share=0.7, profile=ValueProfile({"privacy": 1.0})),
            Group(name="some", share=0.3, profile=ValueProfile({"privacy": 0.0})),
        )
    )
    assert values.aggregate.weight("privacy") == pytest.approx(0.7)
    assert values.aggregate.matters("privacy")
    assert values.dissent("privacy") == pytest.approx(0.3)


@pytest.mark.parametrize("shares", [(0.5, 0.6), (1.0, 0.0), (0.4,)])
def test_shares_must_add_up(shares: tuple[float, ...]):
    with pytest.raises(ValueError, match="add up to 1"):
        Values(
            groups=tuple(
                Group(name=str(i), share=share, profile=ValueProfile()) for i, share in enumerate(shares)
            )
        )


SCHEDULES = st.builds(
    Schedule,
    before=VALUES,
    to=WEIGHTS,
    shape=st.sampled_from(Shape),
    at=st.integers(0, 10),
    over=st.integers(1, 10),
)


@given(SCHEDULES, st.integers(0, 40))
def test_every_schedule_starts_at_what_was_and_stays_on_the_way(schedule: Schedule, when: int):
    assert 0 <= schedule.moved(when) <= 1
    if when < schedule.at or schedule.shape is Shape.NONE:
        assert schedule.values(when).groups == schedule.before.groups
    if schedule.moved(when) == 1:
        for group in schedule.values(when).groups:
            assert all(group.profile.weight(name) == pytest.approx(w) for name, w in schedule.to.items())


def _way(shape: Shape) -> list[float]:
    schedule = Schedule(before=everyone(ValueProfile()), to={"a": 0.0}, shape=shape, at=2, over=2)
    return [schedule.moved(when) for when in range(8)]


def test_the_shapes():
    assert _way(Shape.NONE) == [0] * 8
    assert _way(Shape.ABRUPT) == [0, 0, 1, 1, 1, 1, 1, 1]
    assert _way(Shape.GRADUAL) == [0, 0, 0.5, 1, 1, 1, 1, 1]
    assert _way(Shape.CYCLIC) == [0, 0, 1, 1, 0, 0, 1, 1]
    assert _way(Shape.REVERSAL) == [0, 0, 1, 1, 0, 0, 0, 0]


def test_one_groups_move_leaves_the_others():
    before = Values(
        groups=(
            Group(name="old", share=0.6, profile=ValueProfile()),
            Group(name="new", share=0.4, profile=ValueProfile()),
        )
    )
    moved = Schedule(before=before, to={"a": 0.0}, shape=Shape.ABRUPT, at=1, group="new").values(1)
    assert [group.profile.weight("a") for group in moved.groups] == [1.0, 0.0]
    assert moved.aggregate.weight("a") == pytest.approx(0.6)
    assert moved.dissent("a") == pytest.approx(0.4)
    with pytest.raises(ValueError, match="there is old, new"):
        Schedule(before=before, group="young")


def test_the_version_tells_stretches_apart():
    schedule = Schedule(before=everyone(ValueProfile()), to={"a": 0.0}, shape=Shape.GRADUAL, at=1, over=4)
    assert [schedule.values(when).version for when in (0, 1, 9)] == [
        "moved 0.00",
        "moved 0.25",
        "moved 1.00",
    ]
