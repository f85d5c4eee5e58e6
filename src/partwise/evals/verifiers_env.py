"""A world as an environment of verifiers: the planner's two turns, the parts between them, what they earn.

Imports verifiers, which wants an installation of its own; `partwise_world` is the name it is found under.

Nothing that is earned here comes from the oracle. On validation and held-out tasks its word is a metric,
which no weight can turn into a reward; on tasks of training it is not opened at all.
"""

# Types are checked where verifiers is not installed.
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, cast

import verifiers.v1 as vf
from openai import AsyncOpenAI
from pydantic import model_validator

from partwise.config import LoopConfig
from partwise.evals.bench import Bench, refuse_terms, shared_bench
from partwise.evals.said import TURNS, Spoken, turns_of
from partwise.evals.terms import REFERENCE, Terms
from partwise.evals.verdicts import KINDS, counted, kind_of
from partwise.loops.rewards import AGGREGATES
from partwise.measure.evaluate import Judged, judge
from partwise.runs.rundir import RunError
from partwise.types import Rollout, Split

_SAID, _TRANSCRIPT = "turns", "transcript"
"""Where a trace's `info` has what was answered, and what came of it as a line of `transcripts.jsonl`."""
_DEFAULT = Terms()


class WorldData(vf.TaskData):
    """One task, with all that a worker elsewhere must know of it."""

    index: int
    """Of the task in its split."""
    terms: dict[str, Any]
    """Those of `Terms`."""


class WorldTaskConfig(vf.TaskConfig):
    """How rollouts are rewarded, beside verifiers' own `rewards.NAME.weight`."""

    aggregate: Literal["sum", "mean", "min"] = "sum"
    """How partial rewards become one, as `loop.aggregate` of a run."""


class WorldTask(vf.Task[WorldData, vf.State, WorldTaskConfig]):
    """What a rollout earns, and what else is known of it.

    The rewards sum to what a run of `align` pays with `loop.reward=parts`, or with `floor` where nobody
    judges the parts (`loops/rewards.py`).
    """

    @vf.reward
    async def correct(self, trace: vf.Trace) -> float:
        """V: 1 where the verifier says yes."""
        return float(bool(self._rollout(trace).correct))

    @vf.reward
    async def parts(self, trace: vf.Trace) -> Mapping[str, float]:
        """The judgments of the parts of what ran, by the proxy of a run; of references there are none."""
        if self.data.terms["proxy"] == REFERENCE:
            return {}
        rollout = self._rollout(trace)
        earned = AGGREGATES[self.config.aggregate](rollout.partial_rewards) if rollout.execution.ran else 0.0
        return {"parts": earned}

    @vf.reward(weight=LoopConfig().failure_reward)
    async def failed(self, trace: vf.Trace) -> float:
        """1 for what did not run to its end; its weight is a run's `loop.failure_reward`."""
        return float(not self._rollout(trace).execution.ran)

    @vf.metric
    async def ended(self, trace: vf.Trace) -> Mapping[str, float]:
        """How it ended: 1 for `ran` or for one kind of failure, 0 for the others."""
        kind = kind_of(self._rollout(trace), *self._said(trace))
        return {"ran": float(not kind)} | {each: float(each == kind) for each in KINDS}

    @vf.metric
    async def oracle(self, trace: vf.Trace) -> Mapping[str, float]:
        """The oracle's word, for evaluation alone; nothing on tasks of training."""
        rollout = self._rollout(trace)
        if self.data.terms["split"] == Split.TRAIN:
            trace.info[_TRANSCRIPT] = Judged(rollout=rollout, aligned=None, violations={}).to_json()
            return {}
        (judged,) = judge([rollout], self._bench.oracle)
        trace.info[_TRANSCRIPT] = judged.to_json()
        found = counted(judged.to_json())
        return {f"oracle_{name}": float(found[name]) for name in ("aligned", "aligned_and_correct")}

    @property
    def _bench(self) -> Bench:
        return shared_bench(Terms(**self.data.terms))

    def _said(self, trace: vf.Trace) -> tuple[Spoken, Spoken]:
        return turns_of(trace.info.get(_SAID, {}))

    def _rollout(self, trace: vf.Trace) -> Rollout:
        return _rolled_out(Terms(**self.data.terms), self.data.index, *self._said(trace))


@lru_cache(maxsize=256)
def _rolled_out(terms: Terms, index: int, first: Spoken, second: Spoken) -> Rollout:
    """Remembered, since each reward and metric asks by itself."""
    bench = shared_bench(terms)
    (rollout,) = bench.rolled_out([bench.task(index)], [first], [second])
    return rollout


class WorldTasksetConfig(vf.TasksetConfig):
    """The terms, as in `partwise eval`; verifiers' own `sampling` has the temperature."""

    world: str = _DEFAULT.world
    """Name of an installed world."""
    split: str = _DEFAULT.split
    """Which tasks: `train` to train on, `validation` or `heldout` to evaluate on."""
    start: int = _DEFAULT.start
    """Index of the first task."""
    tasks: int = _DEFAULT.tasks
    """How many there are to choose from."""
    space: str = _DEFAULT.space
    """The composition space that solutions must keep to."""
    prompts: str = _DEFAULT.prompts
    """What the model is told: `full`, `short`, or a folder of prompts."""
    proxy: str = _DEFAULT.proxy
    """Who writes and judges the parts: `reference`, or the folder of a run."""
    max_tokens: int = _DEFAULT.max_tokens
    """Of each turn, where `sampling.max_tokens` does not say."""
    task: WorldTaskConfig = WorldTaskConfig()

    def terms(self) -> Terms:
        """The same as `Terms`, and refused as there."""
        mine = {name: getattr(self, name) for name in _DEFAULT.of_task()}
        return Terms(world=self.world, **mine)

    @model_validator(mode="after")
    def _sensible(self) -> WorldTasksetConfig:
        """Found out here and raised as a `ValueError`, what is wrong is said by verifiers in one sentence."""
        try:
            refuse_terms(self.terms())
        except (LookupError, RunError) as error:
            raise ValueError(str(error)) from error
        return self


class WorldTaskset(vf.Taskset[WorldTask, WorldTasksetConfig]):
    """The tasks of a world."""

    def load(self) -> Iterator[WorldTask]:
        """Each task, told as the prompts tell it.

        Raises:
            ModelError: the proxy can't be loaded.
        """
        terms = self.config.terms()
        bench = shared_bench(terms)
        for task in bench.tasks():
            data = WorldData(
                id=f"{terms.world}/{task.split}/{task.index}",
                prompt=bench.prompts.decompose(task.statement),
                index=task.index,
                terms=terms.to_json(),
            )
            yield WorldTask(data, self.config.task)


class TwoTurns(vf.Harness[vf.HarnessConfig]):
    """Asks for the decomposition, has the parts written, asks for the composition; in this process.

    The model is given no tool and no machine. What is put in between is a message of the user, which
    verifiers trains nobody on.
    """

    APPENDS_SYSTEM_PROMPT = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        """Both turns, or the first alone where it fails; what was answered goes to `trace.info`."""
        row = cast(WorldData, data)
        bench = shared_bench(Terms(**row.terms))
        system, prompt = self.resolve_text_prompt(data)
        messages: list[Any] = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": prompt})
        said: dict[str, dict[str, str]] = {}
        trace.info[_SAID] = said
        # Without a deadline: verifiers has its own.
        async with AsyncOpenAI(base_url=endpoint, api_key=secret, timeout=None) as client:

            async def ask(turn: str) -> None:
                reply = await client.chat.completions.create(
                    model=ctx.model, messages=messages, max_tokens=bench.terms.max_tokens
                )
                (answer,) = reply.choices
                said[turn] = {"text": answer.message.content or "", "stop_reason": answer.finish_reason}
                messages.append(answer.message.model_dump(exclude_none=True))

            await ask(TURNS[0])
            parts = bench.parts(bench.task(row.index), turns_of(said)[0])
            if parts is not None:
                messages.append({"role": "user", "content": bench.prompts.recompose(parts)})
                await ask(TURNS[1])
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")


class WorldEnvConfig(vf.SingleAgentEnvConfig):
    """Runs on this machine, since nothing of the model's is executed but in our sandbox."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())


class WorldEnv(vf.SingleAgentEnv, vf.Env[WorldEnvConfig]):
    """One model, on a world's tasks."""
