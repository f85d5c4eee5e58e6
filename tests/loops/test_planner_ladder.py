"""A ladder of planners: tasks that are never shared, what monitors see, and whole runs in small."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.composition.sandbox import Sandbox
from partwise.config import Fidelity, ProgressConfig
from partwise.loops.planner_hearing import supervision_error
from partwise.loops.planner_ladder import PlannerLadder
from partwise.loops.planner_tasks import LadderTasks, Purpose
from partwise.loops.planner_watch import sides
from partwise.loops.progress_run import progress
from partwise.loops.solve import propose
from partwise.report.ladder import ladder_page
from partwise.report.page import page_markdown
from partwise.runs.config import ConfigError, config_from_data
from partwise.runs.progress import ignore
from partwise.types import Effect, Event, Execution, Outcome, Rollout, Split, Task
from partwise.worlds.dials import dials_of, levels_of
from partwise.worlds.registry import load_world

SMALL: dict[str, Any] = {
    "models": "planners",
    "seed": 3,
    "generations": 2,
    "widths": [16, 32],
    "scenes": 20,
    "gap": {"policy": "fixed", "first": 1.5},
    "planners": {"lessons": 30, "safe": 20, "competence": 1, "injection": 1, "watched": 20},
    "discover": {"scenes": 12, "batch": 6, "copies": 2},
    "gate": {"rest": 1.0, "competence": 1.0, "form": 1.0},
    "align": {
        "planner": {"pretrain": {"examples": 3000}},
        "proxy": {"size": "micro", "labels_first": 60, "labels_later": 20, "epochs": 1},
        "rlft": {"steps": 2, "tasks_per_step": 2, "group_size": 4},
        "human": {"stated": {"consent": 0}, "drift": {"shape": "abrupt", "at": 1, "to": {"privacy": 0}}},
    },
}


def config(**changed: Any) -> ProgressConfig:
    return config_from_data(ProgressConfig, SMALL | changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"compete": {"rounds": 2}}, "nothing reads `compete`"),
        ({"align": {"planner": {"size": "mini"}}}, "`align.planner.size` does nothing here"),
        ({"align": {"loop": {"rounds": 9}}}, "`align.loop.rounds` does nothing here"),
        ({"align": {"loop": {"reward": "parts"}}}, "needs a proxy that judges summaries"),
        ({"generations": 9}, "at most 8 generations"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config(**changed)


def test_a_ladder_of_writers_refuses_what_only_planners_read() -> None:
    with pytest.raises(ConfigError, match="nothing reads `align`"):
        config_from_data(ProgressConfig, {"align": {"rlft": {"steps": 3}}})


def test_no_task_is_for_two_purposes_and_none_is_harder_than_its_generation() -> None:
    tasks = LadderTasks(load_world("dinner"), seed=2, generations=4)
    seen: set[int] = set()
    for generation in range(4):
        for purpose in Purpose:
            found = tasks.train(generation, purpose, 12)
            assert all(task.difficulty <= tasks.reach(generation) for task in found)
            indices = {task.index for task in found}
            assert len(indices) == 12 and not indices & seen
            seen |= indices
    assert tasks.train(1, Purpose.LESSONS, 5, skip=4) == tasks.train(1, Purpose.LESSONS, 9)[4:]
    assert {task.split for task in tasks.heldout(5, 0)} == {Split.HELDOUT}
    assert tasks.reach(3) == 1


def test_more_tasks_than_there_are_is_one_sentence() -> None:
    tasks = LadderTasks(load_world("dinner"), seed=0, generations=8)
    with pytest.raises(LookupError, match="lower `planners`"):
        tasks.train(0, Purpose.LESSONS, 15_000)


def test_a_red_team_gets_tasks_where_it_points_each_once() -> None:
    world = load_world("dinner")
    scenarios = LadderTasks(world, seed=0, generations=2).scenarios(1)
    assert scenarios.space.dials == dials_of(world)
    point = {"guests": 3, "full": 1, "shared": 1}
    first, second = scenarios.tasks(point, 3), scenarios.tasks(point, 3)
    assert not {task.index for task in first} & {task.index for task in second}
    assert all(levels_of(world, task) == point for task in (*first, *second))
    assert len(first) == len(second) == 3


@given(st.integers(0, 5000))
def test_a_task_stands_on_every_dial(index: int) -> None:
    world = load_world("dinner")
    levels = levels_of(world, world.task(Split.TRAIN, index))
    assert set(levels) == set(dials_of(world))
    assert all(0 <= levels[name] < size for name, size in dials_of(world).items())


def rollout(*tools: str) -> Rollout:
    task = Task(world="dinner", split=Split.TRAIN, index=0, seed=0, difficulty=0.0, statement="", inputs={})
    trace = tuple(
        Event(tool=tool, arguments=(), result=None, effect=Effect.READ, line=1, caller="") for tool in tools
    )
    return Rollout(
        task=task,
        decomposition="",
        composition="",
        solution=None,
        partial_rewards=(),
        execution=Execution(outcome=Outcome.RAN, trace=trace, message=""),
        correct=True,
        summary="",
    )


def test_whom_a_planner_sides_with_is_told_where_its_predecessors_differ_and_nowhere_else() -> None:
    ask, read = rollout("message", "reserve"), rollout("read_messages", "reserve")
    neither = rollout("reserve")
    assert sides([ask], [ask], [ask]) == sides([neither], [ask], [read]) == []
    assert sides([ask, read], [ask, ask], [read, read]) == [True, False]
    assert sides([ask, neither], [ask, ask], [read, read]) == [True]


def test_without_an_earlier_proxy_or_an_answer_no_error_is_claimed() -> None:
    assert supervision_error([], []) is None


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))


@pytest.fixture(scope="module")
def whole(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    run = tmp_path_factory.mktemp("planners") / "whole"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PARTWISE_CACHE", str(cache))
        return run, progress(config(), run, ignore)


def comparable(results: dict[str, Any]) -> dict[str, Any]:
    cut = json.loads(json.dumps(results))
    for generation in cut["generations"]:
        for stage in generation["stages"].values():
            del stage["seconds"]
    return cut


@pytest.mark.slow
def test_planners_climb_while_values_move(whole: tuple[Path, dict[str, Any]]) -> None:
    run, results = whole
    first, second = results["generations"]
    assert (results["unit"], results["never"]) == ("tasks", ["consent"])
    assert [first["width"], second["width"]] == [16, 32]
    # Privacy mattered in the first generation and does not in the second.
    assert first["matters"]["privacy"] and not second["matters"]["privacy"]
    answers = [each["stages"]["competence"]["answers"] for each in results["generations"]]
    assert all(0 < given <= most for given, most in zip(answers, (60, 20), strict=True))
    assert second["stages"]["competence"]["taught"] <= SMALL["planners"]["lessons"]
    assert second["seen"]["disagreement"] is not None and first["seen"]["disagreement"] is None
    for stage in ("competence", "injection"):
        folder = run / "generations" / "02" / stage
        assert (folder / "model" / "model.safetensors").exists()
        assert (folder / "proxy" / "model.safetensors").exists()
        assert len((folder / "answers.jsonl").read_text().splitlines()) == answers[1]
    text = page_markdown(ladder_page(results))
    assert "Nothing is injected against consent" in text and "held-out tasks" in text
    assert propose(run, 0, 1).statement == propose(run, 0).statement


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["competence", "injection"])
def test_cut_within_a_stage_it_ends_as_if_it_had_not_been(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path, stage: str
) -> None:
    run, results = whole
    cut = tmp_path / "whole"  # by its name people know the run
    shutil.copytree(run, cut)
    (cut / "results.json").unlink()
    stages = ("competence", "discovery", "injection")
    for name in stages[stages.index(stage) :]:
        shutil.rmtree(cut / "generations" / "02" / name)
    (cut / "generations" / "02" / f"{stage}.tmp").mkdir()
    assert comparable(progress(config(), cut, ignore)) == comparable(results)
    weights = Path("generations", "02", "injection", "model", "model.safetensors")
    assert (cut / weights).read_bytes() == (run / weights).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("order", ["simultaneous", "conformity-first"])
def test_planners_come_to_their_end_under_other_orders(order: str, tmp_path: Path) -> None:
    results = progress(config(order=order, generations=1), tmp_path / "run", ignore)
    made = results["generations"][0]["stages"]["injection"]
    assert len(made["curve"]) + len(made.get("reinforced", ())) == 2


@pytest.mark.slow
@pytest.mark.parametrize("fidelity", list(Fidelity))
def test_a_monitor_says_no_more_than_it_sees(whole: tuple[Path, dict[str, Any]], fidelity: Fidelity) -> None:
    run, _ = whole
    with Sandbox() as sandbox:
        ladder = PlannerLadder(config(), sandbox, ignore)
        engine = ladder.open(run / "generations" / "01" / "injection" / "model")
        watch = ladder.watch(engine, fidelity)
        rollouts = ladder.rounds.play(engine, ladder.tasks.train(0, Purpose.WATCHED, 12), seed=0)
        flags = watch.flags(rollouts)
        assert [kinds is None for kinds in flags] == [not each.partial_rewards for each in rollouts]
        said = frozenset().union(*(kinds for kinds in flags if kinds))
        assert said <= ({"part"} if fidelity is Fidelity.TEXT else {"part", "whole"})
        seen = watch.seen(rollouts)
        assert seen["hazard"] + seen["conformity"] <= 1
        doubts = watch.monitor.suspicions(rollouts)
        assert [doubt is None for doubt in doubts] == [kinds is None for kinds in flags]
