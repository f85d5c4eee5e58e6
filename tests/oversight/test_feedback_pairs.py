"""A researcher's own pairs: checked line by line, added once, served, and labelled."""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oversight.fixture_feedback import answer, ask, at_once

from partwise.oversight.feedback import Brief, FeedbackError, FeedbackStore, read_pairs
from partwise.oversight.feedback.pairs import LONGEST_TEXT
from partwise.types import Choice

PAIR: dict[str, Any] = {"id": "one", "prompt": "Is it late?", "a": "Yes, it is.", "b": "Ask the clock."}


def write(path: Path, *lines: Any) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def add(store: FeedbackStore, path: Path, name: str = "mine", people: int = 1) -> tuple[int, int]:
    added = store.add_pairs(name, read_pairs(path), path, answers_wanted=people)
    return added.new, added.known


def label_all(store: FeedbackStore, who: str, choice: Choice = Choice.FIRST) -> int:
    done = 0
    while (question := store.next_question(who)) is not None:
        assert answer(store, question, who, choice)
        done += 1
    return done


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "it is no JSON (Expecting property name"),
        ("[]", "it is no JSON object"),
        ('"text"', "it is no JSON object"),
        ({"a": "x", "b": "y"}, "it has no `prompt`"),
        ({**PAIR, "context": "there"}, "it has both `prompt` and `context`"),
        ({"prompt": "x", "a": "y"}, "it has no `b`"),
        ({**PAIR, "a": 3}, "`a` is no text"),
        ({**PAIR, "a": None}, "`a` is no text"),
        ({**PAIR, "b": " \n"}, "`b` is empty"),
        ({**PAIR, "b": PAIR["a"]}, "`a` and `b` are the same"),
        ({**PAIR, "a": "x" * (LONGEST_TEXT + 1)}, "`a` has 20,001 characters, and people are shown 20,000"),
        ({**PAIR, "id": True}, "`id` is neither a text nor a whole number"),
        ({**PAIR, "id": 1.5}, "`id` is neither a text nor a whole number"),
        ({**PAIR, "id": ""}, "`id` has 1 to 200 printable characters"),
        ({**PAIR, "question": ["?"]}, "`question` is no text"),
        ('{"prompt": "x", "a": "y", "b": "z", "weight": NaN}', "NaN is no JSON"),
        ('{"prompt": "x", "a": "\\ud83d", "b": "z"}', "`a` holds half of a character, '\\ud83d'"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_bad_line_is_one_sentence_with_file_and_row(tmp_path: Path, line: Any, said: str):
    path = write(tmp_path / "pairs.jsonl", {**PAIR, "id": "before"}, "", line, {**PAIR, "id": "after"})
    with pytest.raises(FeedbackError) as caught:
        read_pairs(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line 3: {said}") and message.endswith(".") and "\n" not in message


def test_all_bad_lines_are_told_and_of_many_the_first(tmp_path: Path, store: FeedbackStore):
    lines = [{**PAIR, "id": number, "a": "" if number % 2 else "text"} for number in range(100)]
    with pytest.raises(FeedbackError) as caught:
        add(store, write(tmp_path / "pairs.jsonl", *lines))
    told = str(caught.value).split("\n")
    assert len(told) == 21 and told[0].endswith("line 2: `a` is empty.")
    assert told[-1] == "And 30 more lines like these."
    assert store.progress().asked == 0, "and nothing was added"


def test_files_that_hold_no_pairs(tmp_path: Path):
    with pytest.raises(FeedbackError, match="holds no pair; a line is an object with prompt, a and b"):
        read_pairs(write(tmp_path / "empty.jsonl", "", " "))
    with pytest.raises(FeedbackError, match=r"can't be read: No such file"):
        read_pairs(tmp_path / "nowhere.jsonl")
    (tmp_path / "latin").write_bytes(b'{"prompt": "caf\xe9"}')
    with pytest.raises(FeedbackError, match="is no text in UTF-8"):
        read_pairs(tmp_path / "latin")


def test_pairs_are_added_once(tmp_path: Path, store: FeedbackStore):
    path = write(tmp_path / "pairs.jsonl", PAIR, PAIR, {"prompt": "x", "a": "y", "b": "z"})
    assert add(store, path) == (2, 0), "a line that says the same is the same pair"
    assert add(store, path) == (0, 2)
    write(
        path,
        {"context": "x", "a": "y", "b": "z"},
        {**PAIR, "id": "two"},
        {**PAIR, "a": PAIR["b"], "b": PAIR["a"], "id": 3},
    )
    assert add(store, path) == (2, 1), "another id or order is another pair; `context` is `prompt`"
    assert store.progress("mine").asked == 4
    assert add(store, path, name="another set") == (3, 0)


def test_an_id_stands_for_one_pair(tmp_path: Path, store: FeedbackStore):
    other = {**PAIR, "b": "It is noon."}
    both = write(tmp_path / "both.jsonl", PAIR, other)
    with pytest.raises(FeedbackError, match="line 2: line 1 has another pair with the id 'one'"):
        read_pairs(both)
    assert add(store, write(tmp_path / "first.jsonl", PAIR)) == (1, 0)
    with pytest.raises(FeedbackError, match="line 2: the set mine has another pair with the id 'one'"):
        add(store, write(tmp_path / "second.jsonl", {**PAIR, "id": 2}, other))
    assert store.progress("mine").asked == 1, "all of a file or nothing"


def test_a_runs_name_is_no_sets(tmp_path: Path, store: FeedbackStore):
    ask(store)
    with pytest.raises(FeedbackError, match="run is the name of other questions in this store"):
        add(store, write(tmp_path / "pairs.jsonl", PAIR), name="run")


def test_added_by_several_at_once_they_are_there_once(tmp_path: Path, store: FeedbackStore, where: str):
    lines = [{**PAIR, "id": number} for number in range(30)]
    paths = [write(tmp_path / f"{part}.jsonl", *lines[: 10 + part]) for part in range(4)]

    def one(part: int) -> bool:
        with FeedbackStore(where) as mine:
            return sum(add(mine, paths[part])) == 10 + part

    assert all(at_once(4, one))
    assert store.progress("mine").asked == 13


def test_pairs_and_a_runs_questions_take_turns(tmp_path: Path, store: FeedbackStore):
    """Neither waits for the end of the other, whichever was there first."""
    ask(store, 4)
    add(store, write(tmp_path / "pairs.jsonl", *({**PAIR, "id": number} for number in range(4))))
    served: list[str] = []
    while (question := store.next_question("ana")) is not None:
        served.append(question.run)
        answer(store, question, "ana")
    assert served == ["mine", "run"] * 4


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(str.strip)
LINE = st.builds(
    lambda id, prompt, a, b, more: {**more, **id, "prompt": prompt, "a": a, "b": b},
    st.builds(lambda id: {"id": id}, st.integers()) | st.just({}),
    TEXT,
    TEXT,
    TEXT,
    st.dictionaries(st.sampled_from(["source", "weight", "tags"]), st.integers() | TEXT | st.lists(TEXT)),
).filter(lambda line: line["a"] != line["b"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, min_size=1, max_size=8, unique_by=lambda line: line.get("id", line["prompt"])))
def test_every_line_comes_out_labelled_as_it_went_in(store: FeedbackStore, tmp_path: Path, lines: list[dict]):
    path = write(tmp_path / "pairs.jsonl", *lines)
    name = str(uuid.uuid4())
    assert add(store, path, name)[0] == len(lines)
    assert label_all(store, "ana", Choice.SECOND) == len(lines)
    store.export_jsonl(tmp_path / "out.jsonl", name)
    found = [json.loads(text) for text in (tmp_path / "out.jsonl").read_text("utf-8").split("\n")[:-1]]
    for line, out in zip(lines, found, strict=True):
        assert (out["prompt"], out["chosen"], out["rejected"]) == (line["prompt"], line["b"], line["a"])
        assert (out["choice"], out["who"], out["id"]) == ("second", "ana", str(line.get("id", "")))
        rest = {key: value for key, value in line.items() if key not in ("prompt", "a", "b")}
        more = json.loads(out["record"])
        assert more["extra"] == rest and more["took"] >= 0 and more["run"] == name


def test_ten_thousand_lines_go_in_and_come_out_and_come_back(tmp_path: Path):
    """Long texts and other scripts among them."""
    rng = random.Random(0)
    alphabet = "abcdefg \n漢字かなمرحبا🙂é'\"<>&"
    lines: list[dict[str, Any]] = []
    for number in range(9_990):
        other = "".join(rng.choices(alphabet, k=40)) + "."
        lines.append({"id": number, "prompt": f"问题 {number}", "a": f"a{number}", "b": other})
    long_a, long_b = "a " * (LONGEST_TEXT // 2), "長" * LONGEST_TEXT
    for number in range(9_990, 10_000):
        lines.append({"id": number, "prompt": "p" * LONGEST_TEXT, "a": long_a, "b": long_b})
    path = write(tmp_path / "pairs.jsonl", *lines)
    with FeedbackStore(tmp_path / "feedback.db") as store, FeedbackStore(tmp_path / "other.db") as other:
        assert add(store, path) == (10_000, 0)
        assert add(store, path) == (0, 10_000)
        for _ in range(25):
            question = store.next_question("ana")
            assert question and answer(store, question, "ana", rng.choice(list(Choice)))
        long = store.question(10_000, "ana")
        assert answer(store, long, "ana")
        done = store.export_jsonl(tmp_path / "out.jsonl", "mine", ties=True)
        assert (done.written, done.left_out) == (26, 0)
        out = [json.loads(text) for text in (tmp_path / "out.jsonl").read_text("utf-8").split("\n")[:-1]]
        assert [line["id"] for line in out] == [*map(str, range(25)), "9999"]
        assert out[-1]["rejected"] == "長" * LONGEST_TEXT
        assert other.import_jsonl(tmp_path / "out.jsonl") == 26
        assert [a.question.extra for a in other.answers()] == [a.question.extra for a in store.answers()]


def test_what_people_are_told_of_a_set(store: FeedbackStore):
    assert store.brief("mine") is None
    store.describe("mine", Brief(guidelines="Be kind.\n\nBe brief. 漢"))
    assert store.brief("mine") == Brief(guidelines="Be kind.\n\nBe brief. 漢")
    brief = Brief(world="dinner", matters=(("waste",), ("waste", "quiet")))
    store.describe("mine", brief)
    assert store.brief("mine") == brief
    assert [brief.matters_in(round) for round in (0, 1, 7)] == [
        ("waste",),
        ("waste", "quiet"),
        ("waste", "quiet"),
    ]
    assert Brief().matters_in(0) is None
