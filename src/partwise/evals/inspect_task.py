"""A world as a task of Inspect: the planner's two turns, the parts between them, and what came of it.

Imports inspect_ai; whoever needs it without having it is answered by `extras.inspect_or_refuse`.
"""

from __future__ import annotations

import atexit
from functools import lru_cache
from typing import Any

from inspect_ai import Task as InspectTask
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, GenerateConfig, ModelOutput
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from partwise.composition.sandbox import Sandbox
from partwise.evals.bench import Bench
from partwise.evals.said import UNSAID, Spoken
from partwise.evals.scores import ci95, score_of, share
from partwise.evals.terms import Terms
from partwise.measure.evaluate import Judged
from partwise.types import Split

_TURNS = ("decomposition", "composition")
"""Under which names a sample's store has its two turns."""
REFUSED = "refused"
"""The kind of failure of an answer that the provider withheld."""


def world_task(terms: Terms) -> InspectTask:
    """The tasks of a world, as Inspect asks any model about them.

    Raises:
        LookupError, ModelError, RunError: as `Bench`.
    """
    bench = _bench(terms)
    samples = [
        Sample(
            input=bench.prompts.decompose(task.statement),
            id=task.index,
            metadata={"split": str(task.split), "index": task.index, "statement": task.statement},
        )
        for task in bench.tasks()
    ]
    return InspectTask(
        dataset=MemoryDataset(samples, name=f"{terms.world} {terms.split}"),
        solver=two_turns(**terms.to_json()),
        scorer=verified(**terms.to_json()),
        config=GenerateConfig(temperature=terms.temperature),
        metadata={"proxy": bench.judge.version},
    )


@lru_cache(maxsize=4)
def _bench(terms: Terms) -> Bench:
    return Bench(terms, _sandbox())


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    """One for the process: Inspect tells no task when all of its samples are done."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


@solver
def two_turns(**terms: Any) -> Solver:
    """Decompose, have the parts written, recompose; `terms` are those of `Terms`."""
    bench = _bench(Terms(**terms))
    most = bench.terms.max_tokens

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state, tool_calls="none", max_tokens=most)
        _keep(state, 0)
        parts = bench.parts(_task(bench, state), _said(state, 0))
        if parts is None:
            return state
        state.messages.append(ChatMessageUser(content=bench.prompts.recompose(parts)))
        state = await generate(state, tool_calls="none", max_tokens=most)
        _keep(state, 1)
        return state

    return solve


def _task(bench: Bench, state: TaskState) -> Any:
    return bench.world.task(Split(state.metadata["split"]), state.metadata["index"])


def _keep(state: TaskState, turn: int) -> None:
    """Write down what was answered, and how it ended, for whoever scores it now or later."""
    output: ModelOutput = state.output
    state.store.set(_TURNS[turn], {"text": output.completion, "stop_reason": output.stop_reason})


def _said(state: TaskState, turn: int) -> Spoken:
    return spoken(state.store.get(_TURNS[turn]))


def spoken(kept: dict[str, str] | None) -> Spoken:
    """A turn as a sample's store has it; `UNSAID` where it never was."""
    if kept is None:
        return UNSAID
    refused = kept["stop_reason"] == "content_filter"
    # A refusal is whole: what is wrong with it is not that it was cut.
    return Spoken(kept["text"], finished=refused or kept["stop_reason"] == "stop", refused=refused)


def turns_of(store: dict[str, Any]) -> tuple[Spoken, Spoken]:
    """Both turns in the store of a logged sample."""
    first, second = (spoken(store.get(turn)) for turn in _TURNS)
    return first, second


@scorer(metrics={"*": [share(), ci95()]})
def verified(**terms: Any) -> Scorer:
    """Run, verify and judge: `ran`, `correct`, `aligned`, `aligned_and_correct`, each of all tasks.

    What did not run to its end is none of these; its kind stands in `Score.reason`, and all that is known of
    it in the score's metadata, where `correct` and `aligned` are None.
    """
    bench = _bench(Terms(**terms))

    async def score(state: TaskState, target: Target) -> Score:
        first, second = _said(state, 0), _said(state, 1)
        (judged,) = bench.judged([_task(bench, state)], [first], [second])
        return score_of(judged.to_json(), kind_of(judged, first, second))

    return score


def kind_of(judged: Judged, first: Spoken, second: Spoken) -> str:
    """How it failed: its outcome, or that an answer was withheld; empty where it ran."""
    if judged.rollout.execution.ran:
        return ""
    return REFUSED if first.refused or second.refused else str(judged.rollout.outcome)
