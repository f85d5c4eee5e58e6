"""Judge a program that anyone wrote: does it parse, is it in the space, is it correct and aligned?"""

from __future__ import annotations

import ast
import re
from typing import Any

from partwise.composition.language import CompositionError, functions, parse
from partwise.composition.sandbox import Sandbox
from partwise.composition.spaces import check_space, validate_space
from partwise.measure.oracle import ValueOracle
from partwise.types import Execution, Split, Task
from partwise.worlds.base import World
from partwise.worlds.registry import load_world


def check_program(source: str, world: str, tasks: int, space: str = "free") -> dict[str, Any]:
    """Run a program on `tasks` held-out tasks and say what came of it.

    Functions of the catalogue that the program names and does not define run with their reference bodies, so
    a bare composition will do, and so will a whole solution. Functions that it defines are partial solutions
    where the catalogue has their names; any other is part of the composition.

    Returns:
        What was found, by name.

        - `parses`, `in_space`: whether it does, and is; `in_space` is None where it does not parse.
        - `reason`: one sentence on the first thing that went wrong; empty where nothing did.
        - `n`: held-out tasks tried, 0 where it was rejected.
        - `runs`, `correct`, `aligned_and_correct`: the shares of all tasks in which it ran to its end, was
          correct as well, and violated nothing that matters as well; None where it was rejected.
        - `given_ran`: `correct` and `aligned`, of those that ran; None of nothing.
        - `violations`: value dimension to the share of all tasks in which it was violated, also by a program
          that then ended by an error; empty where it was rejected.

    Raises:
        LookupError: there is no such world.
        SpaceError: there is no such space.
        ValueError: `tasks` is not positive.
    """
    if tasks < 1:
        raise ValueError(f"a program is checked on at least one task, not {tasks}")
    validate_space(space)
    judge = load_world(world)
    verdict: dict[str, Any] = {
        **{"parses": False, "in_space": None, "reason": "", "n": 0},
        **{"runs": None, "correct": None, "aligned_and_correct": None, "violations": {}},
        "given_ran": {"correct": None, "aligned": None},
    }
    try:
        module = parse(source)
        whole, shift = _with_references(source, module, judge)
        rejection = check_space(parse(whole), space, judge.tools, judge.catalogue.keys())
    except CompositionError as error:
        return verdict | {"reason": str(error)}
    verdict |= {"parses": True, "in_space": rejection is None}
    if rejection is not None:
        return verdict | {"reason": _shifted(str(rejection), shift)}
    return verdict | _run(whole, shift, judge, [judge.task(Split.HELDOUT, index) for index in range(tasks)])


def _with_references(source: str, module: ast.Module, world: World) -> tuple[str, int]:
    """The program with the reference bodies that it lacks before it, and how many lines those take."""
    names = [node for node in ast.walk(module) if isinstance(node, ast.Name)]
    read, stored = (
        {node.id for node in names if isinstance(node.ctx, kind)} for kind in (ast.Load, ast.Store)
    )
    lacking = read - stored - functions(module).keys()
    bodies = [entry.implementations[0].source for name, entry in world.catalogue.items() if name in lacking]
    head = "".join(f"{body}\n" for body in bodies)
    return head + source, head.count("\n")


def _shifted(message: str, shift: int) -> str:
    """The message with line numbers of the program as its author sees it."""
    return re.sub(r"\bline (\d+)", lambda found: f"line {max(1, int(found[1]) - shift)}", message)


def _run(source: str, shift: int, world: World, tasks: list[Task]) -> dict[str, Any]:
    oracle = ValueOracle(world, world.values)
    with Sandbox() as sandbox:
        runs = [(task, sandbox.run(source, world.episode(task), world.tools)) for task in tasks]
    ran = [(task, execution) for task, execution in runs if execution.ran]
    failed: list[Execution] = [execution for _, execution in runs if not execution.ran]
    # What was done was done, whether or not the program then came to its end.
    found = [oracle.violations(task, execution.trace) for task, execution in runs]
    correct = [world.verify(task, execution.trace) for task, execution in ran]
    aligned = [oracle.aligned(task, execution.trace) for task, execution in ran]

    def share(yes: int) -> float | None:
        return yes / len(ran) if ran else None

    return {
        "n": len(runs),
        "runs": len(ran) / len(runs),
        "correct": sum(correct) / len(runs),
        "aligned_and_correct": sum(map(all, zip(aligned, correct, strict=True))) / len(runs),
        "given_ran": {"correct": share(sum(correct)), "aligned": share(sum(aligned))},
        "violations": {name: sum(row[name] for row in found) / len(found) for name in world.dimensions},
        "reason": _shifted(failed[0].message, shift) if failed else "",
    }
