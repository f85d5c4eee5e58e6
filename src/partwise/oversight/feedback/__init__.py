"""The feedback store: every question put to people and every answer they gave, in SQLite or PostgreSQL."""

from partwise.oversight.feedback.jsonl import Exported
from partwise.oversight.feedback.jsonl import read as read_answers
from partwise.oversight.feedback.schema import (
    Annotator,
    AnnotatorCounts,
    FeedbackError,
    NotYours,
    Plan,
    PlanState,
    Progress,
    Question,
    RunCounts,
    StaleQuestion,
    StoredAnswer,
    Vote,
)
from partwise.oversight.feedback.store import MAX_REASON, FeedbackStore
from partwise.types import Purpose

__all__ = [
    "MAX_REASON",
    "Annotator",
    "AnnotatorCounts",
    "Exported",
    "FeedbackError",
    "FeedbackStore",
    "NotYours",
    "Plan",
    "PlanState",
    "Progress",
    "Purpose",
    "Question",
    "RunCounts",
    "StaleQuestion",
    "StoredAnswer",
    "Vote",
    "read_answers",
]
