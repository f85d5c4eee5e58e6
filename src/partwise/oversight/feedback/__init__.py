"""The feedback store: every question put to people and every answer they gave, in SQLite or PostgreSQL."""

from partwise.oversight.feedback.browse import Speed, Wanted
from partwise.oversight.feedback.jsonl import Exported
from partwise.oversight.feedback.jsonl import read as read_answers
from partwise.oversight.feedback.pairs import Pair, read_pairs
from partwise.oversight.feedback.schema import (
    Annotator,
    AnnotatorCounts,
    FeedbackError,
    Invitation,
    NotYours,
    Plan,
    PlanState,
    Progress,
    Question,
    Role,
    RunCounts,
    StaleQuestion,
    StoredAnswer,
    Vote,
)
from partwise.oversight.feedback.sets import Added, Brief
from partwise.oversight.feedback.speed import FAST
from partwise.oversight.feedback.store import MAX_REASON, FeedbackStore
from partwise.types import Purpose

__all__ = [
    "FAST",
    "MAX_REASON",
    "Added",
    "Annotator",
    "AnnotatorCounts",
    "Brief",
    "Exported",
    "FeedbackError",
    "FeedbackStore",
    "Invitation",
    "NotYours",
    "Pair",
    "Plan",
    "PlanState",
    "Progress",
    "Purpose",
    "Question",
    "Role",
    "RunCounts",
    "Speed",
    "StaleQuestion",
    "StoredAnswer",
    "Vote",
    "Wanted",
    "read_answers",
    "read_pairs",
]
