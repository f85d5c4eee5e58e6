"""Everyone's answers: filtered, page by page, how far people agree on them, and as a file. For owners."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from partwise.console.own import PAGE, page_of, shown_answer
from partwise.console.web import At, Console, Owner, PageNumber, Refusal, page
from partwise.oversight.feedback import Speed, StoredAnswer, Wanted
from partwise.oversight.feedback.jsonl import line
from partwise.oversight.feedback.speed import flags
from partwise.types import Choice

if TYPE_CHECKING:
    from partwise.measure.annotators import Agreement

router = APIRouter()
_LISTED = 200
_computing = threading.Lock()
_COLUMNS = (
    *("who", "set", "round", "position", "id", "prompt", "first", "second", "choice", "shown_first"),
    *("took", "seconds", "characters", "flags", "reason", "when"),
)
_CHOICES = (
    *(("first", "First"), ("second", "Second")),
    *(("tie", "As good"), ("unsure", "Can't tell")),
)
_SPEEDS = (("fast", "Fast"), ("read", "Not fast"), ("unmeasured", "Not measured"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as the address has it; an empty field wants all."""

    who: str = ""
    run: str = ""
    choice: str = ""
    speed: str = ""
    since: str = ""
    until: str = ""
    """A day, UTC, that is still in it."""

    @property
    def query(self) -> str:
        """As part of an address, without what is empty."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return urlencode({name: value for name, value in fields.items() if value})


def _asked(
    who: str = "", run: str = "", choice: str = "", speed: str = "", since: str = "", until: str = ""
) -> Asked:
    return Asked(who, run, choice, speed, since, until)


Filter = Annotated[Asked, Depends(_asked)]


@router.get("/answers")
def show(
    request: Request, console: At, session: Owner, asked: Filter, page_number: PageNumber = 1
) -> Response:
    """The answers that are wanted, the latest first."""
    wanted = _wanted(console, asked)
    total = console.store.count(wanted)
    number, pages = page_of(total, page_number)
    found = console.store.find(wanted, limit=PAGE, offset=(number - 1) * PAGE)
    return page(
        request,
        "everyone.html",
        session=session,
        asked=asked,
        answers=[shown_answer(answer, console.rate, order=(0, 1)) for answer in found],
        total=total,
        page_number=number,
        pages=pages,
        people=[(each.who, each.who) for each in console.store.counts(limit=_LISTED)],
        runs=[(each.run, each.run) for each in console.store.runs(limit=_LISTED)],
        choices=_CHOICES,
        speeds=_SPEEDS,
        rate=console.rate,
    )


@router.get("/answers/agreement")
def agreement(request: Request, console: At, session: Owner, asked: Filter) -> Response:
    """Agreement and reliability, over the answers that are wanted."""
    found = _agreement(console, asked)
    return page(request, "agreement.html", session=session, agreement=found, asked=asked)


@router.get("/answers/export.jsonl")
def export_jsonl(console: At, session: Owner, asked: Filter) -> Response:
    """The answers that are wanted as JSON lines, ties and undecided ones too; see `feedback.jsonl`."""
    wanted = _wanted(console, asked)
    lines = (line(answer, console.rate) for answer in console.store.find_all(wanted))
    return _file(lines, "jsonl", "application/jsonl")


@router.get("/answers/export.csv")
def export_csv(console: At, session: Owner, asked: Filter) -> Response:
    """The answers that are wanted as a table, with the texts of the options."""
    wanted = _wanted(console, asked)
    return _file(_table(console.store.find_all(wanted), console.rate), "csv", "text/csv; charset=utf-8")


def _file(pieces: Iterator[str], ending: str, media: str) -> Response:
    name = f"answers-{datetime.now(UTC):%Y-%m-%d}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=media, headers=headers)


def _table(answers: Iterator[StoredAnswer], rate: float) -> Iterator[str]:
    """RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for answer in answers:
        rows.writerow([_cell(value) for value in _row(answer, rate)])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _row(answer: StoredAnswer, rate: float) -> tuple[Any, ...]:
    question, item = answer.question, answer.question.item
    return (
        *(answer.who, question.run, question.round, question.position, (question.extra or {}).get("id", "")),
        *(item.question, item.options[0].text, item.options[1].text),
        *(answer.choice.value, ("first", "second")[answer.order[0]], answer.took, answer.seconds),
        *(answer.characters, flags(answer, rate), answer.reason, answer.when.isoformat()),
    )


def _wanted(console: Console, asked: Asked) -> Wanted:
    """What the address asks for.

    Raises:
        Refusal: it makes no sense.
    """
    try:
        until = _day(asked.until)
        return Wanted(
            run=asked.run or None,
            who=asked.who or None,
            choice=Choice(asked.choice) if asked.choice else None,
            speed=Speed(asked.speed) if asked.speed else None,
            since=_day(asked.since),
            before=until + timedelta(days=1) if until else None,
            rate=console.rate,
        )
    except (ValueError, OverflowError) as error:
        raise Refusal(422, "That filter makes no sense; choose one from the lists.") from error


def _day(text: str) -> datetime | None:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None


def _agreement(console: Console, asked: Asked) -> Agreement:
    """Computed once for the same votes, one computation at a time."""
    # Here, since what it brings along would double the time that the server takes to start.
    from partwise.measure.annotators import Label, agreement_of

    with _computing:
        votes = console.store.find_votes(_wanted(console, asked))
        state = hash(tuple(votes))
        known = console.computed.get("agreement")
        if known is not None and known[0] == (asked, state):
            return known[1]
        labels = (Label(f"{vote.run}\n{vote.round}\n{vote.item}", vote.who, vote.choice) for vote in votes)
        found = agreement_of(labels)
        console.computed["agreement"] = ((asked, state), found)
        return found
