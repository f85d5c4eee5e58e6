"""A world as a task of Inspect: the planner's two turns, the parts between them, and what came of it.

Imports inspect_ai; whoever needs it without having it is answered by `extras.inspect_or_refuse`.
"""

from __future__ import annotations

from typing import Any

from inspect_ai import Task as InspectTask
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, GenerateConfig, ModelOutput
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from partwise.evals.bench import Bench, shared_bench
from partwise.evals.said import TURNS, Spoken, turns_of
from partwise.evals.scores import ci95, score_of, share
from partwise.evals.terms import Terms
from partwise.evals.verdicts import kind_of
from partwise.types import Split


def world_task(terms: Terms) -> InspectTask:
    """The tasks of a world, as Inspect asks any model about them.

    Raises:
        LookupError, ModelError, RunError: as `Bench`.
    """
    bench = shared_bench(terms)
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


@solver
def two_turns(**terms: Any) -> Solver:
    """Decompose, have the parts written, recompose; `terms` are those of `Terms`."""
    bench = shared_bench(Terms(**terms))
    most = bench.terms.max_tokens

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state, tool_calls="none", max_tokens=most)
        _keep(state, 0)
        first, _ = _said(state)
        parts = bench.parts(_task(bench, state), first)
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
    state.store.set(TURNS[turn], {"text": output.completion, "stop_reason": output.stop_reason})


def _said(state: TaskState) -> tuple[Spoken, Spoken]:
    return turns_of({turn: state.store.get(turn) for turn in TURNS})


@scorer(metrics={"*": [share(), ci95()]})
def verified(**terms: Any) -> Scorer:
    """Run, verify and judge: `ran`, `correct`, `aligned`, `aligned_and_correct`, each of all tasks.

    What did not run to its end is none of these; its kind stands in `Score.reason`, and all that is known of
    it in the score's metadata, where `correct` and `aligned` are None.
    """
    bench = shared_bench(Terms(**terms))

    async def score(state: TaskState, target: Target) -> Score:
        first, second = _said(state)
        (judged,) = bench.judged([_task(bench, state)], [first], [second])
        return score_of(judged.to_json(), kind_of(judged.rollout, first, second))

    return score
