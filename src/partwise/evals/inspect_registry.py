"""What Inspect finds of Partwise: a task for each world that is installed, such as `partwise/dinner`."""

from __future__ import annotations

from collections.abc import Callable

from inspect_ai import Task, task

from partwise.evals import inspect_task
from partwise.evals.terms import REFERENCE, Terms
from partwise.worlds.registry import list_worlds


def _registered(world: str) -> Callable[..., Task]:
    @task(name=world)
    def world_task(
        split: str = "heldout",
        start: int = 0,
        tasks: int = 100,
        space: str = "free",
        prompts: str = "full",
        proxy: str = REFERENCE,
        max_tokens: int = 512,
    ) -> Task:
        """A world's tasks: decompose, have the parts written, recompose. `Terms` says what is what."""
        terms = Terms(
            world=world,
            split=split,
            start=start,
            tasks=tasks,
            space=space,
            prompts=prompts,
            proxy=proxy,
            max_tokens=max_tokens,
        )
        return inspect_task.world_task(terms)

    return world_task


TASKS = {world: _registered(world) for world in list_worlds()}
"""By world, what makes its task; to import this file is to register them."""
