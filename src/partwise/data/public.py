"""Public data sets as examples: CosmosQA, SciQ, UltraFeedback and RewardBench, from the hub or from files.

Questions with several answers become balanced binary classification, as in Burns et al. 2023, "Weak-to-Strong
Generalization" (appendix A), and openai/weak-to-strong: is this the answer to the question? Comparisons keep
both texts, in an order drawn by the seed.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.data.checks import (
    DataError,
    RowError,
    checked,
    columns_checked,
    empty,
    label_in,
    same_row,
    shared,
    split_checked,
    text_in,
)
from partwise.data.tables import Table, tables_of
from partwise.types import Example

Render = Callable[[Sequence[Mapping[str, str]]], str]
"""Messages, each with a `role` and its `content`, to the text that a model reads."""

_NO_ANSWER = "None of the above choices"


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
            a fifth is held out, or another name on the hub. Files are JSON, JSON lines, CSV or parquet.
        seed: draws the order, the false answers and the positions.
        limit: at most so many examples of each split; a smaller limit gives the first of a larger one.
        render: how a comparison's conversations are written. A chat model's own way is
            `lambda messages: tokenizer.apply_chat_template(messages, tokenize=False)`.
        drop: leave bad rows out, and what is tested out of training, rather than refuse it all.

    Raises:
        DataError: there is no such data set, file or split, the hub can't be reached, or the data is bad.
        ValueError: the limit is not positive.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"the limit is at least one example, not {limit}")
    reader = _reader(name)
    source = reader.hub if source is None else source
    revision = reader.revision if source == reader.hub else None
    tables = tables_of(source, reader.splits, revision=revision, seed=seed)
    read = {split: _rows(reader, those, render, drop) for split, those in tables.items()}
    left_out = sum(more for _, more in read.values())
    rows = {split: found for split, (found, _) in read.items()}
    if "train" in reader.splits:
        rows["train"], more = _untested(rows["train"], rows["test"], drop)
        left_out += more
    for split, found in rows.items():
        random.Random(f"{seed} {split}").shuffle(found)
    examples = {split: _examples(reader, found[:limit], f"{seed} {split}") for split, found in rows.items()}
    places = {split: [row.place for row in found[:limit]] for split, found in rows.items()}
    if "train" in reader.splits:
        checked(examples["train"], examples["test"], 2, str(source), places=places)
    else:
        split_checked(examples["test"], 2, f"{source}, test", places["test"])
    train, test = (tuple(examples.get(split, ())) for split in ("train", "test"))
    return Splits(name=reader.name, classes=2, train=train, test=test, left_out=left_out)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it was understood: which text is right, and which are not."""

    place: str
    better: str
    worse: tuple[str, ...]
    content: frozenset[str]
    """What training and test may not share: the question, or the two texts that are compared."""
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
    worse = tuple(f"{question}\nAnswer: {answer}" for answer in false if answer != true)
    return _Row(place, f"{question}\nAnswer: {true}", worse, frozenset([question])) if worse else None


def _ultrafeedback(row: Mapping[str, Any], place: str, render: Render) -> _Row | None:
    """Nothing is better where the scores are equal, or the answers."""
    pair = _comparison(row, place, render)
    return None if row["score_chosen"] == row["score_rejected"] or pair.worse == (pair.better,) else pair


def _reward_bench(row: Mapping[str, Any], place: str, render: Render) -> _Row:
    return _comparison(row, place, render, text_in(row, "subset", place))


def _comparison(row: Mapping[str, Any], place: str, render: Render, group: str = "") -> _Row:
    better, worse = (render(_conversation(row, column, place)) for column in ("chosen", "rejected"))
    return _Row(place, better, (worse,), frozenset([better, worse]), group)


def _conversation(row: Mapping[str, Any], column: str, place: str) -> list[dict[str, str]]:
    """A whole conversation where the column has a list of messages, else the prompt and the answer."""
    if not isinstance(row[column], list):
        texts = {"user": text_in(row, "prompt", place), "assistant": text_in(row, column, place)}
        return [{"role": role, "content": text} for role, text in texts.items()]
    messages: list[Any] = row[column]
    where = f"{place}, column {column}"
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise RowError(
            f"{where}: this is no list of messages; give each a `role` and its `content` or take the row out."
        )
    return [
        {
            key: text_in({key: message.get(key)}, key, f"{where}, message {number}")
            for key in ("role", "content")
        }
        for number, message in enumerate(messages, 1)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How a data set is published, and what its rows mean."""

    name: str
    hub: str
    revision: str | None = None
    """The branch that holds its rows as files; the main one where it is None."""
    columns: tuple[str, ...]
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
            columns=("prompt", "chosen", "rejected", "score_chosen", "score_rejected"),
            splits={"train": ("train_prefs", "train"), "test": ("test_prefs", "test")},
            compares=True,
            read=_ultrafeedback,
        ),
        Reader(
            name="reward_bench",
            hub="allenai/reward-bench",
            columns=("prompt", "chosen", "rejected", "subset"),
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


def _rows(reader: Reader, tables: Sequence[Table], render: Render, drop: bool) -> tuple[list[_Row], int]:
    """The rows that say which text is better, and how many others there are."""
    rows: list[_Row] = []
    total = sum(len(table.numbers) for table in tables)
    if not total:
        raise empty(tables[0].where)
    for table in tables:
        if not table.numbers:
            continue
        columns_checked(table.rows.column_names, reader.columns, table.where)
        for number, row in zip(table.numbers, table.rows.select_columns(list(reader.columns)), strict=True):
            try:
                read = reader.read(row, f"{table.where}, row {number}", render)
            except RowError as error:
                read = _dropped(error, drop)
            if read is not None:
                rows.append(read)
    return rows, total - len(rows)


def _untested(train: list[_Row], test: list[_Row], drop: bool) -> tuple[list[_Row], int]:
    """The training rows that are not in the test split too, and how many are."""
    twice = shared([row.content for row in train], [row.content for row in test])
    for here, there in twice.items():
        _dropped(same_row(train[here].place, test[there].place), drop)
    return [row for position, row in enumerate(train) if position not in twice], len(twice)


def _dropped(error: RowError, drop: bool) -> None:
    if not drop:
        raise DataError(f"{str(error).removesuffix('.')}, or load with `drop`, which does.") from error


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
        key = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]
        examples.append(Example(key=key, texts=texts, label=label, group=row.group))
    return examples
