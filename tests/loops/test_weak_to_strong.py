"""Weak-to-strong: three sets that share nothing, a student between floor and ceiling, and public data."""

import json
import random
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.config import DataConfig, LadderConfig, WeakToStrongConfig
from partwise.data.checks import DataError
from partwise.loops.weak_to_strong import (
    compared,
    plans_setting,
    public_setting,
    run,
    setting_of,
)
from partwise.report.page import page_markdown
from partwise.runs.progress import ignore
from partwise.studies.registry import RUNS
from partwise.types import Signal

LADDER = LadderConfig(rules=90, documents=320)


@settings(max_examples=15)
@given(st.integers(0, 2**20), st.floats(0, 1), st.floats(0, 1))
def test_teacher_student_and_test_share_neither_plans_nor_rules(seed: int, overlap: float, hard: float):
    data = DataConfig(train=120, test=90, overlap=overlap, hard=hard)
    setting = plans_setting(data, LADDER, seed)
    sets = [setting.teacher, setting.student, setting.test]
    assert [len(examples) for examples in sets] == [120, 120, 90]
    assert len({example.key for examples in sets for example in examples}) == 330
    rules = [{e.key.split()[-1] for e in examples if e.group != "easy"} for examples in sets]
    assert not (rules[0] & rules[1] or rules[0] & rules[2] or rules[1] & rules[2])
    assert abs(Counter(e.group for e in setting.student)["both"] - 120 * overlap) <= 1
    assert abs(Counter(e.group for e in setting.test)["hard"] - 90 * hard) <= 1
    # Where the dial stands changes neither what the teacher learns nor what is tested.
    other = plans_setting(data.model_copy(update={"overlap": 1 - overlap}), LADDER, seed)
    assert other.test == setting.test and other.teacher == setting.teacher


FORMS = ["{}", " {}", "{}  x", "{} x", "{}é", "{}e\u0301"]
"""Of a question: in each pair the second is the first."""


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(FORMS)), min_size=4, max_size=40),
    st.integers(1, 30), st.integers(0, 5), st.booleans(),
)  # fmt: skip
def test_three_sets_share_no_question_however_often_and_however_it_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    asked: list[tuple[int, str]],
    train: int,
    seed: int,
    compares: bool,
):
    """Rows that ask the same may differ in their answers, in blanks and in Unicode's form."""
    questions = [form.format(number) for number, form in asked]
    kinds = {folded(question) for question in questions}
    file = tmp_path_factory.mktemp("data") / "all.jsonl"
    rows = [
        {"prompt": q, "chosen": f"good {i}", "rejected": f"bad {i}", "score_chosen": 2, "score_rejected": 1}
        if compares
        else {"question": q, "correct_answer": f"good {i}", **{f"distractor{n}": f"{n}" for n in (1, 2, 3)}}
        for i, q in enumerate(questions)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = DataConfig(name="ultrafeedback" if compares else "sciq", source=str(file), train=train, test=99)
    try:
        setting = public_setting(data, seed)
    except DataError:
        # Of so few questions a split is empty, or all have one label.
        assert len(kinds) < 3 or not compares
        return
    sets = [
        {folded(e.texts[0].removeprefix("User:" if compares else "Question:").split("\n")[0]) for e in part}
        for part in (setting.teacher, setting.student, setting.test)
    ]
    assert all(sets) and set.union(*sets) <= kinds
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert len(setting.teacher) == len(setting.student) <= train


def said(labels: list[int | None], keys: list[str]) -> list[Signal | None]:
    return [
        None if label is None else Signal(example=key, label=label, confidence=0.9, source="x")
        for label, key in zip(labels, keys, strict=True)
    ]


def test_what_has_no_answer_is_left_out_of_the_comparison():
    test = plans_setting(DataConfig(train=30, test=60), LADDER, 0).test
    keys, true = [e.key for e in test], [e.label for e in test]
    wrong = [1 - label if index % 2 else label for index, label in enumerate(true)]
    found = compared(said(wrong, keys), said(true, keys), said(true, keys), test, seed=0)
    assert found["pgr"]["mean"] == 1 and found["imitation"] == {"mean": 0.0, "n": 30} | {
        "ci95": found["imitation"]["ci95"]
    }
    silent = [None, *true[1:]]
    assert compared(said(wrong, keys), said(silent, keys), said(true, keys), test, seed=0)["pgr"]["n"] == 59
    nothing = compared(said([None] * 60, keys), said(true, keys), said(true, keys), test, seed=0)
    assert nothing["pgr"]["mean"] is None and nothing["imitation"]["mean"] is None


@pytest.mark.slow
def test_a_pair_is_measured_and_the_same_again(tmp_path: Path):
    config = WeakToStrongConfig.model_validate(
        {
            "teachers": "nano, nano",
            "through": "micro",
            "student": "micro",
            "flips": 0.1,
            "device": "cpu",
            "data": {"train": 150, "test": 120},
            "ladder": LADDER.model_dump(),
        }
    )
    first, again = (run(config, tmp_path / name, ignore, tmp_path / "cache") for name in ("a", "b"))
    assert first == again == json.loads((tmp_path / "a" / "results.json").read_text())
    for name in ("teacher", "student", "ceiling"):
        assert 0 <= first[name]["accuracy"]["mean"] <= 1 and first[name]["unanswered"] == 0
        assert set(first[name]["groups"]) == {"easy", "hard", "both"}
    steps = [point["step"] for point in first["student"]["curve"]]
    assert steps == sorted(set(steps)) and steps[-1] == 2 * 5  # two passes over 150 examples of 32 a step
    answers = [json.loads(line) for line in (tmp_path / "a" / "answers.jsonl").read_text().splitlines()]
    right = [row["student"]["label"] == row["truth"] for row in answers]
    assert sum(right) / len(right) == pytest.approx(first["student"]["accuracy"]["mean"])
    page = page_markdown(RUNS["weak_to_strong"].page(first))
    assert "nano and nano teaching micro" in page and "teachers together" in page


def preference_rows(count: int) -> list[dict[str, object]]:
    """UltraFeedback's columns; what is chosen is polite."""
    rng = random.Random(0)

    def turns(text: str, question: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": question}, {"role": "assistant", "content": text}]

    rows = list[dict[str, object]]()
    for number in range(count):
        question = f"Question {number}: {rng.random()}?"
        rows.append(
            {
                "prompt": question,
                "prompt_id": str(number),
                "chosen": turns(f"Gladly {number}", question),
                "rejected": turns(f"No {number}", question),
                "messages": turns(f"Gladly {number}", question),
                "score_chosen": 8.0,
                "score_rejected": 3.0,
            }
        )
    return rows


@pytest.mark.slow
def test_preferences_and_models_from_elsewhere(tmp_path: Path, llama_folder: Path):
    for split, count in (("train_prefs", 80), ("test_prefs", 40)):
        rows = preference_rows(80 + count)[80 if split == "test_prefs" else 0 :][:count]
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = WeakToStrongConfig.model_validate(
        {
            "teachers": [str(llama_folder)],
            "student": str(llama_folder),
            "device": "cpu",
            "data": {"name": "ultrafeedback", "source": str(tmp_path), "train": 40, "test": 40},
            "fit": {"epochs": 1, "longest": 64},
        }
    )
    setting = setting_of(config)
    assert setting.compares and len(setting.teacher) == len(setting.student) == 40
    assert not {e.key for e in setting.teacher} & {e.key for e in setting.student}
    found = run(config, tmp_path / "out", ignore, tmp_path / "cache")
    assert found["student"]["unanswered"] == 0 and found["student"]["accuracy"]["n"] == 40


def test_bad_data_is_answered_with_file_column_and_row(tmp_path: Path):
    rows = preference_rows(12)
    del rows[6]["chosen"]
    for split, part in (("train_prefs", rows[:8]), ("test_prefs", rows[8:])):
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    config = WeakToStrongConfig(data=DataConfig(name="ultrafeedback", source=str(tmp_path)))
    with pytest.raises(
        DataError, match=r"train_prefs\.jsonl.*(row|line) 7.*chosen|train_prefs\.jsonl.*chosen.*7"
    ):
        setting_of(config)
