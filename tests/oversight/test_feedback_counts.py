"""Counts of what was asked and answered."""

from __future__ import annotations

from datetime import UTC

from tests.oversight.fixture_feedback import answer, ask, record, simulated

from partwise.oversight.feedback import AnnotatorCounts, FeedbackStore, RunCounts
from partwise.types import Choice


def test_counts(store: FeedbackStore):
    ask(store, 3, answers_wanted=2)
    record(store, simulated(4), run="later", round=2)
    for who, choice in (("ana", Choice.TIE), ("bo", Choice.UNSURE), ("ana", Choice.FIRST)):
        answer(store, store.next_question(who, run="run"), who, choice, seconds=4.0)
    mine = store.progress("run", 0)
    assert (mine.asked, mine.answered, mine.open) == (3, 2, 2)
    assert mine.by_annotator == {"ana": 2, "bo": 1}
    assert store.progress().by_annotator == {"ana": 2, "bo": 1, "simulated": 4}
    hers = store.progress("run", who="ana")
    assert (hers.asked, hers.answered, hers.open, hers.by_annotator) == (3, 2, 1, {"ana": 2})
    assert store.progress("none").asked == 0
    assert store.runs() == [
        RunCounts(run="later", rounds=1, asked=4, open=0, answers=4),
        RunCounts(run="run", rounds=1, asked=3, open=2, answers=3),
    ]
    assert store.runs(limit=1, offset=1)[0].run == "run"
    ana, bo, simulation = store.counts()
    assert ana == AnnotatorCounts(who="ana", answers=2, ties=1, unsure=0, seconds=4.0, latest=ana.latest)
    assert (bo.unsure, simulation.seconds, ana.latest.tzinfo) == (1, None, UTC)
    assert [count.who for count in store.counts("later")] == ["simulated"]
    assert store.counts(limit=1, offset=1)[0] == bo


def test_votes_know_equal_items(store: FeedbackStore):
    record(store, simulated(2))
    record(store, simulated(2)[::-1], run="other")
    votes = {(vote.run, vote.round, vote.who, vote.choice): vote.item for vote in store.votes("run")}
    assert list(votes) == [("run", 0, "simulated", Choice.FIRST)]
    assert len(store.votes("run", round=0)) == 2 and store.votes("run", round=1) == []
    assert len({vote.item for vote in store.votes()}) == 2
