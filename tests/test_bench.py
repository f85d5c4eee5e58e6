"""What the measurements of speed in bench/ take from Partwise and from each other is there."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).parents[1] / "bench"
FILES = sorted(BENCH.glob("*.py"))


def _found(module: str, name: str) -> Any:
    """What `from module import name` gives; raises where that would."""
    taken: Any = importlib.import_module(module)
    return getattr(taken, name) if hasattr(taken, name) else importlib.import_module(f"{module}.{name}")


def _defined(file: Path) -> set[str]:
    """The names at the top of a file that is too slow to import."""
    names = set[str]()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def lacking(source: str) -> Iterator[str]:
    """What a script takes, anywhere in it, that is not there: from Partwise, or from a script beside it.

    Imports within functions count, since those are what nobody sees fail; and so do attributes of a module
    of Partwise, private ones too, and those that are handed on by name, as to `setattr`.
    """
    tree, modules = ast.parse(source), dict[str, ModuleType]()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        beside = BENCH / f"{node.module}.py"
        for alias in node.names:
            if node.module.split(".")[0] == "partwise":
                try:
                    taken = _found(node.module, alias.name)
                except ImportError:
                    yield f"{node.module}.{alias.name}"
                    continue
                if isinstance(taken, ModuleType):
                    modules[alias.asname or alias.name] = taken
            elif beside in FILES and alias.name not in _defined(beside):
                yield f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None and not hasattr(module, node.attr):
                yield f"{module.__name__}.{node.attr}"
        if isinstance(node, ast.Call):
            for owner, name in pairwise(node.args):
                taken = _owner(owner, modules)
                if (
                    taken is not None
                    and isinstance(name, ast.Constant)
                    and not hasattr(taken, str(name.value))
                ):
                    yield f"{taken.__name__}.{name.value}"


def _owner(node: ast.expr, modules: Mapping[str, ModuleType]) -> Any:
    """The module that a name stands for, or something in it; None where it is of neither."""
    if isinstance(node, ast.Attribute):
        owner = _owner(node.value, modules)
        return None if owner is None else getattr(owner, node.attr, None)
    return modules.get(node.id) if isinstance(node, ast.Name) else None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_all_that_a_script_takes_is_there(file: Path) -> None:
    assert list(lacking(file.read_text())) == []


def test_what_is_not_there_is_found_wherever_it_is_taken() -> None:
    source = """
from partwise.types import Task, Tusk
from step import measure, mesure

def main():
    from partwise.loops.rewards import composition_space
    from partwise.training import rlft as training
    from partwise.training import rift
    training.rlft, training._Trainer, training._Trailer
    around(training, "rlft", main), around(training, "rolft", main), around(training._Trainer, "trane", main)
"""
    assert set(lacking(source)) == {
        "partwise.types.Tusk",
        "step.mesure",
        "partwise.loops.rewards.composition_space",
        "partwise.training.rift",
        "partwise.training.rlft._Trailer",
        "partwise.training.rlft.rolft",
        "_Trainer.trane",
    }


def test_what_stands_in_for_a_planner_has_all_that_rollouts_take_of_one() -> None:
    rollout = ast.parse((BENCH.parent / "src/partwise/training/rollout.py").read_text())
    taken = {
        node.attr
        for node in ast.walk(rollout)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute | ast.Name)
        and ast.unparse(node.value) in ("self.planner", "planner")
    }
    (stock,) = (
        node
        for node in ast.parse((BENCH / "rlft.py").read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "StockPlanner"
    )
    has = {node.name for node in stock.body if isinstance(node, ast.FunctionDef)}
    has |= {ast.unparse(name) for node in stock.body if isinstance(node, ast.Assign) for name in node.targets}
    has |= {
        node.attr
        for node in ast.walk(stock)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    assert {"open", "chats"} <= taken <= has
