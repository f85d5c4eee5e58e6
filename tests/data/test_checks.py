"""Data that can't be used is refused with one sentence; all other data passes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.data.checks import (
    DataError,
    RowError,
    checked,
    columns_checked,
    label_in,
    shared,
    split_checked,
    text_in,
)
from partwise.types import Example


def one(text: str, label: Any) -> Example:
    return Example(key=text, texts=(text,), label=label)


def some(prefix: str, *labels: int) -> list[Example]:
    return [one(f"{prefix} {row}", label) for row, label in enumerate(labels)]


def refused(train: list[Example], test: list[Example], classes: int = 2) -> str:
    with pytest.raises(DataError) as caught:
        checked(train, test, classes, "mine")
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 250
    return sentence


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("ab", min_size=1), st.integers(0, 2)), min_size=2), st.integers(2, 4))
def test_whatever_is_sound_passes(drawn: list[tuple[str, int]], classes: int):
    drawn = [(text, label % classes) for text, label in drawn] + [("a", 0), ("b", 1)]
    train = [one(f"train {text}", label) for text, label in drawn]
    test = [one(f"test {text}", label) for text, label in drawn]
    checked(train, test, classes, "mine")


def test_an_empty_split():
    assert refused([], some("b", 0, 1)).startswith("mine, train has no rows")
    assert refused(some("a", 0, 1), []).startswith("mine, test has no rows")


def test_one_class_only():
    assert "mine, test: every row has the label 1" in refused(some("a", 0, 1), some("b", 1, 1))


@pytest.mark.parametrize("label", [2, -1, 0.5, True, "1", None])
def test_a_label_that_is_none(label: Any):
    sentence = refused([*some("a", 0, 1), one("x", label)], some("b", 0, 1))
    assert sentence.startswith(
        f"mine, train, row 3: the label is {label!r} and must be an integer from 0 to 1"
    )


def test_the_label_of_several_texts_is_a_position_among_them():
    three = [Example(key=str(i), texts=(f"a{i}", f"b{i}", f"c{i}"), label=i) for i in range(3)]
    split_checked(three, 2, "mine")
    pair = [Example(key=str(i), texts=(f"a{i}", f"b{i}"), label=i) for i in range(3)]
    with pytest.raises(RowError, match="row 3: the label is 2 and must be an integer from 0 to 1"):
        split_checked(pair, 9, "mine")


@pytest.mark.parametrize("texts", [("",), (" \n",), ("a", ""), ()])
def test_an_empty_text(texts: tuple[str, ...]):
    bad = Example(key="x", texts=texts, label=0)
    assert f"mine, train, row 3: text {max(1, len(texts))} is empty" in refused(
        [*some("a", 0, 1), bad], some("b", 0, 1)
    )


@settings(deadline=None)
@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_shared_finds_all_that_is_in_both_and_nothing_else(train: list[int], test: list[int]):
    found = shared(train, test)
    assert {train[position] for position in found} == set(train) & set(test)
    assert all(test.index(train[here]) == there for here, there in found.items())


def test_a_shared_row_is_named_in_both_splits_whichever_way_round_its_texts_are():
    assert refused(some("a", 0, 1), [*some("b", 0, 1), one("a 1", 0)]).startswith(
        "mine, train, row 2 and mine, test, row 3 hold the same"
    )
    left = [Example(key=str(i), texts=(f"x{i}", f"y{i}"), label=i % 2) for i in range(2)]
    right = [Example(key=str(i), texts=(f"y{i + 1}", f"x{i + 1}"), label=i % 2) for i in range(2)]
    assert "mine, train, row 2 and mine, test, row 1 hold the same" in refused(left, right)


def test_places_take_the_stead_of_rows():
    places = {"train": ["a.csv, row 7", "a.csv, row 9"], "test": ["b.csv, row 1", "b.csv, row 2"]}
    with pytest.raises(DataError, match=r"^a.csv, row 9: text 1 is empty"):
        checked([one("a", 0), one("", 1)], some("b", 0, 1), 2, "mine", places=places)


def test_missing_columns_are_named_and_so_are_those_found():
    columns_checked(["a", "b", "c"], ["c", "a"], "f.csv")
    with pytest.raises(DataError) as caught:
        columns_checked(["a", "b"], ["c", "a", "d"], "f.csv")
    assert str(caught.value).startswith("f.csv has no column c or d: it has a, b; ")


@pytest.mark.parametrize(("value", "label"), [(3, 3), (3.0, 3), ("3", 3), ("0", 0)])
def test_a_label_as_files_give_it(value: Any, label: int):
    assert label_in({"label": value}, "label", 4, "f.csv, row 1") == label


@pytest.mark.parametrize("value", [4, -1, 1.5, "4", "x", "", None, True, float("nan"), float("inf"), [1]])
def test_a_label_that_no_file_should_give(value: Any):
    with pytest.raises(RowError, match=r"^f.csv, row 8, column label: the label is .* from 0 to 3"):
        label_in({"label": value}, "label", 4, "f.csv, row 8")


@pytest.mark.parametrize(("value", "wrong"), [(None, "empty"), (" ", "empty"), (7, "7 is no text")])
def test_a_text_that_is_none(value: Any, wrong: str):
    with pytest.raises(RowError, match=f"^f.csv, row 8, column question: .*{wrong}"):
        text_in({"question": value}, "question", "f.csv, row 8")
