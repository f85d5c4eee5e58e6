"""What people are asked about parts: by the dial, and never about what is held out."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.oversight.items import PRACTICE_HELDOUT, PartItems
from partwise.types import JudgmentItem
from partwise.worlds.base import CatalogueEntry, undone
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()
EVERY = [*WORLD.catalogue.values(), *WORLD.practice.values()]
UNDONE = {undone(entry.subtask).source for entry in EVERY}
SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])


def _texts(items: list[JudgmentItem]) -> set[str]:
    return {option.text for item in items for option in item.options}


def _about(items: list[JudgmentItem], entries: list[CatalogueEntry]) -> list[bool]:
    signatures = tuple(entry.subtask.signature for entry in entries)
    return [item.options[0].text.startswith(signatures) for item in items]


@pytest.mark.parametrize(("practice", "low", "high"), [(0.0, 0, 0), (0.5, 430, 570), (1.0, 1000, 1000)])
def test_the_dial_says_how_many_questions_are_about_practice(practice: float, low: int, high: int):
    parts = PartItems(WORLD, practice=practice, seed=200)
    items = parts.asked(random.Random(0), 1000)
    assert low <= sum(_about(items, list(WORLD.practice.values()))) <= high
    assert all(_about(parts.hard(random.Random(0), 100), list(WORLD.catalogue.values())))


def test_with_practice_alone_nothing_of_hard_tasks_is_asked():
    catalogue = {part.source for entry in WORLD.catalogue.values() for part in entry.implementations}
    parts = PartItems(WORLD, practice=1.0, seed=200)
    assert not (parts.shown | _texts(parts.asked(random.Random(0), 3000))) & catalogue


@given(SHARES, st.floats(0, 0.9), st.integers(0, 50), st.integers(0, 1000))
def test_what_is_held_out_is_never_asked(practice: float, heldout: float, seed: int, draw: int):
    parts = PartItems(WORLD, practice=practice, heldout=heldout, seed=seed)
    for item in parts.asked(random.Random(draw), 50):
        texts = {option.text for option in item.options}
        assert len(texts) == 2 and texts <= parts.shown | UNDONE
        assert not texts & parts.heldout
    assert not parts.shown & parts.heldout


@given(SHARES, st.floats(0, 0.9), st.integers(0, 50))
def test_each_unseen_question_shows_what_is_held_out(practice: float, heldout: float, seed: int):
    parts = PartItems(WORLD, practice=practice, heldout=heldout, seed=seed)
    items = parts.unseen(random.Random(0), 30)
    assert len(items) == (30 if parts.heldout else 0)
    assert all({option.text for option in item.options} & parts.heldout for item in items)


@given(st.integers(0, 50), st.floats(0, 0.9), st.floats(0, 0.9))
def test_the_share_decides_how_many_and_a_larger_one_holds_out_the_same_and_more(
    seed: int, first: float, second: float
):
    small, large = (PartItems(WORLD, heldout=share, seed=seed).heldout for share in sorted((first, second)))
    bodies = sum(len(entry.implementations) for entry in WORLD.catalogue.values())
    assert len(small) == round(min(first, second) * bodies) and small <= large


def test_seeds_hold_out_different_bodies_and_a_fifth_of_practice():
    first, second = (PartItems(WORLD, practice=1.0, seed=seed).heldout for seed in (0, 1))
    bodies = sum(len(entry.implementations) for entry in WORLD.practice.values())
    assert len(first) == len(second) == round(PRACTICE_HELDOUT * bodies)
    assert first != second


def test_half_of_the_questions_are_against_nothing_done():
    items = PartItems(WORLD, practice=0.5).asked(random.Random(0), 2000)
    against = [any(option.text in UNDONE for option in item.options) for item in items]
    assert 900 < sum(against) < 1100
    first = [item.options[0].text in UNDONE for item in items]
    assert 0.4 < sum(first) / sum(against) < 0.6


def test_equal_draws_give_equal_questions():
    one, other = (PartItems(WORLD, practice=0.5, heldout=0.3, seed=7) for _ in range(2))
    for ask in ("asked", "unseen", "hard"):
        assert getattr(one, ask)(random.Random(1), 40) == getattr(other, ask)(random.Random(1), 40)


def test_a_run_with_nothing_to_ask_about_is_refused():
    with pytest.raises(LookupError, match="leaves nothing to ask people about"):
        PartItems(WORLD, heldout=1.0)
    assert PartItems(WORLD, practice=1.0, heldout=1.0).asked(random.Random(0), 5)


def _against_nothing(undone_share: float) -> float:
    items = PartItems(WORLD, undone=undone_share).asked(random.Random(0), 1000)
    return sum(bool(UNDONE & {option.text for option in item.options}) for item in items) / len(items)


def test_the_share_against_leaving_it_undone_is_a_dial():
    lonely = _against_nothing(0.0)  # subtasks that have one body have nothing else to stand beside it
    assert lonely < 0.15 < _against_nothing(0.2) < 0.35 < _against_nothing(0.5) < 0.65
    assert _against_nothing(1.0) == 1.0


def test_by_default_a_run_draws_what_it_always_drew():
    """Published figures hang on it: a fingerprint of questions from before there was a dial."""
    rng = random.Random(0)
    items = PartItems(WORLD, practice=0.3, heldout=0.2, seed=5).asked(rng, 500)
    drawn = "".join(item.key for item in items) + str(rng.random())
    assert hashlib.sha256(drawn.encode()).hexdigest()[:16] == "fbb087b4a0d440b2"


@given(st.integers(0, 50))
def test_distinct_questions_differ_from_each_other_and_in_what_was_seen(seed: int):
    items = PartItems(WORLD, undone=0.2).distinct(random.Random(seed), 30)
    assert len({item.pair for item in items}) == len(items) == 30
    for item in items:
        first, second = item.options
        assert (first.consequences, first.useful, first.observed) != (
            second.consequences,
            second.useful,
            second.observed,
        )
    assert PartItems(WORLD, undone=0.2).distinct(random.Random(seed), 10) == items[:10]


def test_of_a_small_catalogue_there_are_only_so_many():
    items = PartItems(WORLD).distinct(random.Random(0), 10_000 // 20)
    assert 50 < len(items) < 500
