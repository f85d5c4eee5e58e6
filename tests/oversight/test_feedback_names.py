"""A name typed in two forms of Unicode, or with other blanks, is one person's, also in old stores."""

from __future__ import annotations

import itertools
import json
import unicodedata
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.oversight.fixture_feedback import answer, ask, record, simulated

from partwise.console.auth import Access, SignInError, clean_name
from partwise.oversight.feedback import FeedbackStore
from partwise.oversight.feedback.rows import person
from partwise.types import Choice

NFC, NFD = "Zo\u00e9 \u00c5s", "Zoe\u0301  A\u030as "
FORMS = (NFC, NFD)


@given(st.text())
def test_a_name_has_one_form(name: str) -> None:
    found = person(name)
    assert person(found) == found == person(unicodedata.normalize("NFD", name)) == person(f"  {name} ")


@pytest.mark.parametrize(("first", "second"), itertools.product(FORMS, FORMS))
def test_two_forms_are_one_person_everywhere(tmp_path: Path, first: str, second: str) -> None:
    with FeedbackStore(tmp_path / "f.db") as store:
        question, other, last = ask(store)
        assert answer(store, question, first)
        assert not answer(store, question, second), "the same person has answered"
        assert store.progress(who=second).by_annotator == {NFC: 1}
        assert [a.who for a in store.answers(who=second)] == [NFC]
        following = store.next_question(second)
        assert following is not None and following.id == other.id
        assert store.undo(second) is not None
        store.add_annotator(first, "hash")
        found = store.annotator(second)
        assert found is not None and found.name == NFC
        (own,) = ask(store, 1, round=1, assigned_to=first)
        assert own.assigned_to == NFC
        assert answer(store, own, second) and answer(store, last, second)
        assert [row.who for row in store.counts()] == [NFC]
        access = Access(store, token="t", network=False)
        with pytest.raises(SignInError, match="is taken"):
            access.claim(second)
    assert clean_name(first) == clean_name(second) == NFC


def test_lines_of_a_file_name_one_person(tmp_path: Path) -> None:
    bare = {"prompt": "p", "chosen": "a", "rejected": "b"}
    rows = [{**bare, "who": who, "position": 0, "choice": "first"} for who in FORMS]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    with FeedbackStore(tmp_path / "f.db") as store:
        assert store.import_jsonl(tmp_path / "in.jsonl", "r") == 1
        assert [a.who for a in store.answers()] == [NFC]


def test_a_store_with_both_forms_is_opened_and_put_right(where: str) -> None:
    with FeedbackStore(where) as store:
        question, other, _ = ask(store, answers_wanted=2)
        for who, asked in (("one", question), ("two", question), ("two", other)):
            answer(store, asked, who, Choice.SECOND if who == "two" else Choice.FIRST)
        store.add_annotator("two", "hash of two")
        record(store, simulated(1, who="three"), round=1)
        with store._write() as db:  # as it was written before names had one form
            for table, column in (("answers", "who"), ("annotators", "name"), ("leases", "who")):
                for name, form in (("one", NFC), ("two", NFD)):
                    rename = f"UPDATE {table} SET {column} = :form WHERE {column} = :name"
                    db.execute(sa.text(rename), {"form": form, "name": name})
    for _ in range(2):
        with FeedbackStore(where) as store:
            said = [(a.question.round, a.question.position, a.who, a.choice) for a in store.answers()]
            assert said == [(0, 0, NFC, "first"), (0, 1, NFC, "second"), (1, 0, "three", "first")]
            found = store.annotator(NFD)
            assert found is not None and found.password_hash == "hash of two"
            assert store.progress(round=0).open == 3, "one person's second answer is not the second person's"
