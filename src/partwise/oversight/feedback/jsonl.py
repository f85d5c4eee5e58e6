"""Answers as JSON lines, with the columns that TRL's preference trainers read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from partwise.files import is_full, write_whole
from partwise.oversight.feedback.rows import checked_name, checked_person, storable
from partwise.oversight.feedback.schema import FeedbackError, Question, StoredAnswer
from partwise.oversight.feedback.speed import FAST, flags
from partwise.types import Choice, JudgmentItem, Option, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What came of an export."""

    written: int
    left_out: int
    """Answers that prefer neither: ties, and where people could not tell."""


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


_Natural = Annotated[int, Field(ge=0, lt=2**31)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Storable = Annotated[str, AfterValidator(storable)]


class _Record(BaseModel):
    """What else is known of an answer."""

    item: JudgmentItem
    run: str
    assigned_to: str | None = None
    shown_first: Annotated[int, Field(ge=0, le=1)] = 0
    """Position in `item` of the option that was shown first."""
    seconds: _Seconds | None = None
    took: _Seconds | None = None
    characters: _Natural | None = None
    reason: _Storable = ""
    version: _Storable = ""
    when: datetime | None = None
    alone: bool = False
    extra: dict[str, Any] | None = None


class _Line(BaseModel):
    """One answer; only the first three columns must be there.

    `datasets` guesses the type of a column from the first lines, and one that holds nothing there, or dates,
    can't take anything else later. What may come so stands in `record`, which is JSON in a string.
    """

    prompt: str
    chosen: str
    rejected: str
    """With a tie, or where they could not tell, these two are the first and the second option."""
    choice: Choice | None = None
    who: str = "imported"
    purpose: Purpose = Purpose.QUERY
    round: _Natural = 0
    position: _Natural | None = None
    record: Annotated[_Record, BeforeValidator(_loaded)] | None = None


def write(path: Path, answers: Iterable[StoredAnswer], *, ties: bool, rate: float = FAST) -> Exported:
    """Write answers to `path`, whole or not at all; see `files.write_whole`.

    Ties, and where people could not tell, are left out unless `ties`: TRL would read them as preferences.
    Those that came faster than `rate` characters a second are marked in `flags`.

    Raises:
        FeedbackError: the file can't be written.
    """
    kept: list[str] = []
    left_out = 0
    for answer in answers:
        if answer.answer.preferred is None and not ties:
            left_out += 1
        else:
            kept.append(line(answer, rate))
    try:
        write_whole(path, kept)
    except OSError as error:
        if is_full(error):
            raise FeedbackError(f"The disk is full: {path} has no room; nothing was half-written.") from error
        raise FeedbackError(f"{path} can't be written: {error.strerror}.") from error
    return Exported(written=len(kept), left_out=left_out)


def line(answer: StoredAnswer, rate: float = FAST) -> str:
    """One answer as a line of a file."""
    return json.dumps(_line(answer, rate), ensure_ascii=False) + "\n"


def _line(answer: StoredAnswer, rate: float) -> dict[str, Any]:
    question, item = answer.question, answer.question.item
    preferred = answer.answer.preferred or 0
    record = {
        "item": asdict(item),
        "run": question.run,
        "assigned_to": question.assigned_to,
        "shown_first": answer.order[0],
        "seconds": answer.seconds,
        "took": answer.took,
        "characters": answer.characters,
        "reason": answer.reason,
        "version": answer.version,
        "when": answer.when.isoformat(),
        "alone": question.alone,
        "extra": question.extra,
    }
    return {
        "prompt": item.question,
        "chosen": item.options[preferred].text,
        "rejected": item.options[1 - preferred].text,
        "choice": answer.choice,
        "who": answer.who,
        "purpose": question.purpose,
        "round": question.round,
        "position": question.position,
        "id": str((question.extra or {}).get("id", "")),
        "flags": flags(answer, rate),
        "record": json.dumps(record),
    }


def read_text(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises:
        FeedbackError: it can't be read, or is no such text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FeedbackError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FeedbackError(f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}).") from error


def read(path: Path, run: str | None) -> list[StoredAnswer]:
    """The answers in a file that `write` wrote, or in any with `prompt`, `chosen` and `rejected` as text.

    What the file does not say is filled in: round 0, the order of the lines, "imported". All ids are 0.

    Args:
        path: the file.
        run: which run all of them are put in; None for those that the file names.

    Raises:
        FeedbackError: the file can't be read, or a line holds no answer or contradicts an earlier one; file
            and line are named.
    """
    lines = read_text(path).split("\n")
    now = datetime.now(UTC)
    answers: list[StoredAnswer] = []
    asked: dict[Any, JudgmentItem] = {}
    said: dict[Any, Choice] = {}
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            answer = _answer(_Line.model_validate(json.loads(text)), run, number - 1, now)
            question = answer.question
            place = (question.run, question.round, question.position, question.assigned_to)
            if asked.setdefault(place, question.item) != question.item:
                raise ValueError("an earlier line asks something else in the same round and position")
            if said.setdefault((place, answer.who), answer.choice) != answer.choice:
                raise ValueError(f"{answer.who} answers the same question otherwise in an earlier line")
        except (ValueError, RecursionError, FeedbackError) as error:
            raise FeedbackError(f"{path}, line {number}: {_complaint(error)}.") from error
        answers.append(answer)
    return answers


def _answer(line: _Line, run: str | None, index: int, now: datetime) -> StoredAnswer:
    record = line.record
    if record is None:
        if run is None:
            raise ValueError("it does not say which run it belongs to; name one to put it in")
        record = _Record(item=_bare_item(line), run=run)
    question = Question(
        id=0,
        run=checked_name(run or record.run, "run"),
        round=line.round,
        position=index if line.position is None else line.position,
        item=record.item,
        purpose=line.purpose,
        order=(record.shown_first, 1 - record.shown_first),
        assigned_to=None if record.assigned_to is None else checked_person(record.assigned_to),
        alone=record.alone,
        extra=record.extra,
    )
    return StoredAnswer(
        id=0,
        question=question,
        who=checked_person(line.who),
        choice=_choice(line, record.item),
        order=question.order,
        seconds=record.seconds,
        took=record.took,
        characters=record.characters,
        reason=record.reason,
        version=record.version,
        when=now if record.when is None else record.when.replace(tzinfo=record.when.tzinfo or UTC),
    )


def _bare_item(line: _Line) -> JudgmentItem:
    """Options in alphabetical order, so that whoever was asked the same was asked the same item."""
    if line.chosen == line.rejected:
        raise ValueError("`chosen` and `rejected` are the same")
    first, second = sorted((line.chosen, line.rejected))
    return JudgmentItem(
        key=f"{line.prompt}\n---\n{first}\n---\n{second}",
        question=line.prompt,
        options=(
            Option(text=first, consequences={}, useful=0.0),
            Option(text=second, consequences={}, useful=0.0),
        ),
        complexity=max(len(first.split()), len(second.split())),
    )


def _choice(line: _Line, item: JudgmentItem) -> Choice:
    if line.choice is Choice.TIE or line.choice is Choice.UNSURE:
        return line.choice
    texts = [option.text for option in item.options]
    # Of a bare line, `choice` can't be meant: its order of the options is ours.
    meant = line.choice if line.record else None
    for choice, said in ((Choice.FIRST, texts), (Choice.SECOND, texts[::-1])):
        if [line.chosen, line.rejected] == said and meant in (None, choice):
            return choice
    raise ValueError("`chosen` and `rejected` are not what `choice` and `record` say")


def _complaint(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON ({error.msg} at column {error.colno})"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"`{where}`: {first['msg']}" if where else "it is no JSON object"
    return str(error).rstrip(".")
