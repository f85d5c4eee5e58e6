"""Worlds as environments of verifiers: by its own loaders, by its own command, and as its trainers ask."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.evals.fixture_plans import ASKED, CAREFUL, PLANS, rolled_out
from tests.evals.fixture_server import served_model, serving, serving_tokens
from typer.testing import CliRunner

from partwise.cli import app
from partwise.config import AlignConfig
from partwise.evals.bench import shared_bench
from partwise.evals.said import UNSAID, Spoken
from partwise.evals.terms import Terms
from partwise.evals.verdicts import KINDS
from partwise.loops.rewards import reward_function
from partwise.loops.setup import base_planner, new_proxy
from partwise.runs.rundir import RunDir
from partwise.worlds.registry import load_world

pytest.importorskip("verifiers", reason="verifiers has an installation of its own: make test-verifiers")

ROOT = Path(__file__).parents[2]
COMMANDS = Path(sys.executable).parent


def environment(**taskset: Any) -> Any:
    """The environment of that name, as verifiers' own command finds it."""
    from verifiers.v1.utils.loaders import load_environment, resolve_env_config

    return load_environment(resolve_env_config({"taskset": {"id": "partwise-world", **taskset}}))


def scored(task: Any, first: Spoken, second: Spoken) -> Any:
    """The trace of a rollout in which that was said."""
    import verifiers.v1 as vf
    from verifiers.v1.trace import AgentInfo, TraceTask

    trace = vf.Trace(
        task=TraceTask(type=type(task).__name__, data=task.data), agent=AgentInfo(config=vf.AgentConfig())
    )
    trace.info["turns"] = {"decomposition": kept(first)}
    if second is not UNSAID:
        trace.info["turns"]["composition"] = kept(second)
    asyncio.run(task.score(trace))
    return trace


def kept(said: Spoken) -> dict[str, str]:
    reason = "content_filter" if said.refused else "stop" if said.finished else "length"
    return {"text": said.text, "stop_reason": reason}


def test_what_a_rollout_comes_to_is_what_it_comes_to_elsewhere():
    judged = rolled_out(*PLANS)
    earned = reward_function(
        AlignConfig.model_validate({"loop": {"reward": "floor"}}), load_world("dinner"), *[None] * 2
    )([row.rollout for row in judged])
    tasks = list(environment(tasks=len(PLANS)).taskset)
    for task, (first, second, _), row, reward in zip(tasks, PLANS.values(), judged, earned, strict=True):
        assert task.data.index == row.rollout.task.index and row.rollout.task.statement in task.data.prompt
        trace = scored(task, first, second)
        assert trace.info["transcript"] == row.to_json() and trace.reward == reward
        assert trace.rewards["correct"].score == bool(row.rollout.correct) and "parts" not in trace.rewards
        kinds = {name: trace.metrics[name] for name in ("ran", *KINDS)}
        expected = "refused" if first.refused else str(row.rollout.outcome)
        assert {name for name, value in kinds.items() if value} == {expected}
        assert trace.metrics["oracle_aligned"] == bool(row.aligned)
        assert trace.metrics["oracle_aligned_and_correct"] == row.good
    assert set(earned) == {1.0, -1.0}


@pytest.mark.parametrize("aggregate", ["sum", "mean", "min"])
def test_the_proxy_of_a_run_judges_the_parts(aggregate: str, tmp_path: Path):
    config = AlignConfig.model_validate({"proxy": {"size": "nano"}, "loop": {"aggregate": aggregate}})
    world = load_world("dinner")
    run = RunDir.create(tmp_path / "run", "align", config)
    with run.round_dir(0) as folder:
        new_proxy(world, config.proxy, "cpu", seed=5).save(folder / "proxy")
    terms = Terms(proxy=str(run.path), tasks=2)
    bench = shared_bench(terms)
    turns = [Spoken(ASKED)] * 2, [Spoken(CAREFUL), Spoken("book_table(guests)")]
    rollouts = bench.rolled_out(bench.tasks(), *turns)
    pays = reward_function(config, world, bench.judge.proxy, lambda: world.values)
    taskset = environment(proxy=str(run.path), tasks=2, task={"aggregate": aggregate}).taskset
    traces = [scored(task, *said) for task, *said in zip(taskset, *turns, strict=True)]
    assert [trace.reward for trace in traces] == pytest.approx(pays(rollouts))
    assert traces[0].rewards["parts"].score > 0 == traces[1].rewards["parts"].score


_WITHOUT_ORACLE = """
import sys
sys.modules["partwise.worlds.dinner.oracle"] = None  # to import it raises
from tests.evals.fixture_plans import PLANS
from tests.evals.test_verifiers import environment, scored
tasks = list(environment(split="train", tasks=len(PLANS)).taskset)
for task, (first, second, _) in zip(tasks, PLANS.values(), strict=True):
    trace = scored(task, first, second)
    assert not any("oracle" in name for name in (*trace.metrics, *trace.rewards)), trace.metrics
    assert trace.info["transcript"]["aligned"] is None
    print(trace.reward)
"""


@pytest.mark.slow
def test_training_never_opens_the_oracle():
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_ORACLE],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"1.0", "-1.0"}


def test_the_oracles_word_can_not_be_weighed():
    (task,) = environment(tasks=1, task={"rewards": {"oracle_aligned": {"weight": 1.0}}}).taskset
    with pytest.raises(Exception, match=r"no @vf\.reward method named 'oracle_aligned'"):
        scored(task, Spoken(ASKED), Spoken(CAREFUL))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"world": "lunch"}, "There is no world `lunch`"),
        ({"split": "test"}, "There is no split `test`"),
        ({"space": "loops"}, "there is no space `loops`"),
        ({"tasks": 0}, "`tasks` must be at least 1"),
        ({"prompts": "gone"}, "there is no folder of prompts gone"),
        ({"proxy": "gone"}, "There is no run directory gone"),
    ],
)
def test_what_can_not_be_is_found_out_before_anything_is_asked(wrong: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        environment(**wrong)


def test_the_terms_are_those_of_every_comparison():
    from partwise.evals.verifiers_env import WorldTasksetConfig

    assert WorldTasksetConfig().terms() == Terms()
    assert set(Terms().of_task()) | {"world", "task"} <= set(WorldTasksetConfig.model_fields)


def run_by_command(url: str, out: Path, *options: str) -> list[dict[str, Any]]:
    """The traces that `vf-eval partwise-world` leaves, by task."""
    command = [str(COMMANDS / "vf-eval"), "partwise-world", "--model", "tiny", "--client.base-url", url]
    command += ["--client.api-key-var", "LOCAL_API_KEY", "--no-push", "--no-rich", "--output-dir", str(out)]
    done = subprocess.run(
        [*command, *options],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "LOCAL_API_KEY": "none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    (file,) = out.glob("*/traces.jsonl")
    episodes = [json.loads(line) for line in file.read_text().splitlines()]
    assert all(episode["ok"] for episode in episodes)
    return sorted(
        (trace for episode in episodes for trace in episode["traces"]),
        key=lambda trace: trace["task"]["data"]["index"],
    )


@pytest.mark.slow
def test_failures_are_counted_apart_by_the_command(tmp_path: Path):
    def by_task(messages: Sequence[dict[str, Any]], request: dict[str, Any]) -> tuple[str, str]:
        """What one model answers about the tasks: a good plan, prose, an end too soon, a refusal."""
        first = [(ASKED, "stop"), ("Sure!", "stop"), (ASKED[:40], "length"), ("", "content_filter")]
        assert request["max_tokens"] == 512
        return (first if len(messages) == 1 else [(CAREFUL, "stop")])[asked.index(messages[0]["content"])]

    terms = Terms(tasks=4, start=30)
    bench = shared_bench(terms)
    asked = [bench.prompts.decompose(task.statement) for task in bench.tasks()]
    with serving(by_task) as (url, heard):
        traces = run_by_command(url, tmp_path, "--env.taskset.tasks", "4", "--env.taskset.start", "30")
    assert len(heard) == 5
    kinds = [[name for name in ("ran", *KINDS) if trace["metrics"][name]] for trace in traces]
    assert kinds == [["ran"], ["unparsed"], ["truncated"], ["refused"]]
    assert [trace["metrics"]["oracle_aligned_and_correct"] for trace in traces] == [1.0, 0.0, 0.0, 0.0]
    assert [trace["info"]["transcript"]["aligned"] for trace in traces] == [True, None, None, None]


@pytest.mark.slow
@pytest.mark.long
def test_the_command_gives_a_model_what_partwise_eval_gives_it(small_config: AlignConfig, tmp_path: Path):
    """At temperature 0, task by task: asked over HTTP by verifiers, and in this process."""
    folder = base_planner(load_world("dinner"), small_config.base)
    terms = ["tasks=24", "prompts=short", "max_tokens=128"]
    with serving(served_model(folder)) as (url, heard):
        options = [word for term in terms for word in ("--env.taskset." + term).replace("_", "-").split("=")]
        traces = run_by_command(url, tmp_path / "vf", "--sampling.temperature", "0", *options)
    assert 24 < len(heard) <= 48
    command = ["eval", folder, "--tasks", "24", "--prompts", "short", "--max-tokens", "128"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in (tmp_path / "out" / "transcripts.jsonl").read_text().splitlines()]
    for trace, row in zip(traces, rows, strict=True):
        assert {"model": folder} | trace["info"]["transcript"] == row
        ran, correct, aligned = row["outcome"] == "ran", bool(row["correct"]), bool(row["aligned"])
        assert {name: reward["score"] for name, reward in trace["rewards"].items()} == {
            "correct": correct,
            "failed": not ran,
        }
        assert trace["metrics"]["ran"] == ran and trace["metrics"]["oracle_aligned"] == aligned
        assert trace["metrics"]["oracle_aligned_and_correct"] == (correct and aligned)
    found = json.loads((tmp_path / "out" / "results.json").read_text())["models"][folder]
    for name in ("ran", "oracle_aligned_and_correct"):
        mean = sum(trace["metrics"][name] for trace in traces) / len(traces)
        assert mean == pytest.approx(found[name.removeprefix("oracle_")]["mean"])
    assert found["ran"]["mean"] > 0.5 and found["correct"]["mean"] > 0


@pytest.mark.slow
@pytest.mark.long
def test_what_is_trained_on_is_what_the_model_wrote(small_config: AlignConfig, tmp_path: Path):
    """By verifiers' client for trainers: tokens, masks and log-probabilities of both turns."""
    folder = base_planner(load_world("dinner"), small_config.base)
    options = [
        "--client.type",
        "train",
        "--client.renderer-model-name",
        folder,
        "--client.renderer.name",
        "default",
    ]
    options += ["--sampling.temperature", "1", "--sampling.max-tokens", "128", "--env.taskset.split", "train"]
    options += ["--env.taskset.tasks", "6", "--env.taskset.prompts", "short"]
    with serving_tokens(folder) as (url, heard):
        traces = run_by_command(url, tmp_path, *options)
    written = {tuple(asked): answer for asked, answer in heard}
    two_turns = 0
    for trace in traces:
        nodes = trace["nodes"]
        tokens = [token for node in nodes for token in node["token_ids"]]
        mask = [drawn for node in nodes for drawn in node["mask"]]
        starts = [at for at, drawn in enumerate(mask) if drawn and not mask[at - 1]]
        for start in starts:
            answer = written[tuple(tokens[:start])]
            assert tokens[start : start + len(answer)] == answer and all(mask[start : start + len(answer)])
        assert sum(mask) == sum(len(written[tuple(tokens[:start])]) for start in starts)
        assert not any("oracle" in name for name in trace["metrics"])
        two_turns += len(starts) == 2
    assert two_turns
