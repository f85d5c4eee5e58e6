"""Items to ask, and answers to find again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from hypothesis import strategies as st

from partwise.oversight.feedback import FeedbackStore, Purpose, Question
from partwise.types import Answer, Choice, JudgmentItem, Option


def item(number: int) -> JudgmentItem:
    options = (
        Option(text=f"return {number}", consequences={"privacy": 0.5}, useful=1.0, observed="trial 1\n  ok"),
        Option(text="return None", consequences={}, useful=0.0),
    )
    return JudgmentItem(key=f"item {number}", question=f"Which, {number}?", options=options, complexity=7)


def items(count: int) -> list[JudgmentItem]:
    return [item(number) for number in range(count)]


def ask(store: FeedbackStore, count: int = 3, *, run: str = "run", round: int = 0, **more) -> list[Question]:
    return store.ask(run, round, items(count), purposes=[Purpose.QUERY] * count, version="v", **more)


def simulated(count: int, choice: Choice = Choice.FIRST, who: str = "simulated") -> list[Answer]:
    return [Answer(item=item, choice=choice, who=who, version="spring") for item in items(count)]


def record(
    store: FeedbackStore, answers: Sequence[Answer], *, run: str = "run", round: int = 0, **more
) -> None:
    store.record(run, round, answers, purposes=[Purpose.CONTROL] * len(answers), **more)


_TEXT = st.text(max_size=20)
_OPTION = st.builds(
    Option,
    text=_TEXT,
    consequences=st.dictionaries(_TEXT, st.floats(0, 1), max_size=3),
    useful=st.floats(0, 1) | st.integers(0, 1),
    observed=_TEXT,
)
ANY_ITEM = st.builds(
    JudgmentItem,
    key=_TEXT,
    question=_TEXT,
    options=st.tuples(_OPTION, _OPTION),
    complexity=st.integers(0, 10**6),
)


def answer(store: FeedbackStore, question: Question | None, who: str, choice=Choice.FIRST, **more) -> bool:
    assert question is not None
    return store.answer(question.id, who, choice, **{"submission": str(uuid.uuid4()), **more})


def at_once(count: int, call: Callable[[int], bool]) -> list[bool]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))
