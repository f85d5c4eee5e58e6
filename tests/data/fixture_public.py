"""Small data sets with the columns, splits and quirks of the published ones, in every kind of file."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
KINDS = ("jsonl", "json", "csv", "parquet")


def cosmos_qa(n: int, start: int = 0) -> Rows:
    """Each answer says whether it is true; in every fifth question a false one is `None of the above`."""
    rows: Rows = []
    for i in range(start, start + n):
        label = i % 4
        answers = [f"true {i}" if number == label else f"false {i} {number}" for number in range(4)]
        if i % 5 == 0:
            answers[(label + 1) % 4] = "None of the above choices ."
        rows.append(
            {
                "id": f"3Q9S{i}",
                "context": f"It was a long day, number {i} .",
                "question": f"What may happen after day {i} ?",
                **{f"answer{number}": answer for number, answer in enumerate(answers)},
                "label": label,
            }
        )
    return rows


def sciq(n: int, start: int = 0) -> Rows:
    """`support` is empty in some rows, as it is there."""
    return [
        {
            "question": f"What is the {i}th element?",
            "distractor3": f"false {i} c",
            "distractor1": f"false {i} a",
            "distractor2": f"false {i} b",
            "correct_answer": f"true {i}",
            "support": "" if i % 3 else f"The {i}th element is true {i}.",
        }
        for i in range(start, start + n)
    ]


def ultrafeedback(n: int, start: int = 0) -> Rows:
    """Conversations as lists of messages."""
    rows: Rows = []
    for i in range(start, start + n):
        talks = {
            column: [
                {"content": f"Please do {i}.", "role": "user"},
                {"content": f"{said} {i}", "role": "assistant"},
            ]
            for column, said in (("chosen", "better"), ("rejected", "worse"))
        }
        rows.append(
            {
                "prompt": f"Please do {i}.",
                "prompt_id": f"{i:064x}",
                **talks,
                "messages": talks["chosen"],
                "score_chosen": 8.5,
                "score_rejected": 4.0,
            }
        )
    return rows


def reward_bench(n: int, start: int = 0, subset: str = "hep-python") -> Rows:
    """Prompt and answers as plain text."""
    return [
        {
            "prompt": f"Please do {i}.",
            "chosen": f"better {i}",
            "chosen_model": "gpt-4",
            "rejected": f"worse {i}",
            "rejected_model": "gpt-3",
            "subset": subset,
            "id": i,
        }
        for i in range(start, start + n)
    ]


ROWS = {"cosmos_qa": cosmos_qa, "sciq": sciq, "ultrafeedback": ultrafeedback, "reward_bench": reward_bench}
SPLITS = {
    "cosmos_qa": ("train", "validation"),
    "sciq": ("train", "test"),
    "ultrafeedback": ("train_prefs", "test_prefs"),
    "reward_bench": ("filtered",),
}


def write_rows(file: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Rows as the kind of file that the suffix says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif file.suffix == ".json":
        file.write_text(json.dumps(rows))
    elif file.suffix == ".csv":
        with file.open("w", newline="") as lines:
            writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(list(rows)), file)
    return file


def write_splits(folder: Path, name: str, kind: str = "jsonl", *, train: int = 30, test: int = 20) -> Path:
    """A folder with a file for each split, the test split last."""
    *training, testing = SPLITS[name]
    for split in training:
        write_rows(folder / f"{split}.{kind}", ROWS[name](train))
    write_rows(folder / f"{testing}.{kind}", ROWS[name](test, start=1000))
    return folder
