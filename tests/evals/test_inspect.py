"""Worlds as tasks of Inspect, asked over HTTP, and the leaderboard that asks them too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from tests.evals.fixture_plans import ASKED, CAREFUL, EVERYWHERE, rolled_out
from tests.evals.fixture_server import scripted, served_model, serving
from typer.testing import CliRunner

import partwise
from partwise.cli import app
from partwise.config import AlignConfig
from partwise.loops.setup import base_planner
from partwise.measure.evaluate import figures
from partwise.measure.intervals import SHARE, over_seeds
from partwise.models.endpoint import PROVIDERS
from partwise.models.errors import ModelError
from partwise.worlds.registry import load_world

pytest.importorskip("inspect_ai")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Has the key of the provider whose address each test sets."""
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    return monkeypatch


@pytest.fixture
def model(request: pytest.FixtureRequest) -> str:
    """A name of its own for each test: Inspect keeps the client of a name, with its address."""
    return f"openai-api/local/{request.node.name}"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip leaves of this checkout's entry points, whenever the environment was made."""
    folder = tmp_path_factory.mktemp("installed")
    info = folder / f"partwise-{partwise.__version__}.dist-info"
    info.mkdir()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: partwise\nVersion: {partwise.__version__}\n"
    )
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in points.items())
            for group, points in groups.items()
        )
    )
    (info / "direct_url.json").write_text(json.dumps({"url": ROOT.as_uri(), "dir_info": {"editable": True}}))
    return folder


def inspect_eval(installed: Path, model: str, logs: Path, *options: str) -> Any:
    """The log that `inspect eval partwise/dinner` leaves."""
    from inspect_ai.log import list_eval_logs, read_eval_log

    path = os.pathsep.join([str(ROOT / "src"), str(installed), os.environ.get("PYTHONPATH", "")])
    command = ["eval", "partwise/dinner", "--model", model, "--log-dir", str(logs), "--display", "none"]
    done = subprocess.run(
        [sys.executable, "-m", "inspect_ai", *command, *options],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = list_eval_logs(str(logs))
    return read_eval_log(log.name)


def shares(log: Any) -> dict[str, dict[str, float]]:
    return {
        score.name: {name.removeprefix("partwise/"): metric.value for name, metric in score.metrics.items()}
        for score in log.results.scores
    }


@pytest.mark.long
def test_the_same_model_scores_the_same_here_by_provider_and_by_inspect(
    small_config: AlignConfig, installed: Path, tmp_path: Path, provider: pytest.MonkeyPatch, model: str
):
    """At temperature 0: in this process, asked by `partwise eval` over HTTP, and by `inspect eval`."""
    folder = base_planner(load_world("dinner"), small_config.base)
    with serving(served_model(folder)) as (url, heard):
        provider.setenv("LOCAL_BASE_URL", url)
        log = inspect_eval(
            installed,
            model,
            tmp_path / "logs",
            "-T",
            "tasks=24",
            "-T",
            "prompts=short",
            "-T",
            "max_tokens=128",
        )
        asked = len(heard)
        command = ["eval", folder, model, "--tasks", "24", "--prompts", "short", "--max-tokens", "128"]
        done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
        assert done.exit_code == 0, done.output
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    here, there = (results["models"][name] for name in (folder, model))
    assert here == there and here["ran"]["mean"] > 0.5 and here["correct"]["mean"] > 0
    assert 24 < asked <= 48 and len(heard) == 2 * asked
    for name in ("ran", "correct", "aligned_and_correct"):
        low, high = here[name]["ci95"]
        expected = {"share": here[name]["mean"], "ci95_low": low, "ci95_high": high}
        assert shares(log)[name] == pytest.approx(expected)
    lines = [json.loads(line) for line in (tmp_path / "out" / "transcripts.jsonl").read_text().splitlines()]
    by_model = {name: [row for row in lines if row["model"] == name] for name in (folder, model)}
    for row, other, sample in zip(*by_model.values(), log.samples, strict=True):
        assert row | {"model": ""} == other | {"model": ""}
        kept = sample.scores["verified"].metadata
        assert {name: kept[name] for name in ("composition", "trace", "correct", "aligned")} == {
            name: row[name] for name in ("composition", "trace", "correct", "aligned")
        }
    page = (tmp_path / "out" / "leaderboard.html").read_text()
    assert model in page and "Planners on dinner" in page and "http" not in page.replace("http://www.w3", "")


def by_task(messages: Sequence[dict[str, Any]], request: dict[str, Any]) -> tuple[str, str]:
    """What one model answers about the tasks: a good plan, a bad one, prose, an end too soon, a refusal."""
    turn = sum(message["role"] == "assistant" for message in messages)
    kind = by_task.tasks.index(messages[0]["content"]) % 5  # pyright: ignore[reportFunctionMemberAccess]
    first = [
        (ASKED, "stop"),
        (ASKED, "stop"),
        ("Sure!", "stop"),
        (ASKED[:40], "length"),
        ("", "content_filter"),
    ]
    return (first if not turn else [(CAREFUL, "stop"), (EVERYWHERE, "stop")])[kind]


def test_failures_are_counted_apart_over_all_tasks(
    installed: Path, tmp_path: Path, provider: pytest.MonkeyPatch, model: str
):
    from partwise.composition.sandbox import Sandbox
    from partwise.evals.bench import Bench
    from partwise.evals.terms import Terms

    with Sandbox() as sandbox:
        bench = Bench(Terms(tasks=10, start=30), sandbox)
    by_task.tasks = [bench.prompts.decompose(task.statement) for task in bench.tasks()]  # type: ignore[attr-defined]
    with serving(by_task) as (url, _):
        provider.setenv("LOCAL_BASE_URL", url)
        log = inspect_eval(installed, model, tmp_path / "logs", "-T", "tasks=10", "-T", "start=30")
        results = partwise.compare([model], out=tmp_path / "out", tasks=10, start=30)
    reasons = [sample.scores["verified"].reason for sample in log.samples]
    assert reasons == [None, None, "unparsed", "truncated", "refused"] * 2
    found = results["models"][model]
    assert found["refused"] == 2 and found["counts"]["truncated"] == 2 and found["counts"]["unparsed"] == 4
    assert found["ran"]["n"] == 10 and found["ran"]["mean"] == shares(log)["ran"]["share"] == 0.4
    missing = log.samples[2].scores["verified"]
    assert missing.metadata["correct"] is None and missing.value["correct"] == 0
    assert missing.metadata["unparsed"] and missing.metadata["trace"] == []


def test_epochs_are_means_over_tasks(tmp_path: Path, provider: pytest.MonkeyPatch, model: str):
    from inspect_ai import eval as evaluated

    from partwise.evals.inspect_registry import TASKS

    asked: dict[str, int] = {}

    def often(messages: Sequence[dict[str, Any]], request: dict[str, Any]) -> tuple[str, str]:
        if len(messages) == 1:
            return ASKED, "stop"
        seen = asked[messages[0]["content"]] = asked.get(messages[0]["content"], 0) + 1
        return (CAREFUL if seen == 1 or len(asked) == 1 else EVERYWHERE), "stop"

    with serving(often) as (url, heard):
        provider.setenv("LOCAL_BASE_URL", url)
        task = TASKS["dinner"](tasks=3)
        (log,) = evaluated(task, model=model, epochs=2, max_samples=1, log_dir=str(tmp_path), display="none")
    assert len(heard) == 12 and len(log.samples) == 6
    means = [
        sum(s.scores["verified"].value["aligned"] for s in log.samples if s.id == task) / 2
        for task in range(3)
    ]
    expected = over_seeds(means, within=SHARE)
    found = shares(log)["aligned"]
    assert 0 < found["share"] < 1 and found["share"] == pytest.approx(expected.mean)
    assert (found["ci95_low"], found["ci95_high"]) == pytest.approx(expected.ci95)


def test_a_log_can_be_scored_again_by_inspect(tmp_path: Path, provider: pytest.MonkeyPatch, model: str):
    from inspect_ai import eval as evaluated
    from inspect_ai import score

    from partwise.evals.inspect_registry import TASKS
    from partwise.evals.inspect_task import verified
    from partwise.evals.terms import Terms

    with serving(scripted([(ASKED, "stop"), (EVERYWHERE, "stop")])) as (url, _):
        provider.setenv("LOCAL_BASE_URL", url)
        (log,) = evaluated(TASKS["dinner"](tasks=4), model=model, log_dir=str(tmp_path), display="none")
    again = score(log, verified(**Terms(tasks=4).to_json()), action="overwrite")
    assert shares(again) == shares(log)
    assert shares(log)["correct"]["share"] == figures(rolled_out(*["everywhere"] * 4)).correct.mean


def test_a_provider_that_does_not_answer_is_one_sentence(
    tmp_path: Path, provider: pytest.MonkeyPatch, model: str
):
    def refuses(messages: Sequence[dict[str, Any]], request: dict[str, Any]) -> tuple[str, str]:
        raise HTTPException(status_code=401, detail="no such key")

    with serving(refuses) as (url, _):
        provider.setenv("LOCAL_BASE_URL", url)
        with pytest.raises(ModelError, match="did not answer every task, so that nothing of it is counted"):
            partwise.compare([model], out=tmp_path / "out", tasks=2)
    provider.delenv("LOCAL_API_KEY")
    with pytest.raises(ModelError, match=r"can't be asked: .*LOCAL_API_KEY"):
        partwise.compare([f"{model}-again"], out=tmp_path / "another", tasks=2)


def test_every_provider_is_one_of_inspects():
    from inspect_ai.model._providers import providers

    source = Path(providers.__file__).read_text()
    assert {name for name in PROVIDERS if f'name="{name}"' not in source} == set()
