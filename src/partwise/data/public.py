"""Public data sets as examples: CosmosQA, SciQ, UltraFeedback and RewardBench, from the hub or from files.

Questions with several answers become balanced binary classification, as in Burns et al. 2023, "Weak-to-Strong
Generalization" (appendix A), and openai/weak-to-strong: is this the answer to the question? Comparisons keep
both texts, in an order drawn by the seed.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partwise.data.checks import (
    DataError,
    RowError,
    canonical,
    checked,
    columns_checked,
    empty,
    label_in,
    number_in,
    same_row,
    shared,
    split_checked,
    text_in,
)
from partwise.data.conversations import Message, conversation
from partwise.data.files import Fault, Table
from partwise.data.tables import tables_of
from partwise.types import Example

Render = Callable[[Sequence[Mapping[str, str]]], str]
"""Messages, each with a `role` and its `content`, to the text that a model reads."""

_NO_ANSWER = "None of the above choices"
_HELD_OUT = 0.2
"""Share of a source without splits that becomes the test split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """A data set as the laboratory takes it: checked, in random order, its labels balanced up to one."""

    name: str
    classes: int
    """Of the labels: classes of the one text, or positions of the better of two."""
    train: tuple[Example, ...]
    """Empty where the data set is for measuring only."""
    test: tuple[Example, ...]
    left_out: int
    """Rows that make no example: no text of theirs is better than the others, or they were dropped."""
    dropped: tuple[str, ...] = field(compare=False)
    """Why, for each row that was dropped: a sentence that names it."""
    asked: tuple[str, ...]
    """What each example of `train` is asked: its question, or what came before the answers, by which examples
    are told apart. Equal but for blanks and Unicode's form, it is the same."""
    places: Mapping[str, str] = field(compare=False)
    """Key of an example to the words for where it stands."""

    def halves(self, most: int) -> tuple[list[Example], list[Example]]:
        """Two equal numbers of training examples, at most `most`, that are asked nothing in common.

        Raises:
            DataError: there are not two different questions.
        """
        groups: dict[str, list[Example]] = {}
        for example, asked in zip(self.train, self.asked, strict=True):
            groups.setdefault(asked, []).append(example)
        half = min(most, len(self.train) // 2)
        first: list[Example] = []
        second: list[Example] = []
        for group in groups.values():
            fits = len(first) + min(len(group), half) <= half
            (first if fits else second).extend(group[:half])
        size = min(half, len(first), len(second))
        if not size:
            raise DataError(f"All of the training rows of {self.name} ask the same; two halves need two.")
        return first[:size], second[:size]


def plain(messages: Sequence[Mapping[str, str]]) -> str:
    """A conversation as text without any model's own signs: each role, a colon and what it says."""
    return "\n\n".join(f"{message['role'].capitalize()}: {message['content']}" for message in messages)


def load(
    name: str,
    source: str | Path | None = None,
    *,
    seed: int = 0,
    limit: int | None = None,
    render: Render = plain,
    drop: bool = False,
) -> Splits:
    """Read a public data set. The same arguments and rows give the same examples.

    Args:
        name: one of `READERS`, or what it is called on the Hugging Face hub.
        source: where its rows are, in the columns that it is published with; by default its place on the hub.
            Else a folder with a file or a folder for each split (`train.jsonl`, `test/0000.parquet`,
            `data/train-00000-of-00001.parquet`), a folder that `save_to_disk` wrote, a single file, of which
            a fifth is held out, or another name on the hub. Files are JSON, JSON lines, CSV or parquet, also
            in gzip, bzip2 or xz.
        seed: draws the order, the false answers and the positions.
        limit: at most so many examples of each split; a smaller limit gives the first of a larger one.
        render: how a comparison's conversations are written, a ValueError for one that can't be. A chat
            model's own way is `lambda messages: models.classifier.conversation_of(tokenizer, messages)`.
        drop: leave bad rows out, and what is tested out of training, rather than refuse it all.

    Nobody is tested on what was trained on: a question of both splits is refused, or dropped from training.
    Texts stand in the examples as they were written.

    Raises:
        DataError: there is no such data set, file or split, the hub can't be reached, or the data is bad.
        ValueError: the limit is not positive.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"the limit is at least one example, not {limit}")
    reader = _reader(name)
    source = reader.hub if source is None else source
    revision = reader.revision if source == reader.hub else None
    dropped: list[str] | None = [] if drop else None
    tables = tables_of(source, reader.splits, revision=revision)
    if isinstance(tables, Table):
        found, left_out = _rows(reader, [tables], render, dropped)
        rows = _held_out(found, seed) if "train" in reader.splits else {"test": found}
    else:
        read = {split: _rows(reader, those, render, dropped) for split, those in tables.items()}
        rows, left_out = (
            {split: found for split, (found, _) in read.items()},
            sum(n for _, n in read.values()),
        )
    if "train" in rows:
        rows["train"], more = _untested(rows["train"], rows["test"], dropped)
        left_out += more
    for split, found in rows.items():
        random.Random(f"{seed} {split}").shuffle(found)
    rows = {split: found[:limit] for split, found in rows.items()}
    if dropped and not all(rows.values()):
        raise DataError(
            f"{source} has no rows left: {len(dropped):,} were dropped, such as this: {dropped[0]}"
        )
    examples = {split: _examples(reader, found, f"{seed} {split}") for split, found in rows.items()}
    places = {split: [row.place for row in found] for split, found in rows.items()}
    if "train" in rows:
        checked(examples["train"], examples["test"], 2, str(source), places=places)
    else:
        split_checked(examples["test"], 2, f"{source}, test", places["test"])
    return Splits(
        name=reader.name,
        classes=2,
        train=tuple(examples.get("train", ())),
        test=tuple(examples["test"]),
        left_out=left_out,
        dropped=tuple(dropped or ()),
        asked=tuple(row.asked for row in rows.get("train", ())),
        places={
            example.key: place
            for split, those in examples.items()
            for example, place in zip(those, places[split], strict=True)
        },
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it was understood: which text is right, and which are not."""

    place: str
    better: str
    worse: tuple[str, ...]
    asked: str
    """What training and test may not share: the question, or what came before the answers; canonical."""
    group: str = ""


def _cosmos_qa(row: Mapping[str, Any], place: str, render: Render) -> _Row | None:
    """`None of the above` answers nothing when it stands alone, so it is never the text that is judged."""
    context, question = (text_in(row, column, place) for column in ("context", "question"))
    answers = [text_in(row, f"answer{number}", place) for number in range(4)]
    true = answers[label_in(row, "label", 4, place)]
    false = [answer for answer in answers if _NO_ANSWER not in answer]
    return (
        None
        if _NO_ANSWER in true
        else _question(place, f"Context: {context}\nQuestion: {question}", true, false)
    )


def _sciq(row: Mapping[str, Any], place: str, render: Render) -> _Row | None:
    """Without the support, which gives the answer away."""
    question, true = (text_in(row, column, place) for column in ("question", "correct_answer"))
    false = [text_in(row, f"distractor{number}", place) for number in (1, 2, 3)]
    return _question(place, f"Question: {question}", true, false)


def _question(place: str, question: str, true: str, false: Sequence[str]) -> _Row | None:
    worse = tuple(f"{question}\nAnswer: {answer}" for answer in false if canonical(answer) != canonical(true))
    return _Row(place, f"{question}\nAnswer: {true}", worse, canonical(question)) if worse else None


def _ultrafeedback(row: Mapping[str, Any], place: str, render: Render) -> _Row | None:
    """Nothing is better where the scores are equal, or the answers."""
    better, worse = (number_in(row, f"score_{column}", place) for column in ("chosen", "rejected"))
    if better < worse:
        raise RowError(
            f"{place}: what was chosen has the score {better:g} and what was rejected {worse:g}; turn them "
            "round or take the row out."
        )
    pair = _comparison(row, place, render)
    return None if better == worse else pair


def _reward_bench(row: Mapping[str, Any], place: str, render: Render) -> _Row | None:
    return _comparison(row, place, render, text_in(row, "subset", place).strip())


def _comparison(row: Mapping[str, Any], place: str, render: Render, group: str = "") -> _Row | None:
    """None where the two are the same."""
    better, worse = (conversation(row, column, place) for column in ("chosen", "rejected"))
    if _known(better) == _known(worse):
        return None
    texts = [
        _rendered(render, said, f"{place}, column {column}")
        for said, column in ((better, "chosen"), (worse, "rejected"))
    ]
    if texts[0] == texts[1]:
        raise RowError(
            f"{place}: the model's chat template shows the two answers as the same text; mend it or take the "
            "row out."
        )
    return _Row(place, texts[0], (texts[1],), _known(better[:-1]), group)


def _known(messages: Sequence[Message]) -> str:
    return json.dumps([[message["role"], canonical(message["content"])] for message in messages])


def _rendered(render: Render, messages: Sequence[Message], place: str) -> str:
    try:
        return render(messages)
    except ValueError as error:
        raise RowError(f"{place}: {error}; mend it or take the row out.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How a data set is published, and what its rows mean."""

    name: str
    hub: str
    revision: str | None = None
    """The branch that holds its rows as files; the main one where it is None."""
    columns: tuple[str, ...]
    """That must be there; comparisons may also need `prompt`, where answers stand alone."""
    splits: Mapping[str, tuple[str, ...]]
    """`train`, unless it is for measuring only, and `test`, each with its names, the published one first."""
    compares: bool
    read: Callable[[Mapping[str, Any], str, Render], _Row | None]


READERS = {
    reader.name: reader
    for reader in (
        Reader(
            name="cosmos_qa",
            hub="allenai/cosmos_qa",
            # The main branch has a script, which the library no longer runs. The labels of test are hidden.
            revision="refs/convert/parquet",
            columns=("context", "question", "answer0", "answer1", "answer2", "answer3", "label"),
            splits={"train": ("train",), "test": ("validation", "valid", "test")},
            compares=False,
            read=_cosmos_qa,
        ),
        Reader(
            name="sciq",
            hub="allenai/sciq",
            columns=("question", "distractor1", "distractor2", "distractor3", "correct_answer"),
            splits={"train": ("train",), "test": ("test",)},
            compares=False,
            read=_sciq,
        ),
        Reader(
            name="ultrafeedback",
            hub="HuggingFaceH4/ultrafeedback_binarized",
            columns=("chosen", "rejected", "score_chosen", "score_rejected"),
            splits={"train": ("train_prefs", "train"), "test": ("test_prefs", "test")},
            compares=True,
            read=_ultrafeedback,
        ),
        Reader(
            name="reward_bench",
            hub="allenai/reward-bench",
            columns=("chosen", "rejected", "subset"),
            splits={"test": ("filtered", "test")},
            compares=True,
            read=_reward_bench,
        ),
    )
}
"""The data sets by name."""


def _reader(name: str) -> Reader:
    by_name = READERS | {reader.hub: reader for reader in READERS.values()}
    if name not in by_name:
        raise DataError(f"There is no data set `{name}`: there is {', '.join(READERS)}.")
    return by_name[name]


def _rows(
    reader: Reader, tables: Sequence[Table], render: Render, dropped: list[str] | None
) -> tuple[list[_Row], int]:
    """The rows that say which text is better, and how many others there are.

    Bad ones are refused, or noted in `dropped` where that is a list.
    """
    rows: list[_Row] = []
    total = sum(len(table.rows) for table in tables)
    if not total:
        raise empty(tables[0].where)
    for table in tables:
        if len(table.rows):
            columns_checked(table.columns, reader.columns, table.where)
        for place, row in table.placed():
            try:
                if isinstance(row, Fault):
                    raise RowError(f"{place}: {row}; mend it or take the row out.")
                read = reader.read(row, place, render)
            except RowError as error:
                read = _drop(error, dropped)
            if read is not None:
                rows.append(read)
    return rows, total - len(rows)


def _held_out(rows: Sequence[_Row], seed: int) -> dict[str, list[_Row]]:
    """A source without splits, of which a share is drawn for the test, all rows of a question together."""
    questions = list(dict.fromkeys(row.asked for row in rows))
    random.Random(f"{seed} held out").shuffle(questions)
    counts = Counter(row.asked for row in rows)
    tested: set[str] = set()
    held = 0
    for question in questions:
        if held >= max(1, round(_HELD_OUT * len(rows))):
            break
        tested.add(question)
        held += counts[question]
    split: dict[str, list[_Row]] = {"train": [], "test": []}
    for row in rows:
        split["test" if row.asked in tested else "train"].append(row)
    return split


def _untested(train: list[_Row], test: list[_Row], dropped: list[str] | None) -> tuple[list[_Row], int]:
    """The training rows that are not in the test split too, and how many are."""
    twice = shared([row.asked for row in train], [row.asked for row in test])
    for here, there in twice.items():
        _drop(same_row(train[here].place, test[there].place), dropped)
    return [row for position, row in enumerate(train) if position not in twice], len(twice)


def _drop(error: RowError, dropped: list[str] | None) -> None:
    if dropped is None:
        raise DataError(f"{str(error).removesuffix('.')}, or load with `drop`, which does.") from error
    dropped.append(str(error))


def _examples(reader: Reader, rows: Sequence[_Row], seed: str) -> list[Example]:
    """An example a row. Of every two, one has the label 0 and one the label 1."""
    rng = random.Random(seed)
    labels: list[int] = []
    examples: list[Example] = []
    for row in rows:
        labels = labels or rng.sample((0, 1), 2)
        label, worse = labels.pop(), rng.choice(row.worse)
        if reader.compares:
            texts = (worse, row.better) if label else (row.better, worse)
        else:
            texts = (row.better if label else worse,)
        key = hashlib.sha256(json.dumps([*map(canonical, texts)]).encode()).hexdigest()[:16]
        examples.append(Example(key=key, texts=texts, label=label, group=row.group))
    return examples
