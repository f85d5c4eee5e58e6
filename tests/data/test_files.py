"""Files give what was written in them, row by row, and nothing that is guessed."""

import bz2
import csv
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.data.checks import DataError
from partwise.data.files import Fault, read_file

LOOKS_LIKE = [
    "2020-01-02", "2020-01-02T03:04:05", "007", "1e5", "1.0", "NA", "N/A", "null", "nan", "None", "inf",
    "true", "",
    " ", "-", "1,5", 'he said "hi"', "two\nlines", "a\r\nb", "tab\there", "caf\u00e9", "\u2028", "=1+1",
]  # fmt: skip
"""Text that readers like to take for something else."""
TEXTS = st.one_of(st.sampled_from(LOOKS_LIKE), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))


def written(file: Path, rows: list[dict[str, Any]], **how: Any) -> Path:
    if file.suffix == ".csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=[*rows[0]], **how)
        writer.writeheader()
        writer.writerows(rows)
        file.write_bytes(text.getvalue().encode())
    elif file.suffix == ".json":
        file.write_text(json.dumps(rows, ensure_ascii=False))
    else:
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return file


@given(st.lists(st.fixed_dictionaries({"q": TEXTS, "a": TEXTS}), min_size=1, max_size=5))
def test_text_stays_the_text_that_it_is(tmp_path_factory: Any, rows: list[dict[str, str]]):
    folder = tmp_path_factory.mktemp("files")
    for name in ("rows.jsonl", "rows.json", "rows.csv"):
        table = read_file(
            written(folder / name, rows, **({"quoting": csv.QUOTE_ALL} if "csv" in name else {}))
        )
        assert list(table.rows) == rows and {*table.columns} == {"q", "a"}


@pytest.mark.parametrize("open_", [gzip.open, bz2.open, lzma.open])
def test_compressed_or_not_it_is_the_same(open_: Any, tmp_path: Path):
    rows = [{"q": "a", "a": "1"}, {"q": "b", "a": "2"}]
    suffix = {gzip.open: "gz", bz2.open: "bz2", lzma.open: "xz"}[open_]
    for kind in ("jsonl", "csv"):
        plain = written(tmp_path / f"rows.{kind}", rows)
        packed = tmp_path / f"rows.{kind}.{suffix}"
        with open_(packed, "wb") as stream:
            stream.write(plain.read_bytes())
        assert read_file(packed).rows == read_file(plain).rows == rows
        packed.write_bytes(packed.read_bytes()[:-9])
        with pytest.raises(DataError, match=rf"rows\.{kind}\.{suffix} can't be read as"):
            read_file(packed)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("q,a\nx,1\n", [("x", "1")]),
        ("\ufeffq,a\r\nx,1\r\n", [("x", "1")]),  # a byte order mark, Windows' line ends
        ("q,a\rx,1\r", [("x", "1")]),
        ("q;a\nx,y;1\n", [("x,y", "1")]),
        ("q\ta\nx,y\t1\n", [("x,y", "1")]),
        (" q , a \nx,1\n", [("x", "1")]),
        (",q,a\n0,x,1\n", [("x", "1")]),  # pandas' index
        ("q,a,\nx,1,\n", [("x", "1")]),
        ("q,,a,\nx,,1,junk\n", [("x", "1")]),
        ("\nq,a\n\nx,1\n\n\n", [("x", "1")]),
        ('q,a\n"x\ny",1\n', [("x\ny", "1")]),
        ('q,a\n"x ""y""",1\n', [('x "y"', "1")]),
        ("q,a\n" + "x" * 200_000 + ",1\n", [("x" * 200_000, "1")]),
        ("q,a\n", []),
        ("", []),
    ],
)
def test_csv_of_every_hand(text: str, rows: list[tuple[str, str]], tmp_path: Path):
    (tmp_path / "rows.csv").write_bytes(text.encode())
    table = read_file(tmp_path / "rows.csv")
    assert [(row["q"], row["a"]) for row in table.rows if not isinstance(row, Fault)] == rows
    assert len(table.rows) == len(rows) and "" not in table.columns


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("r.csv", b"q,a\nx,1,\ny,2,\n", "row 1 has 3 fields, 1 more than the header names, as has every row"),
        ("r.csv", b'q,a\n"x,1\ny,2\n', "line 3: unexpected end of data"),
        ("r.csv", b'q,a\n"x"y,1\n', "line 2"),
        ("r.csv", "q,a\nx,1\nn\u00e9,2\n".encode("latin-1"), "line 3 holds bytes that are no UTF-8"),
        ("r.csv", "q,a\nx,1\n".encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        ("r.jsonl", b'{"q": 1}\n{"q": \n', "line 2 is no JSON"),
        ("r.json", b'{"rows": [\n1]}', "it is one object; write a list of rows"),
        ("r.json", b'[{"q": 1}', "can't be read as json"),
        ("r.jsonl", b"[" * 100_000, "can't be read as json"),
        ("r.parquet", b"PAR1 no", "can't be read as parquet"),
        ("r.jsonl.gz", b"plain", "can't be read as json"),
        ("r.xlsx", b"PK", "none of the kinds that are read here: .json, .jsonl, .csv, .parquet"),
    ],
)
def test_what_can_not_be_read_is_one_sentence(name: str, data: bytes, words: str, tmp_path: Path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / name)
    sentence = str(caught.value)
    assert sentence.startswith(str(tmp_path / name)) and words in sentence
    assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.csv", "q,a\nx,1\ny,2,3\nz,3\n", "it has 3 fields and the header names 2"),
        ("r.csv", "q,a\nx,1\ny\nz,3\n", "it has 1 fields and the header names 2"),
        ("r.jsonl", '{"q":"x"}\n{"q":"y","q":"z"}\n{"q":"z"}\n', "'q' stands in it twice"),
        ("r.json", '[{"q":"x"},{"q":"y"," q":"z"},{"q":"z"}]', "have the same name"),
        ("r.jsonl", '{"q":"x"}\n[7]\n{"q":"z"}\n', "[7] has no columns"),
    ],
)
def test_a_single_row_that_can_not_be_read_leaves_the_others(
    name: str, text: str, words: str, tmp_path: Path
):
    (tmp_path / name).write_text(text)
    first, bad, last = read_file(tmp_path / name).rows
    assert isinstance(bad, Fault) and words in bad
    assert not isinstance(first, Fault) and not isinstance(last, Fault)
    assert (first["q"], last["q"]) == ("x", "z")
    assert [place for place, _ in read_file(tmp_path / name).placed()][1].endswith(f"{name}, row 2")


def test_rows_of_mixed_types_keep_them_and_lack_what_they_lack(tmp_path: Path):
    rows = [{"q": 1}, {"q": "1", "a": [1]}, {"a": {"b": None}}]
    assert list(read_file(written(tmp_path / "r.jsonl", rows)).rows) == [
        {"q": 1, "a": None}, {"q": "1", "a": [1]}, {"q": None, "a": {"b": None}},
    ]  # fmt: skip


def test_other_trouble_is_not_called_bad_data(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "gone.csv")
