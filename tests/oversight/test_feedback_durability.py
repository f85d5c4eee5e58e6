"""What was acknowledged survives the death of whoever wrote it, whoever else writes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.oversight.fixture_feedback import ask, record, simulated

from partwise.oversight.feedback import FeedbackStore

# Answers all there is to answer as one person, prints a line for each acknowledged answer, and sends every
# seventh form twice.
WRITER = """
import sys
from partwise.oversight.feedback import FeedbackStore
from partwise.types import Choice
where, who = sys.argv[1:]
with FeedbackStore(where) as store:
    while question := store.next_question(who):
        choice = list(Choice)[(question.position + len(who)) % 4]
        submission = f"{who} {question.id}"
        store.answer(question.id, who, choice, submission=submission)
        print(question.id, choice.value, flush=True)
        if question.position % 7 == 0:
            assert not store.answer(question.id, who, choice, submission=submission)
"""


class Writer:
    """A process that answers as `who`, and what it has acknowledged so far."""

    def __init__(self, where: str, who: str) -> None:
        self.who = who
        self.acknowledged: list[tuple[int, str]] = []
        self.reached = threading.Event()
        self._stop_at = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, where, who], stdout=subprocess.PIPE, text=True
        )
        self._listener = threading.Thread(target=self._listen)

    def start(self, *, kill_after: int = 0) -> Writer:
        """Listen from now on; SIGKILL comes with acknowledgement number `kill_after`, 0 for never."""
        self._stop_at = kill_after
        self._listener.start()
        return self

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # Only what ends in a line break was printed whole.
            if line.endswith("\n"):
                id, choice = line.split()
                self.acknowledged.append((int(id), choice))
            if len(self.acknowledged) == self._stop_at:
                self.process.kill()

    def wait(self) -> Writer:
        self._listener.join(300)
        assert not self._listener.is_alive()
        self.process.wait()
        return self


def stored(store: FeedbackStore, who: str | None = None) -> list[tuple[int, str]]:
    return [(answer.question.id, answer.choice.value) for answer in store.answers(who=who)]


def assert_nothing_lost(writer: Writer, kept: list[tuple[int, str]]) -> None:
    assert set(writer.acknowledged) <= set(kept)
    # At most the one that was kept and whose acknowledgement never got out.
    assert len(kept) - len(writer.acknowledged) in (0, 1)
    assert max(Counter(id for id, _ in kept).values()) == 1


@pytest.fixture
def writers(where: str) -> Iterator[list[Writer]]:
    running: list[Writer] = []
    yield running
    for writer in running:
        writer.process.kill()


def test_acknowledged_answers_survive_the_writers_death(where: str, writers: list[Writer]):
    with FeedbackStore(where) as store:
        ask(store, 120)
    for count in (1, 17):
        writers.append(Writer(where, f"ana {count}").start(kill_after=count))
        killed = writers[-1].wait()
        assert killed.process.returncode == -9 and len(killed.acknowledged) >= count
        with FeedbackStore(where) as store:
            assert_nothing_lost(killed, stored(store, killed.who))
    with FeedbackStore(where) as store:
        assert store.progress("run").open == 120 - len(store.answers()), "the store goes on"


def test_a_record_is_kept_whole_or_not_at_all(where: str):
    code = """
import sys
from partwise.oversight.feedback import FeedbackStore
from tests.oversight.fixture_feedback import record, simulated
with FeedbackStore(sys.argv[1]) as store:
    for round in range(1000):
        record(store, simulated(200), round=round)
        print(round, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code, where], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "3\n":
            process.kill()
    process.wait()
    with FeedbackStore(where) as store:
        sizes = Counter(answer.question.round for answer in store.answers())
        assert set(sizes.values()) == {200} and sizes.keys() >= {0, 1, 2, 3}
        assert store.progress().asked == sum(sizes.values()), "no question without its answer"
        record(store, simulated(200), round=max(sizes) + 1)


@pytest.mark.slow
def test_a_store_is_made_once_by_many_at_once(where: str):
    code = """
import sys
from partwise.oversight.feedback import FeedbackStore
print("ready", flush=True)
sys.stdin.read()
FeedbackStore(sys.argv[1]).add_annotator(sys.argv[2], "hash")
"""
    command = [sys.executable, "-c", code, where]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    makers = [subprocess.Popen([*command, f"person {n}"], **pipes) for n in range(8)]
    for maker in makers:
        assert maker.stdout.readline() == b"ready\n"
    for maker in makers:
        maker.stdin.close()
    assert [maker.wait(120) for maker in makers] == [0] * 8
    with FeedbackStore(where) as store:
        assert len(store.annotators()) == 8


@pytest.mark.long
@pytest.mark.slow
def test_eight_writers_at_once_lose_and_double_nothing(where: str, writers: list[Writer]):
    """10,000 answers; one writer is killed on its way, and another goes on in its place."""
    people = [f"person {n}" for n in range(8)]
    with FeedbackStore(where) as store:
        ask(store, 1250, answers_wanted=8)
        writers += [Writer(where, who) for who in people]
        for writer in writers:
            writer.start(kill_after=600 if writer.who == "person 3" else 0)
        killed = writers[3].wait()
        assert killed.process.returncode == -9
        assert any(other.process.poll() is None for other in writers), "others still write"
        kept = stored(store, killed.who)
        assert_nothing_lost(killed, kept)
        writers.append(Writer(where, killed.who).start())
        for writer in writers:
            writer.wait()
        assert [writer.process.returncode for writer in writers] == [0, 0, 0, -9, 0, 0, 0, 0, 0]
        for writer in (*writers[:3], *writers[4:8]):
            assert sorted(stored(store, writer.who)) == sorted(writer.acknowledged)
        assert sorted(stored(store, killed.who)) == sorted([*kept, *writers[8].acknowledged])
        answers = store.answers()
        assert len(answers) == 10_000
        assert len({(answer.question.id, answer.who) for answer in answers}) == 10_000
        assert store.progress().open == 0 and store.next_question("late") is None
