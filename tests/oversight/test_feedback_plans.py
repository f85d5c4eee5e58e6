"""Plans that wait for a person, and people with a password."""

from __future__ import annotations

import pytest
from tests.oversight.fixture_feedback import at_once

from partwise.oversight.feedback import FeedbackError, FeedbackStore, PlanState


def test_a_plan_is_decided_on_once(store: FeedbackStore):
    first, second, third = (store.submit_plan("run", n, {"summary": f"plan {n}"}) for n in range(3))
    assert [plan.id for plan in store.waiting_plans()] == [first, second, third]
    assert store.waiting_plans(limit=1, offset=1)[0].body == {"summary": "plan 1"}
    assert sum(at_once(8, lambda i: store.decide_plan(first, f"person {i}", i % 2 == 0))) == 1
    assert store.decide_plan(second, "ana", False, "it books\ntwice")
    assert not store.decide_plan(second, "bo", True)
    assert store.withdraw_plan(third) and not store.decide_plan(third, "bo", True)
    assert store.plan_state(first) in (PlanState.APPROVED, PlanState.REFUSED)
    plan = store.plan(second)
    assert (plan.state, plan.who, plan.reason, plan.task_index) == (
        PlanState.REFUSED, "ana", "it books\ntwice", 1,
    )  # fmt: skip
    assert store.plan_state(third) == PlanState.WITHDRAWN
    assert store.waiting_plans() == []
    with pytest.raises(FeedbackError, match="no plan 99"):
        store.decide_plan(99, "ana", True)


def test_annotators(store: FeedbackStore):
    store.add_annotator("zoë", "hash 1")
    store.add_annotator("ana", "hash 2")
    with pytest.raises(FeedbackError, match="an annotator ana already"):
        store.add_annotator("ana", "hash 3")
    store.add_annotator("ana", "hash 4", replace=True)
    assert [(a.name, a.password_hash) for a in store.annotators()] == [("ana", "hash 4"), ("zoë", "hash 1")]
    assert store.annotator("zoë") == store.annotators()[1]
    assert store.annotator("nobody") is None
