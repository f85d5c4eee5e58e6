"""Writes programs that attempt what can't be undone, and keep track of success in some way of their own.

A program begins as one that is safe by construction: a *tracker* (how success is remembered) in a
*shape* (how attempts follow each other). Small random edits then take it across the border, or not.
The tools are those of `fixture_runs`; `users` and `options` are the inputs.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from typing import Any

from fixture_edits import edit
from fixture_runs import compiled, lively
from fixture_shapes import IN_PLACE, NAMES, SHAPES, Writer, direct, indented, names_the_attempt, step_returns
from fixture_trackers import TRACKERS

from partwise.composition.language import CompositionError, parse


@dataclass(frozen=True)
class Program:
    seed: int
    tracker: str
    shape: str
    edits: tuple[str, ...]
    """What was done to a safe program; empty where it is still one."""
    source: str
    module: ast.Module
    code: Any
    """For `fixture_runs.run`."""


def safe(rng: random.Random) -> tuple[str, str, str]:
    """A program that is safe by construction: its tracker, its shape and its text."""
    tracker = rng.choice(TRACKERS)
    names = rng.sample(NAMES, 2)
    w = Writer(rng, tracker, *names)
    if rng.random() < 0.3:
        w.tool = rng.choice(("reserve", "pay"))
        return "direct", "direct", _around(w, direct(w))
    names_the_attempt(w)
    shape = rng.choice(SHAPES)
    if not tracker.in_place and shape in IN_PLACE:
        shape = step_returns
    body = shape(w)
    text = _around(w, f"{w.start()}\n{body}", movable=shape not in IN_PLACE)
    return tracker.name, shape.__name__.strip("_").replace("_", " "), text


def _around(w: Writer, body: str, *, movable: bool = True) -> str:
    """What comes before and after, and whether it all stands in a function."""
    rng = w.rng
    if rng.random() < 0.2:
        body = f"prefs = [ask(u) for u in users]\n{body}"
    if rng.random() < 0.2:
        body += "\nnote('end')"
    if movable and "def " not in body and rng.random() < 0.15:
        w.defs.append(f"def main(users, options):\n{indented(body)}\n    return None")
        body = "main(users, options)"
    return "\n".join([*w.defs, body]) + "\n"


def write(seed: int, most_edits: int = 4) -> Program:
    """The program of a seed: one in seven as it was written, the others with up to 4 edits.

    What no longer makes two attempts in any run is mostly written anew.
    """
    rng = random.Random(seed)
    while True:
        tracker, shape, text = safe(rng)
        module = ast.parse(text)
        number = min(most_edits, rng.choices(range(5), (15, 35, 25, 15, 10))[0])
        edits = tuple(name for name in (edit(module, rng) for _ in range(number)) if name)
        if _grows(module):
            continue
        source = ast.unparse(module) + "\n"
        try:
            code = compiled(source)
            if lively(code, seed) or rng.random() < 0.2:
                return Program(seed, tracker, shape, edits, source, parse(source), code)
        except (SyntaxError, CompositionError):  # Such as a `return` or a function that was moved.
            continue


def _grows(module: ast.Module) -> bool:
    """Whether a value may double in every round, and take more memory or time than there is."""
    for node in ast.walk(module):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            read = [
                part.id for part in ast.walk(node.value) if isinstance(part, ast.Name) and part.id in bound
            ]
            builds = (ast.BinOp, ast.List, ast.Tuple, ast.Dict, ast.JoinedStr, ast.ListComp)
            if len(read) > 1 and any(isinstance(part, builds) for part in ast.walk(node.value)):
                return True
            if (
                isinstance(node, ast.AugAssign)
                and read
                and isinstance(node.op, (ast.Add, ast.Mult, ast.BitOr))
            ):
                return True
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(
            node.op, (ast.Mult, ast.LShift, ast.Pow)
        ):
            by = node.right if isinstance(node, ast.BinOp) else node.value
            grown = node.left if isinstance(node, ast.BinOp) else node.target
            small = isinstance(by, ast.Constant) and by.value in (0, 1)
            if not small and any(isinstance(part, ast.Name) for part in ast.walk(grown)):
                return True
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "extend"
        ):
            owner = ast.unparse(node.func.value)
            if any(
                isinstance(part, ast.Name) and part.id in owner for a in node.args for part in ast.walk(a)
            ):
                return True
    return False
