"""Answers go out as JSON lines that TRL reads, and come back as they were."""

from __future__ import annotations

import json
import os
import random
import re
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oversight.fixture_feedback import ANY_ITEM, ask, item, record, simulated

from partwise.oversight.feedback import Exported, FeedbackError, FeedbackStore, Purpose, StoredAnswer
from partwise.types import Choice, JudgmentItem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@pytest.fixture
def other(tmp_path: Path) -> Iterator[FeedbackStore]:
    with FeedbackStore(tmp_path / "other.db") as store:
        yield store


def nameless(answers: list[StoredAnswer]) -> list[StoredAnswer]:
    """Without the ids, which are each store's own."""
    return [replace(a, id=0, question=replace(a.question, id=0)) for a in answers]


def write_lines(path: Path, *lines: Any) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


BARE = {"prompt": "Which?", "chosen": "the kind one", "rejected": "a rude one"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    item=ANY_ITEM,
    choice=st.sampled_from(Choice),
    reason=st.text(max_size=50),
    seconds=st.none() | st.floats(0, 1e9),
    who=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20),
    assigned=st.booleans(),
    shown=st.booleans(),
)
def test_what_goes_out_comes_back(
    store: FeedbackStore,
    other: FeedbackStore,
    tmp_path: Path,
    item: JudgmentItem,
    choice: Choice,
    reason: str,
    seconds: float | None,
    who: str,
    assigned: bool,
    shown: bool,
):
    run = str(uuid.uuid4())
    (question,) = store.ask(
        run, 7, [item], purposes=[Purpose.CONTROL], version="v", assigned_to=who if assigned else None
    )
    if shown:  # only then has the server a time
        assert store.next_question(who, run=run) is not None
    store.answer(question.id, who, choice, submission=run, seconds=seconds, reason=reason)
    assert (store.answers(run)[0].took is not None) == shown
    path = tmp_path / "out.jsonl"
    assert store.export_jsonl(path, run, ties=True) == Exported(written=1, left_out=0)
    assert store.import_jsonl(path) == 0, "all of it is there"
    assert other.import_jsonl(path) == 1
    assert nameless(other.answers(run)) == nameless(store.answers(run))
    other.export_jsonl(tmp_path / "again.jsonl", run, ties=True)
    assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()


def test_half_of_a_surrogate_pair_comes_back(store: FeedbackStore, other: FeedbackStore, tmp_path: Path):
    torn = replace(item(0), question="\ud83d?")
    record(store, [replace(answer, item=torn) for answer in simulated(1)])
    store.export_jsonl(tmp_path / "out.jsonl")
    assert other.import_jsonl(tmp_path / "out.jsonl") == 1
    assert other.answers()[0].question.item == torn


def test_the_columns_are_those_of_trl(store: FeedbackStore, tmp_path: Path):
    record(store, simulated(1, Choice.SECOND))
    assert store.export_jsonl(tmp_path / "out.jsonl").written == 1
    (line,) = lines_of(tmp_path / "out.jsonl")
    assert (line["prompt"], line["chosen"], line["rejected"]) == ("Which, 0?", "return None", "return 0")
    assert (line["choice"], line["who"], line["purpose"]) == ("second", "simulated", "control")
    more = json.loads(line["record"])
    assert (more["run"], more["version"], more["seconds"]) == ("run", "spring", None)


def test_ties_are_left_out_unless_they_are_asked_for(store: FeedbackStore, tmp_path: Path):
    for question, choice in zip(ask(store, 4), Choice, strict=True):
        store.answer(question.id, "ana", choice, submission=choice)
    assert store.export_jsonl(tmp_path / "out.jsonl") == Exported(written=2, left_out=2)
    assert {line["choice"] for line in lines_of(tmp_path / "out.jsonl")} == {"first", "second"}
    assert store.export_jsonl(tmp_path / "ties.jsonl", ties=True) == Exported(written=4, left_out=0)
    tie = lines_of(tmp_path / "ties.jsonl")[2]
    assert (tie["choice"], tie["chosen"], tie["rejected"]) == ("tie", "return 2", "return None")


def test_only_what_stands_of_the_run_goes_out(store: FeedbackStore, tmp_path: Path):
    record(store, simulated(2), run="other")
    first, second = ask(store, 2)
    for question in (first, second):
        store.answer(question.id, "ana", Choice.FIRST, submission=str(question.id))
    store.undo("ana")
    assert store.export_jsonl(tmp_path / "run.jsonl", "run").written == 1
    assert store.export_jsonl(tmp_path / "all.jsonl").written == 3
    assert store.export_jsonl(tmp_path / "none.jsonl", "none") == Exported(written=0, left_out=0)


def test_importing_twice_adds_nothing(store: FeedbackStore, tmp_path: Path):
    path = write_lines(tmp_path / "in.jsonl", BARE, "", {**BARE, "prompt": "And now?", "who": "bo"})
    assert [store.import_jsonl(path, "theirs"), store.import_jsonl(path, "theirs")] == [2, 0]
    assert store.import_jsonl(path, "another run") == 2
    first, second = store.answers("theirs")
    assert (first.who, second.who, first.question.position, second.question.position) == (
        "imported", "bo", 0, 2,
    )  # fmt: skip
    assert first.question.item.question == "Which?"
    assert first.question.item.options[first.answer.preferred].text == "the kind one"
    assert store.next_question("ana") is None, "they wait for nobody"


def test_whoever_was_asked_the_same_was_asked_the_same_item(store: FeedbackStore, tmp_path: Path):
    swapped = {**BARE, "chosen": BARE["rejected"], "rejected": BARE["chosen"], "who": "bo", "position": 0}
    assert store.import_jsonl(write_lines(tmp_path / "in.jsonl", BARE, swapped), "theirs") == 2
    ours, theirs = store.votes()
    assert ours.item == theirs.item and {ours.choice, theirs.choice} == {Choice.FIRST, Choice.SECOND}


def test_an_export_can_be_put_in_another_run(store: FeedbackStore, tmp_path: Path):
    record(store, simulated(3))
    store.export_jsonl(tmp_path / "out.jsonl")
    assert store.import_jsonl(tmp_path / "out.jsonl", "copy") == 3
    assert [a.answer for a in store.answers("copy")] == [a.answer for a in store.answers("run")]


def test_an_import_answers_open_questions(store: FeedbackStore, tmp_path: Path):
    (question,) = ask(store, 1)
    store.answer(question.id, "ana", Choice.TIE, submission="a")
    store.export_jsonl(tmp_path / "out.jsonl", ties=True)
    store.undo("ana")
    assert store.import_jsonl(tmp_path / "out.jsonl") == 1
    assert store.progress().open == 0


def exported_line(**changes: Any) -> dict[str, Any]:
    """A whole line; `changes` go to the record where they belong there."""
    with tempfile.TemporaryDirectory() as folder, FeedbackStore(Path(folder) / "f.db") as store:
        record(store, simulated(1))
        store.export_jsonl(Path(folder) / "out.jsonl")
        (line,) = lines_of(Path(folder) / "out.jsonl")
    more = json.loads(line["record"])
    for name, value in changes.items():
        (more if name in more else line)[name] = value
    return {**line, "record": json.dumps(more)}


BROKEN: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"prompt": "x",', r"it is no JSON \(.* at column 16\)"),
    "no object": ("[1, 2]", "it is no JSON object"),
    "too deep": ("[" * 100_000, "it is nested too deeply"),
    "no prompt": ({"chosen": "a", "rejected": "b"}, "`prompt`: Field required"),
    "messages": ({**BARE, "chosen": [{"role": "assistant"}]}, "`chosen`: Input should be a valid string"),
    "null": ({**BARE, "rejected": None}, "`rejected`: Input should be a valid string"),
    "no difference": ({**BARE, "rejected": BARE["chosen"]}, "`chosen` and `rejected` are the same"),
    "choice": ({**BARE, "choice": "third"}, "`choice`: Input should be 'first', 'second', 'tie' or 'unsure'"),
    "who": ({**BARE, "who": "a\nb"}, "name of a annotator|printable characters"),
    "round": ({**BARE, "round": -1}, "`round`: .* greater than or equal to 0"),
    "record": ({**BARE, "record": "{"}, "`record`: .*Expecting property name"),
    "item": (exported_line(item={"key": "k"}), r"`record.item.*`: Field required"),
    "seconds": (exported_line(seconds=-1), "`record.seconds`: .* greater than or equal to 0"),
    "when": (exported_line(when="yesterday"), "`record.when`: Input should be a valid datetime"),
    "chosen": (exported_line(chosen="edited"), "not what `choice` and `record` say"),
    "swapped": (exported_line(choice="second"), "not what `choice` and `record` say"),
    "other item": ({**BARE, "position": 0, "prompt": "Else?"}, "an earlier line asks something else"),
    "other answer": (
        {**BARE, "position": 0, "choice": "tie"},
        "imported answers the same",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_is_named_and_nothing_is_imported(other: FeedbackStore, tmp_path: Path, kind: str):
    line, complaint = BROKEN[kind]
    path = write_lines(tmp_path / "in.jsonl", BARE, "", line)
    with pytest.raises(FeedbackError, match=rf"^{path}, line 3: .*{complaint}.*\.$") as caught:
        other.import_jsonl(path, "theirs")
    assert "\n" not in str(caught.value)
    assert other.progress().asked == 0


def test_what_contradicts_the_store_is_refused_as_a_whole(
    store: FeedbackStore, other: FeedbackStore, tmp_path: Path
):
    record(store, simulated(2))
    store.export_jsonl(tmp_path / "out.jsonl")
    record(other, simulated(1, Choice.SECOND))
    with pytest.raises(FeedbackError, match=r"out.jsonl is not taken in: simulated answered otherwise"):
        other.import_jsonl(tmp_path / "out.jsonl")
    assert len(other.answers()) == 1
    path = write_lines(tmp_path / "in.jsonl", {**BARE, "position": 9}, {**BARE, "position": 1})
    with pytest.raises(FeedbackError, match=r"in.jsonl is not taken in: Run run asked something else"):
        store.import_jsonl(path, "run")
    assert store.progress().asked == 2


def test_bare_lines_need_a_run(store: FeedbackStore, tmp_path: Path):
    with pytest.raises(FeedbackError, match="line 1: it does not say which run"):
        store.import_jsonl(write_lines(tmp_path / "in.jsonl", BARE))


def test_files_that_are_none(store: FeedbackStore, tmp_path: Path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, complaint in (
        ("none", "No such file"),
        (".", "Is a directory"),
        ("binary", "no text in UTF-8"),
    ):
        with pytest.raises(FeedbackError, match=complaint):
            store.import_jsonl(tmp_path / name, "theirs")
    (tmp_path / "empty").touch()
    assert store.import_jsonl(tmp_path / "empty", "theirs") == 0
    with pytest.raises(FeedbackError, match="can't be written: File exists"):
        store.export_jsonl(tmp_path / "empty" / "out.jsonl")


def test_lines_of_other_systems_are_read(store: FeedbackStore, tmp_path: Path):
    second = json.dumps({**BARE, "prompt": "a\u2028b"}, ensure_ascii=False)
    text = f"\ufeff{json.dumps(BARE)}\r\n{second}"
    (tmp_path / "in.jsonl").write_text(text, encoding="utf-8", newline="")
    assert store.import_jsonl(tmp_path / "in.jsonl", "theirs") == 2
    assert store.answers()[1].question.item.question == "a\u2028b"


def test_a_failed_export_leaves_what_was_there(store: FeedbackStore, tmp_path: Path):
    record(store, simulated(1))
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(FeedbackError, match="can't be written: Is a directory"):
        store.export_jsonl(tmp_path / "out.jsonl")
    assert os.listdir(tmp_path / "out.jsonl") == []
    assert [name for name in os.listdir(tmp_path) if name.endswith(".tmp")] == []


def test_datasets_reads_it_whatever_comes_first(tmp_path: Path):
    """Columns get their types from the first ten megabytes, where nothing was timed and names are dates."""
    from datasets import load_dataset

    long = replace(item(0), question="Which?" + "x" * 3000)
    rng = random.Random(0)
    with FeedbackStore(tmp_path / "f.db") as store:
        answers = [replace(answer, item=long, version="2026-11-21") for answer in simulated(1) * 4000]
        record(store, answers, run="2026-11-21")
        for question in ask(store, 2, run="later"):
            store.answer(
                question.id, "ana", rng.choice(list(Choice)[:2]), submission=str(question.id), seconds=1.5
            )
        store.export_jsonl(tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").stat().st_size > 12_000_000
    data = load_dataset("json", data_files=str(tmp_path / "out.jsonl"), cache_dir=str(tmp_path / "cache"))
    assert data["train"].num_rows == 4002
    assert json.loads(data["train"][4001]["record"])["seconds"] == 1.5


@pytest.mark.slow
def test_trl_trains_on_it(tmp_path: Path, llama_folder: Path, byte_tokenizer: PreTrainedTokenizerFast):
    from datasets import load_dataset
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    with FeedbackStore(tmp_path / "f.db") as store:
        record(store, simulated(8))
        store.export_jsonl(tmp_path / "out.jsonl")
    data = load_dataset("json", data_files=str(tmp_path / "out.jsonl"), cache_dir=str(tmp_path / "cache"))
    model = AutoModelForSequenceClassification.from_pretrained(llama_folder, num_labels=1)
    tokenizer = byte_tokenizer
    tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    config = RewardConfig(
        output_dir=str(tmp_path / "out"), max_steps=2, per_device_train_batch_size=4, bf16=False,
        gradient_checkpointing=False, report_to="none", save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = RewardTrainer(model=model, args=config, train_dataset=data["train"], processing_class=tokenizer)
    assert trainer.train().training_loss > 0


def test_the_examples_of_the_how_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    page = Path(__file__).parents[2] / "docs" / "how-to" / "feedback-store.md"
    examples = re.findall(r"^<!-- run -->\n```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    (pairs,) = re.findall(
        r"^<!-- file: pairs.jsonl -->\n```json\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "pairs.jsonl").write_text(pairs)
    assert len(examples) == 4
    for example in examples:
        exec(compile(example, page.name, "exec"), {})
    said = capsys.readouterr().out
    assert "1 written, 0 ties or undecided left out\n1 answers were new\n" in said
    assert "2 {'id': 'p1', 'source': 'ours'} first\n" in said
