"""When the proxy is realigned: the alarm, and the three policies."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.config import RealignConfig
from partwise.oversight.realign import DriftAlarm, is_due


def _rounds(alarm: DriftAlarm, rng: random.Random, rate: float, rounds: int) -> list[bool]:
    return [alarm.hear([rng.random() < rate for _ in range(80)]) for _ in range(rounds)]


@pytest.mark.parametrize("seed", range(5))
def test_a_rise_of_disagreement_is_noticed_and_quiet_is_not(seed: int):
    rng, alarm = random.Random(seed), DriftAlarm(0.1)
    assert not any(_rounds(alarm, rng, 0.12, 50))
    assert any(_rounds(alarm, rng, 0.35, 3))


@pytest.mark.parametrize("seed", range(5))
def test_a_fall_of_disagreement_is_no_alarm(seed: int):
    rng, alarm = random.Random(seed), DriftAlarm(0.1)
    _rounds(alarm, rng, 0.4, 10)
    assert not any(_rounds(alarm, rng, 0.1, 10))


def test_nothing_heard_is_no_alarm():
    assert not DriftAlarm(0.1).hear([])


def _due(config: RealignConfig, round: int, alarm: bool = False, spent: int = 0) -> bool:
    return is_due(config, round, alarm=alarm, spent=spent, cost=50, rounds=11)


def test_every_so_many_rounds():
    config = RealignConfig(every=3, control=10)
    assert [round for round in range(1, 10) if _due(config, round)] == [3, 6, 9]


def test_on_an_alarm_only():
    config = RealignConfig(when="alarm", control=10)
    assert _due(config, 4, alarm=True)
    assert not _due(config, 4, alarm=False)


@given(budget=st.integers(1, 2000), control=st.integers(1, 60), cost=st.integers(1, 300))
@settings(deadline=None)
def test_a_budget_is_spread_and_never_overdrawn_by_realigning(budget: int, control: int, cost: int):
    config = RealignConfig(when="budget", budget=budget, control=control)
    spent, realigned = 0, 0
    for round in range(1, 11):
        spent += control
        if is_due(config, round, alarm=False, spent=spent, cost=cost, rounds=11):
            spent += cost
            realigned += 1
            assert spent <= budget * round / 10
    if budget >= 10 * control + 10 * cost:
        assert realigned == 10


@pytest.mark.parametrize(
    "policy", [{"when": "alarm"}, {"ask": "uncertain"}, {"every": 2}, {"when": "budget"}]
)
def test_a_policy_that_does_not_ask_at_random_needs_control_questions(policy: dict[str, object]):
    with pytest.raises(ValueError, match="needs `control` questions"):
        RealignConfig.model_validate(policy)
    assert RealignConfig.model_validate(policy | {"control": 20}).control == 20
