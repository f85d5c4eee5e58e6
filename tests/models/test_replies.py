"""Answers are kept whole or not at all, the first one stays, and all that decides one is in its key."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.models.budget import Budget, Tokens
from partwise.models.chat_model import Asked, Style
from partwise.models.errors import ModelError
from partwise.models.replies import ReplyStore

STYLE = Style(temperature=1.0, longest=8, seed=0)
ASKED = Asked(("hello",), STYLE)
WRITES = """
import sys
from pathlib import Path
from partwise.models.replies import ReplyStore
store = ReplyStore(Path(sys.argv[1]))
for number in range(150):
    store.put(f"shared {number}", "m", sys.argv[2])
    store.put(f"{sys.argv[2]} {number}", "m", number)
    print(number, flush=True)
"""


def test_everything_that_decides_an_answer_is_in_its_key():
    identity = {"model": "m", "base_url": "u"}
    others = [
        ASKED.key({**identity, "model": "n"}),
        ASKED.key({**identity, "base_url": "v"}),
        replace(ASKED, chat=("hello", "a", "b")).key(identity),
        replace(ASKED, index=1).key(identity),
        *(
            replace(ASKED, style=replace(STYLE, **new)).key(identity)
            for new in ({"temperature": 0.5}, {"longest": 9}, {"seed": 1})
        ),
    ]
    assert len({ASKED.key(identity), *others}) == 8
    # At temperature 0 nothing is drawn.
    greedy = replace(STYLE, temperature=0.0)
    alike = [replace(ASKED, style=replace(greedy, seed=seed), index=seed).key(identity) for seed in (0, 1)]
    assert alike[0] == alike[1]


def test_two_processes_share_a_file_and_the_first_answer_stays(tmp_path: Path):
    path = tmp_path / "replies.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITES, str(path), name], stdout=subprocess.DEVNULL)
        for name in "ab"
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    found = ReplyStore(path).get([f"{who} {n}" for who in ("shared", "a", "b") for n in range(150)])
    assert len(found) == 450
    assert all(found[f"shared {n}"] in ("a", "b") for n in range(150))
    ReplyStore(path).put("shared 0", "m", "late")
    assert ReplyStore(path).get(["shared 0"])["shared 0"] == found["shared 0"]


def test_a_process_that_is_killed_loses_nothing_that_was_put(tmp_path: Path):
    path = tmp_path / "replies.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(path), "a"], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout
    for line in writer.stdout:
        if int(line) == 40:
            break
    writer.kill()
    writer.wait()
    assert ReplyStore(path).get([f"a {n}" for n in range(41)]) == {f"a {n}": n for n in range(41)}


def test_a_file_that_is_no_store_is_one_sentence(tmp_path: Path):
    (tmp_path / "replies.db").write_text("no database, however long it is" * 100)
    with pytest.raises(ModelError, match=r"replies.db can't be read .*: move it away"):
        ReplyStore(tmp_path / "replies.db")


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50), st.floats(0, 1)), max_size=40),
    st.integers(1, 500),
)
def test_no_cap_is_passed_whatever_is_in_flight(requests: list[tuple[int, int, float]], cap: int):
    budget, flying = Budget(max_tokens=cap), list[tuple[Tokens, float]]()
    for read, written, share in requests:
        most = Tokens(read, written)
        while not budget.fits(most) and flying:
            held, took = flying.pop()
            budget.settle(held, Tokens(held.read, int(took * held.written)))
        if budget.fits(most):
            budget.hold(most)
            flying.append((most, share))
        assert budget.used.total <= cap
        assert budget.idle == (not flying)
    for held, _ in flying:
        budget.settle(held, held)
    assert budget.used.total <= cap
