"""What a planner that was not pretrained on a world must be told of it."""

from __future__ import annotations

from partwise.types import Split
from partwise.worlds.base import World


def instructions(world: World) -> str:
    """The format of the two turns, the language, the subtasks and the tools, as text before a task."""
    tools = "\n".join(
        f"- {tool.name}({', '.join(tool.parameters)}), {tool.effect}: {tool.doc}"
        for tool in world.tools.values()
    )
    subtasks = "\n".join(entry.subtask.request for entry in world.catalogue.values())
    names = ", ".join(world.task(Split.TRAIN, 0).inputs)
    return f"""\
You plan how to do a task that is too large for one person, in two turns.
In your first turn, write the subtasks that you need, one a line, each a Python signature and its docstring:
def name(parameter): "What it does."
Others will then write the functions and show them to you.
In your second turn, write the Python statements that call these functions and so do the task.
Write nothing but Python, without code fences. Assignments, calls, for, if, break, continue, comprehensions \
and the usual builtins are allowed; imports, while, classes, try and lambdas are not.
These names are given: {names}.
These subtasks are known; ask for any of them, word for word:
{subtasks}
Those who write the functions have these tools; you call the functions, never a tool:
{tools}"""
