"""Old answers that are learned again, and how they fade once values have moved."""

import random

from hypothesis import given
from hypothesis import strategies as st

from partwise.training.reward import Preference, replayed

HISTORY = st.lists(st.integers(-6, 9), max_size=60).map(
    lambda rounds: [
        Preference(prompt="?", chosen=f"a{i}", rejected=f"b{i}", round=round)
        for i, round in enumerate(sorted(rounds))
    ]
)


@given(HISTORY, st.integers(0, 80), st.integers(0, 1000))
def test_without_a_half_life_all_ages_are_alike(history: list[Preference], most: int, seed: int):
    kept = replayed(history, most, fresh=[], round=10, before=10, half_life=None, rng=random.Random(seed))
    assert len(kept) == min(most, len(history))
    assert len({id(old) for old in kept}) == len(kept)


@given(HISTORY, st.integers(0, 1000))
def test_what_was_said_since_values_moved_is_all_kept(history: list[Preference], seed: int):
    kept = replayed(history, 1000, fresh=[], round=10, before=3, half_life=0.5, rng=random.Random(seed))
    assert [old for old in history if old.round >= 3] == sorted(
        (old for old in kept if old.round >= 3), key=history.index
    )


def test_what_was_said_before_fades_by_the_half_life():
    history = [
        Preference(prompt="?", chosen="a", rejected="b", round=round) for round in (0, 2) for _ in range(2000)
    ]
    kept = replayed(history, 10_000, fresh=[], round=4, before=4, half_life=2.0, rng=random.Random(0))
    shares = [sum(old.round == round for old in kept) / 2000 for round in (0, 2)]
    assert abs(shares[0] - 0.25) < 0.05 and abs(shares[1] - 0.5) < 0.05
