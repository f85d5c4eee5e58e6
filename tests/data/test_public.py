"""The public data sets, from small files of their form: what comes out, and what is said of bad ones."""

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from tests.data.fixture_public import (
    KINDS,
    ROWS,
    SPLITS,
    Rows,
    cosmos_qa,
    reward_bench,
    sciq,
    ultrafeedback,
    write_rows,
    write_splits,
)

from partwise.data.checks import DataError
from partwise.data.public import READERS, Splits, load
from partwise.types import Example


def refused(name: str, source: Path | str, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(name, source, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def right(example: Example) -> bool:
    """Whether the label is true, as the fixture's texts themselves say."""
    if len(example.texts) == 1:
        return ("Answer: true" in example.texts[0]) == bool(example.label)
    return ["better" in text for text in example.texts].index(True) == example.label


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "csv"])
def test_every_data_set_from_every_kind_of_file(name: str, kind: str, tmp_path: Path):
    found = load(name, write_splits(tmp_path / "d", name, kind))
    assert (found.name, found.classes, found.left_out) == (name, 2, 0)
    assert len(found.test) == 20 and len(found.train) == (0 if name == "reward_bench" else 30)
    for split in filter(None, (found.train, found.test)):
        assert all(right(example) for example in split)
        assert Counter(example.label for example in split) == {0: len(split) / 2, 1: len(split) / 2}
        assert len({example.key for example in split}) == len(split)
    assert load(name, tmp_path / "d") == found


@pytest.mark.parametrize("name", ["cosmos_qa", "sciq", "reward_bench"])
def test_csv_says_the_same_as_json(name: str, tmp_path: Path):
    in_csv, in_json = (load(name, write_splits(tmp_path / kind, name, kind)) for kind in ("csv", "json"))
    assert in_csv == in_json


def test_csv_takes_nothing_for_a_gap_or_a_number(tmp_path: Path):
    rows = sciq(10)
    for row in rows:
        row |= {"correct_answer": "None", "distractor1": "7", "distractor2": "07", "distractor3": "7.0"}
    found = load("sciq", write_rows(tmp_path / "all.csv", rows))
    answers = {example.texts[0].rpartition(" ")[2] for example in (*found.train, *found.test)}
    assert "None" in answers and answers - {"None"} <= {"7", "07", "7.0"}


@pytest.mark.parametrize("name", READERS)
def test_what_save_to_disk_wrote(name: str, tmp_path: Path):
    splits = {
        split: datasets.Dataset.from_list(ROWS[name](n, start))
        for split, n, start in zip(reversed(SPLITS[name]), (20, 30), (1000, 0), strict=False)
    }
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    assert load(name, tmp_path / "saved") == load(name, write_splits(tmp_path / "d", name))


@pytest.mark.parametrize(
    "files",
    [
        ("data/train-00-of-02.parquet", "data/train-01-of-02.parquet", "data/test-00-of-01.parquet"),
        ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
        ("train/part 1.jsonl", "train/part 2.jsonl", "test.json"),
    ],
)  # fmt: skip
def test_files_as_the_hub_has_them(files: tuple[str, str, str], tmp_path: Path):
    for file, rows in zip(files, (sciq(18), sciq(12, start=18), sciq(20, start=1000)), strict=True):
        write_rows(tmp_path / "d" / file, rows)
    write_rows(tmp_path / "d" / "validation.jsonl", sciq(5, start=2000))
    assert load("sciq", tmp_path / "d") == load("sciq", write_splits(tmp_path / "plain", "sciq"))


def test_the_splits_of_ultrafeedback_that_are_no_preferences_are_not_read(tmp_path: Path):
    folder = write_splits(tmp_path / "d", "ultrafeedback")
    write_rows(folder / "train_sft.jsonl", ultrafeedback(9, start=5000))
    assert len(load("ultrafeedback", folder).train) == 30


@pytest.mark.parametrize("name", [name for name in READERS if name != "reward_bench"])
def test_a_fifth_of_a_single_file_is_held_out(name: str, tmp_path: Path):
    found = load(name, write_rows(tmp_path / "all.jsonl", ROWS[name](50)))
    assert (len(found.train), len(found.test)) == (40, 10)
    datasets.Dataset.from_list(ROWS[name](50)).save_to_disk(tmp_path / "saved")
    assert load(name, tmp_path / "saved") == found
    assert load(name, tmp_path / "all.jsonl", seed=1) != found


def test_reward_bench_is_for_measuring_only_and_keeps_its_subsets(tmp_path: Path):
    rows = [*reward_bench(4), *reward_bench(6, start=4, subset="math-prm")]
    found = load("reward_bench", write_rows(tmp_path / "filtered.jsonl", rows))
    assert found.train == () and Counter(example.group for example in found.test) == {
        "hep-python": 4,
        "math-prm": 6,
    }


@pytest.mark.parametrize("name", READERS)
def test_the_seed_draws_and_the_limit_takes_the_first(name: str, tmp_path: Path):
    folder = write_splits(tmp_path / "d", name)
    whole, other, few = load(name, folder), load(name, folder, seed=1), load(name, folder, limit=7)
    assert whole != other and load(name, folder, seed=1) == other
    assert few.test == whole.test[:7] and few.train == whole.train[:7]
    assert sum(example.label for example in few.test) in (3, 4)
    with pytest.raises(ValueError, match="at least one example, not 0"):
        load(name, folder, limit=0)


def test_none_of_the_above_is_never_judged(tmp_path: Path):
    """It would be false wherever it stood, so that it could be told without a look at the question."""
    rows = cosmos_qa(40)
    for row in rows[:8]:
        row[f"answer{row['label']}"] = "None of the above choices ."
    found = load("cosmos_qa", write_rows(tmp_path / "all.jsonl", rows))
    assert found.left_out == 8 and len(found.train) + len(found.test) == 32
    assert not any("None of the above" in example.texts[0] for example in (*found.train, *found.test))


def test_a_comparison_in_which_nothing_is_better_is_left_out_and_counted(tmp_path: Path):
    rows = ultrafeedback(20)
    rows[3]["score_rejected"] = rows[3]["score_chosen"]
    rows[5]["rejected"] = rows[5]["chosen"]
    found = load("ultrafeedback", write_rows(tmp_path / "all.jsonl", rows))
    assert found.left_out == 2 and len(found.train) + len(found.test) == 18


def test_a_false_answer_is_never_the_true_one(tmp_path: Path):
    rows = sciq(20)
    for row in rows:
        row["distractor1"] = row["distractor2"] = row["correct_answer"]
    rows[0]["distractor3"] = rows[0]["correct_answer"]
    found = load("sciq", write_rows(tmp_path / "all.jsonl", rows))
    assert found.left_out == 1 and all(right(example) for example in (*found.train, *found.test))


def test_conversations_are_written_as_asked(tmp_path: Path):
    lists, texts = (write_splits(tmp_path / name, name) for name in ("ultrafeedback", "reward_bench"))
    (example, *_) = load("ultrafeedback", lists).test
    assert example.texts[example.label].startswith("User: Please do ")
    assert "\n\nAssistant: better " in example.texts[example.label]
    told = load("reward_bench", texts, render=lambda messages: json.dumps([*messages])).test[0]
    better = json.loads(told.texts[told.label])
    assert [message["role"] for message in better] == ["user", "assistant"]
    assert better[1]["content"].startswith("better ")


def edited(
    edit: Callable[[Rows], object], tmp_path: Path, name: str = "cosmos_qa", kind: str = "jsonl"
) -> Path:
    """A folder in which the training rows were edited."""
    folder, rows = write_splits(tmp_path / "d", name, kind), ROWS[name](10)
    edit(rows)
    write_rows(folder / f"{SPLITS[name][0]}.{kind}", rows)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_missing_columns(kind: str, tmp_path: Path):
    folder = edited(
        lambda rows: [(row.pop("label"), row.pop("answer2")) for row in rows], tmp_path, kind=kind
    )
    assert refused("cosmos_qa", folder).startswith(
        f"{folder}/train.{kind} has no column answer2 or label: it has id, context, question, answer0, "
        "answer1, answer3; "
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [4, -1, 1.5])
def test_a_label_that_is_none(label: float, kind: str, tmp_path: Path):
    folder = edited(lambda rows: rows[6].update(label=label), tmp_path, kind=kind)
    sentence = refused("cosmos_qa", folder)
    assert sentence.startswith(f"{folder}/train.{kind}, row 7, column label: the label is ")
    assert "must be an integer from 0 to 3" in sentence and str(label) in sentence


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_label_that_is_a_word_or_missing(kind: str, tmp_path: Path):
    for label in ("two", None):
        folder = edited(lambda rows, label=label: rows[6].update(label=label), tmp_path, kind=kind)
        assert f"train.{kind}, row 7, column label" in refused("cosmos_qa", folder)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_text(kind: str, tmp_path: Path):
    folder = edited(lambda rows: rows[2].update(answer1=" "), tmp_path, kind=kind)
    assert refused("cosmos_qa", folder).startswith(
        f"{folder}/train.{kind}, row 3, column answer1: the text is empty"
    )


def test_an_empty_answer_in_a_conversation(tmp_path: Path):
    folder = edited(lambda rows: rows[1]["rejected"][1].update(content=""), tmp_path, "ultrafeedback")
    assert (
        "train_prefs.jsonl, row 2, column rejected, message 2, column content: the text is empty"
        in refused("ultrafeedback", folder)
    )


@pytest.mark.parametrize("messages", [[], ["hello"], [{"content": "hello"}]])
def test_a_conversation_that_is_none(messages: list[Any], tmp_path: Path):
    folder = edited(lambda rows: [row.update(chosen=messages) for row in rows], tmp_path, "ultrafeedback")
    assert "train_prefs.jsonl, row 1, column chosen" in refused("ultrafeedback", folder)


@pytest.mark.parametrize("name", [name for name in READERS if name != "reward_bench"])
def test_a_row_of_both_splits(name: str, tmp_path: Path):
    folder = edited(lambda rows: rows.insert(4, ROWS[name](1, start=1003)[0]), tmp_path, name)
    train, test = (f"{folder}/{split}.jsonl" for split in SPLITS[name])
    assert refused(name, folder).startswith(f"{train}, row 5 and {test}, row 4 hold the same")
    kept = load(name, folder, drop=True)
    assert (len(kept.train), len(kept.test), kept.left_out) == (10, 20, 1)
    shared = {text for example in kept.train for text in example.texts}
    assert not shared & {text for example in kept.test for text in example.texts}


def test_a_question_is_shared_whichever_answers_it_has(tmp_path: Path):
    again = sciq(1, start=1000)[0] | {"distractor1": "x", "distractor2": "y", "distractor3": "z"}
    folder = edited(lambda rows: rows.append(again), tmp_path, "sciq")
    assert "train.jsonl, row 11 and" in refused("sciq", folder)


def test_bad_rows_can_be_dropped_and_are_counted(tmp_path: Path):
    folder = edited(lambda rows: (rows[2].update(answer1=""), rows[6].update(label=9)), tmp_path)
    assert "or load with `drop`" in refused("cosmos_qa", folder)
    found = load("cosmos_qa", folder, drop=True)
    assert len(found.train) == 8 and found.left_out == 2


@pytest.mark.parametrize("text", ["", "question,distractor1,distractor2,distractor3,correct_answer\n"])
def test_an_empty_split(text: str, tmp_path: Path):
    folder = write_splits(tmp_path / "d", "sciq", "csv")
    (folder / "test.csv").write_text(text)
    assert refused("sciq", folder).startswith(f"{folder}/test.csv has no rows")


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_a_file_without_rows(kind: str, tmp_path: Path):
    empty = datasets.Dataset.from_list(sciq(1)).select([])
    if kind == "parquet":
        empty.to_parquet(tmp_path / "all.parquet")
    else:
        (tmp_path / f"all.{kind}").write_text("\n" if kind == "jsonl" else "[]")
    assert refused("sciq", tmp_path / f"all.{kind}").startswith(f"{tmp_path}/all.{kind} has no rows")


def test_one_class_only(tmp_path: Path):
    folder = write_splits(tmp_path / "d", "sciq", train=1)
    assert refused("sciq", folder).startswith(f"{folder}, train: every row has the label ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_corrupt_file(kind: str, tmp_path: Path):
    folder = write_splits(tmp_path / "d", "sciq", kind)
    file = folder / f"train.{kind}"
    whole = file.read_bytes()
    file.write_bytes(whole + b'"torn' if kind == "csv" else whole[: len(whole) * 2 // 3])
    sentence = refused("sciq", folder)
    assert sentence.startswith(f"{file} can't be read as {'json' if kind == 'jsonl' else kind} (")
    assert sentence.endswith("fetch or write it anew.")
    if kind == "jsonl":
        assert f"line {file.read_text().count(chr(10)) + 1} is no JSON" in sentence


def test_a_page_of_parquet_that_is_corrupt(tmp_path: Path):
    file = write_rows(tmp_path / "all.parquet", sciq(50))
    data = bytearray(file.read_bytes())
    data[30:90] = b"x" * 60
    file.write_bytes(bytes(data))
    assert refused("sciq", file).startswith(f"{file} can't be read as parquet (")


def test_bytes_that_are_no_text(tmp_path: Path):
    for kind in ("csv", "jsonl"):
        file = write_rows(tmp_path / f"all.{kind}", sciq(5))
        file.write_bytes(file.read_bytes().replace(b"element", "élément".encode("latin-1")))
        assert refused("sciq", file).startswith(f"{file} can't be read as ")


def test_a_saved_folder_that_is_corrupt(tmp_path: Path):
    datasets.Dataset.from_list(sciq(50)).save_to_disk(tmp_path / "saved")
    data = next((tmp_path / "saved").glob("*.arrow"))
    data.write_bytes(data.read_bytes()[:100])
    assert refused("sciq", tmp_path / "saved").startswith(f"{tmp_path}/saved can't be read as ")


def test_what_is_not_there(tmp_path: Path):
    assert "there is cosmos_qa, sciq, ultrafeedback, reward_bench." in refused("scifi", tmp_path)
    assert refused("sciq", tmp_path / "gone").startswith(f"There is no file or folder {tmp_path}/gone")
    (tmp_path / "rows.txt").write_text("x")
    assert "none of the kinds that are read here: .json, .jsonl, .csv, .parquet" in refused(
        "sciq", tmp_path / "rows.txt"
    )
    write_rows(tmp_path / "d" / "dev.jsonl", sciq(5))
    assert "has no split train: there is dev.jsonl; name its file train.jsonl" in refused(
        "sciq", tmp_path / "d"
    )


def test_a_data_set_may_be_called_as_on_the_hub(tmp_path: Path):
    folder = write_splits(tmp_path / "d", "sciq")
    assert load("allenai/sciq", folder) == load("sciq", folder)
    assert isinstance(load("sciq", str(folder)), Splits)


def test_a_file_that_was_edited_is_read_anew(tmp_path: Path):
    for number in range(5):
        rows = [row | {"question": f"{row['question']} {number}"} for row in sciq(10)]
        found = load("sciq", write_rows(tmp_path / "all.jsonl", rows))
        assert all(f"? {number}\n" in example.texts[0] for example in found.train)


def test_a_file_that_was_replaced_under_its_path_and_time_is_read_anew(tmp_path: Path):
    file = write_rows(tmp_path / "all.jsonl", sciq(10))
    os.utime(file, (0, 0))
    load("sciq", file)
    file.write_text(file.read_text().replace("What is", "Which is"))
    os.utime(file, (0, 0))
    assert all("Which is" in example.texts[0] for example in load("sciq", file).train)


@pytest.mark.parametrize(
    "more",
    [
        "train.csv", "train.jsonl.gz", "backup/train.jsonl", "old/train.csv", "train/0000.jsonl",
        "train-00000-of-00001.jsonl", "data/train-00000-of-00002.jsonl",
    ],
)  # fmt: skip
def test_a_split_in_several_files_is_refused_by_name(more: str, tmp_path: Path):
    """Two forms of the same rows, or a copy beside them, would be counted twice."""
    folder = write_splits(tmp_path / "d", "sciq")
    rows = write_rows(folder / "scratch.jsonl", sciq(30))
    (folder / more).parent.mkdir(exist_ok=True)
    rows.rename(folder / more)
    sentence = refused("sciq", folder)
    assert more in sentence and "train.jsonl" in sentence and "are no shards of one another" in sentence
    assert refused("sciq", folder, drop=True) == sentence


@pytest.mark.parametrize(
    ("shards", "words"),
    [
        (("train-00000-of-00003.jsonl", "train-00002-of-00003.jsonl"), "not all 3 are there"),
        (("train-00001-of-00002.jsonl",), "not all 2 are there"),
        (("train/1.jsonl", "train/2.jsonl"), "hold the same"),
        (("train/a.jsonl", "train/a (1).jsonl"), "no shards of one another"),
    ],
)
def test_shards_that_are_missing_or_there_twice(shards: tuple[str, ...], words: str, tmp_path: Path):
    folder = write_splits(tmp_path / "d", "sciq")
    (folder / "train.jsonl").unlink()
    for number, shard in enumerate(shards):
        write_rows(folder / shard, sciq(10, start=0 if words == "hold the same" else 10 * number))
    assert words in refused("sciq", folder)


def test_what_is_hidden_is_not_read(tmp_path: Path):
    folder = write_splits(tmp_path / "d", "sciq")
    expected = load("sciq", folder)
    for hidden in (
        ".ipynb_checkpoints/train.jsonl",
        "._train.jsonl",
        ".backup/train.csv",
        ".train.jsonl.swp",
    ):
        write_rows(folder / hidden, sciq(30)) if hidden.endswith(("l", "v")) else (folder / hidden).touch()
    assert load("sciq", folder) == expected


@pytest.mark.parametrize("value", ["1.0", " 1 ", "1", 1, 1.0, " 1.00"])
def test_a_label_however_it_was_written(value: Any, tmp_path: Path):
    rows = cosmos_qa(10)
    rows[5]["label"] = value  # as it was: 5 % 4
    assert load("cosmos_qa", write_rows(tmp_path / "a.jsonl", rows)) == load(
        "cosmos_qa", write_rows(tmp_path / "b.jsonl", cosmos_qa(10))
    )


@pytest.mark.parametrize("value", ["NaN", float("nan"), float("inf"), "-inf", "high", "8/10", "", None, True])
def test_a_score_that_is_no_number(value: Any, tmp_path: Path):
    folder = edited(lambda rows: rows[4].update(score_chosen=value), tmp_path, "ultrafeedback")
    assert "train_prefs.jsonl, row 5, column score_chosen: " in refused("ultrafeedback", folder)
    assert load("ultrafeedback", folder, drop=True).left_out == 1


def test_scores_that_are_reversed_or_text(tmp_path: Path):
    folder = edited(lambda rows: rows[4].update(score_chosen=3.5), tmp_path, "ultrafeedback")
    assert "row 5: what was chosen has the score 3.5 and what was rejected 4" in refused(
        "ultrafeedback", folder
    )
    dropped = load("ultrafeedback", folder, drop=True)
    assert dropped.left_out == 1 and "row 5" in dropped.dropped[0]
    rows = ultrafeedback(10)
    rows[2] |= {"score_chosen": "8.50", "score_rejected": " 4 "}
    rows[3] |= {"score_chosen": "4.0", "score_rejected": "4"}
    assert load("ultrafeedback", write_rows(tmp_path / "all.jsonl", rows)).left_out == 1


@pytest.mark.parametrize("form", ["blanks", "NFD", "zero width"])
def test_a_question_is_shared_however_blanks_and_unicode_are_written(form: str, tmp_path: Path):
    same = {
        "blanks": "  Qu\u00e9  is\u00a0it?\n",
        "NFD": "Que\u0301 is it?",
        "zero width": "\ufeffQu\u00e9 is\u200b it?",
    }[form]
    folder = write_splits(tmp_path / "d", "sciq")
    for name, question in (("train", same), ("test", "Qu\u00e9 is it?")):
        rows = sciq(10, start=0 if name == "train" else 1000)
        rows[3]["question"] = question
        write_rows(folder / f"{name}.jsonl", rows)
    assert "train.jsonl, row 4 and" in refused("sciq", folder)
    found = load("sciq", folder, drop=True)
    assert found.left_out == 1 and len(found.train) == 9 and len(found.test) == 10


def test_files_are_read_without_asking_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[Any] = []

    def refuse(*call: Any, **_: Any) -> None:
        asked.append(call)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for kind in KINDS:
        load("sciq", write_splits(tmp_path / kind, "sciq", kind))
    assert asked == []


def test_a_path_with_signs_that_patterns_know(tmp_path: Path):
    assert len(load("sciq", write_rows(tmp_path / "a[1]*?" / "all.jsonl", sciq(10))).test) == 2


def test_offline_it_says_what_to_fetch_and_where_to_put_it(tmp_path: Path):
    script = """
from partwise.data.checks import DataError
from partwise.data.public import READERS, load
for name in READERS:
    try:
        load(name)
    except DataError as error:
        print(error)
"""
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    sentences = run.stdout.splitlines()
    assert len(sentences) == len(READERS)
    for sentence, reader in zip(sentences, READERS.values(), strict=True):
        branch = f" --revision {reader.revision}" if reader.revision else ""
        folder = reader.hub.split("/")[1]
        assert f"`hf download {reader.hub} --repo-type dataset{branch} --local-dir {folder}`" in sentence
        assert f".save_to_disk('{folder}')`, then bring the folder {folder} here" in sentence
