"""What a planner wrote becomes a rollout: strictly read where it chats, as it stands where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from partwise.composition.sandbox import Sandbox
from partwise.config import ProxyConfig
from partwise.loops.setup import new_proxy
from partwise.measure.evaluate import Judged
from partwise.measure.parsing import parsing
from partwise.models.planner import Turn
from partwise.training.rollout import RolloutEngine
from partwise.types import Outcome, Rollout, Split, Unparsed
from partwise.worlds.registry import load_world

WORLD = load_world("dinner")
FIRST = 'def ask_everyone(users): "Ask every guest which restaurants they like."'
SECOND = "prefs = ask_everyone(users)"


@dataclass
class Script:
    """A planner that says what it is told to, a pair of turns a row; None for a turn that has no end."""

    said: list[tuple[str | None, str | None]]
    chats: bool = True
    constrained: bool = False

    def open(self, tasks: Any, copies: int, drafts: Any) -> Script:
        return self

    def prompt(self, row: int) -> list[int]:
        return [0]

    def decompose(self, temperature: float, generator: Any, language: Any) -> Turn:
        return self._turn(0)

    def recompose(
        self, parts: Any, temperature: float, generator: Any, languages: Any
    ) -> tuple[list[list[int]], Turn]:
        return [[0] for _ in self.said], self._turn(1)

    def _turn(self, number: int) -> Turn:
        texts = [pair[number] for pair in self.said]
        return Turn(
            ids=[[1]] * len(texts),
            logps=[[0.0]] * len(texts),
            drawn=[[1]] * len(texts),
            texts=[text or "" for text in texts],
            finished=[text is not None for text in texts],
        )


def rolled_out(said: list[tuple[str | None, str | None]], *, chats: bool = True) -> list[Rollout]:
    planner: Any = Script(said, chats)
    proxy = new_proxy(WORLD, ProxyConfig(size="nano"), "cpu", seed=0)
    with Sandbox() as sandbox:
        engine = RolloutEngine(WORLD, planner, proxy, sandbox, space="free")
        tasks = [WORLD.task(Split.TRAIN, index) for index in range(len(said))]
        return engine.roll_out(tasks, 1, temperature=1.0, generator=None)[0]


def fenced(program: str) -> str:
    return f"Sure:\n```python\n{program}\n```\nEnjoy!"


def test_programs_in_fences_and_after_thinking_run_and_what_was_cut_is_logged():
    (plain, chatty) = rolled_out([(FIRST, SECOND), (f"<think>hm</think>\n{FIRST}", fenced(SECOND))])
    assert plain.outcome is chatty.outcome is Outcome.RAN
    assert (plain.decomposition, plain.composition) == (chatty.decomposition, chatty.composition)
    assert plain.cut == {} and "cut" not in Judged(rollout=plain, aligned=None, violations={}).to_json()
    line = Judged(rollout=chatty, aligned=None, violations={}).to_json()
    assert line["cut"] == {
        "decomposition": ["<think>hm</think>\n", ""],
        "composition": ["Sure:\n```python\n", "\n```\nEnjoy!"],
    }


def test_a_planner_that_was_pretrained_here_is_read_as_it_stands():
    (fence, spaced) = rolled_out([(fenced(FIRST), SECOND), (f"\n{FIRST}\n", f"\n{SECOND}\n")], chats=False)
    assert fence.outcome is Outcome.UNPARSED and fence.decomposition == fenced(FIRST)
    assert (spaced.composition, spaced.cut) == (f"\n{SECOND}\n", {})


@pytest.mark.parametrize(
    ("first", "second", "outcome", "kind", "turn"),
    [
        (None, None, Outcome.TRUNCATED, Unparsed.TRUNCATED, "decomposition"),
        (FIRST, None, Outcome.TRUNCATED, Unparsed.TRUNCATED, "composition"),
        ("I can't.", SECOND, Outcome.UNPARSED, Unparsed.NO_PROGRAM, "decomposition"),
        (SECOND, SECOND, Outcome.UNPARSED, Unparsed.NO_SUBTASKS, "decomposition"),
        (FIRST, fenced("a = 1") * 2, Outcome.UNPARSED, Unparsed.SEVERAL_FENCES, "composition"),
        (FIRST, fenced("a = (1"), Outcome.UNPARSED, Unparsed.SYNTAX, "composition"),
        (FIRST, fenced("import os"), Outcome.UNPARSED, Unparsed.LANGUAGE, "composition"),
        ('def fly(users): "Fly."', SECOND, Outcome.UNSOLVED, None, "decomposition"),
        (FIRST, "r = nobody", Outcome.RAISED, None, "composition"),
    ],
)
def test_what_does_not_parse_has_a_kind_and_a_turn(first, second, outcome, kind, turn):
    (row,) = rolled_out([(first, second)])
    assert (row.outcome, row.execution.unparsed, row.turn) == (outcome, kind, turn)


def test_shares_that_parse_are_of_the_turns_that_there_were():
    rows = rolled_out(
        [
            (FIRST, SECOND),
            ("No.", None),
            ('def fly(users): "Fly."', None),
            (FIRST, "import os"),
            (FIRST, None),
        ]
    )
    found = parsing(rows).to_json()
    assert (found["decompositions"]["mean"], found["decompositions"]["n"]) == (0.8, 5)
    assert (found["compositions"]["mean"], found["compositions"]["n"]) == (pytest.approx(1 / 3), 3)
    counts = {
        turn: {kind: one["count"] for kind, one in kinds.items()} for turn, kinds in found["unparsed"].items()
    }
    assert counts == {
        "decomposition": {"no program": 1},
        "composition": {"not in the language": 1, "truncated": 1},
    }
    assert found["unparsed"]["composition"]["not in the language"]["example"]["text"] == "import os"
    nothing = parsing(rolled_out([("No.", None)])).to_json()
    assert nothing["compositions"] == {"mean": None, "ci95": None, "n": 0}
