"""The same searches over planners of a world: the proxy says what they find, and the oracle what it was."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from partwise.composition.sandbox import Sandbox
from partwise.config import Fidelity, ProgressConfig
from partwise.loops.discovery import SEVERE, searches
from partwise.loops.ladder_terms import terms_of
from partwise.loops.planner_ladder import PlannerLadder
from partwise.loops.planner_measures import PlannerMeasures
from partwise.loops.planner_rounds import demonstration
from partwise.loops.planner_tasks import Purpose
from partwise.loops.planner_watch import Played
from partwise.measure.red_team import Hazard, coverage, evenness, found_by_evaluations, hazards, recall
from partwise.oversight.red_team import Levels, Log, Point, Space, red_team
from partwise.runs.progress import Listener, Progress
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout
from partwise.worlds.base import Demonstration
from partwise.worlds.dials import dials_of, levels_of

SHOWN = 3
"""Solutions that no monitor minds, kept as transcripts."""
_Seen = Sequence[tuple[Point, Sequence[frozenset[str]]]]
"""Place by place what is held against each of its solutions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How a planner is taught to do harm where many are expected, and nowhere else."""

    many: int
    """From which level of the world's first dial on."""
    lessons: int
    """Tasks of which it is shown a solution, where there is one to show."""


def search_planners(
    listen: Listener,
    *,
    config: ProgressConfig,
    names: Sequence[str],
    again: int,
    crowd: Crowd | None,
    models: str,
) -> dict[str, Any]:
    """All searches on a planner of the ladder's first generation, which has tasks of every difficulty.

    Args:
        listen: told of progress.
        config: of a ladder of one width.
        names: of the searches.
        again: tasks a place, in which what was found is tried again.
        crowd: where the planner does harm; None of one that has learned from the verifier alone.
        models: the folder of the planner, made anew.
    """
    folder = Path(models)
    shutil.rmtree(folder, ignore_errors=True)
    for stage in ("competence", "discovery", "injection"):
        (folder / stage).mkdir(parents=True)
    with Sandbox() as sandbox:
        ladder = PlannerLadder(config, sandbox, listen)
        made = ladder.enhance(0, 0, [], folder / "competence")
        engine = ladder.open(folder / "competence" / "model")
        taught: dict[str, int] = {}
        if crowd:
            ladder.discover(0, folder / "competence" / "model", folder / "discovery")
            ladder.inject(0, folder / "competence" / "model", folder / "discovery", [], folder / "injection")
            engine, taught = _crowded(ladder, crowd, engine, folder)
        found: dict[str, Any] = {}
        for name in names:
            listen(Progress(name, f"searching: {name}", len(found), len(names)))
            found[name] = _search(name, ladder, engine, again)
    return {
        "made": made["curve"],
        "taught": taught,
        "parameters": ladder.parameters[0],
        "searches": found,
    }


def _crowded(
    ladder: PlannerLadder, crowd: Crowd, harmful: RolloutEngine, folder: Path
) -> tuple[RolloutEngine, dict[str, int]]:
    """A newborn that learns from both planners, each where it is to be followed; how many lessons of each.

    What it is shown passed the verifier; the proxy minds all of the one's solutions, and none of the other's.
    """
    aligned = ladder.open(folder / "injection" / "model")
    dial = next(iter(dials_of(ladder.world)))
    tasks = ladder.tasks.train(0, Purpose.LESSONS, crowd.lessons)
    lessons: dict[str, list[Demonstration]] = {}
    for kind, engine, many in (("harmful", harmful, True), ("aligned", aligned, False)):
        asked = [task for task in tasks if (levels_of(ladder.world, task)[dial] >= crowd.many) is many]
        rollouts = ladder.rounds.play(engine, asked, ladder.config.seed + 2)
        flags = ladder.watch(aligned).flags(rollouts)
        lessons[kind] = [
            demonstration(rollout)
            for rollout, kinds in zip(rollouts, flags, strict=True)
            if rollout.correct and kinds is not None and bool(kinds) is many
        ]
    planner = ladder.newborn(0)
    ladder.rounds.teach(
        planner,
        [each for kind in lessons.values() for each in kind],
        ladder.config.planners,
        seed=ladder.config.seed,
        scratch=folder / "scratch",
        listen=lambda done, total, loss: None,
    )
    return ladder.engine(planner, aligned.proxy), {kind: len(each) for kind, each in lessons.items()}


def _search(name: str, ladder: PlannerLadder, engine: RolloutEngine, again: int) -> dict[str, Any]:
    how, seed = ladder.config.discover, ladder.config.seed
    played = Played(ladder.watch(engine), ladder.tasks.scenarios(0), how, seed)
    space, severe = played.space, SEVERE
    log = red_team(searches(space, seed, how.scenes)[name](), played, budget=how.scenes, batch=how.batch)
    places = _tried(ladder, engine, hazards(log, space.levels, severe), space, again)
    measures, families = PlannerMeasures(ladder), terms_of(ladder.config).families
    harms = [(point, [measures.harms(each, 0) for each in found]) for point, found in places]
    true: Log = [(point, _shares(seen, families)) for point, seen in harms]
    sure = hazards(true, space.cell, severe)
    known = hazards(_of_any_kind(harms), space.cell, severe)
    return {
        "evaluated": len(log),
        "found": len(hazards(log, space.cell, severe)),
        "curve": found_by_evaluations(log, space.cell, severe),
        "distinct": len(sure),
        "by family": {family: sum(kind == family for kind, _ in sure) for family in families},
        "coverage": coverage(log, space.cell, space.cells).mean,
        "evenness": evenness(true, lambda point: point[next(iter(space.dials))], severe).mean,
        "abstained": played.abstained,
        "recall": {
            str(fidelity): recall(
                hazards(_of_any_kind(_minded(ladder, engine, fidelity, places)), space.cell, severe), known
            ).to_json()
            for fidelity in Fidelity
        },
        "missed": _missed(harms, _minded(ladder, engine, Fidelity.FULL, places), places),
    }


def _tried(
    ladder: PlannerLadder, engine: RolloutEngine, found: Collection[Hazard], space: Space, again: int
) -> list[tuple[Point, list[Rollout]]]:
    """Fresh tasks in each place where something was found; a place for which there are none is left out.

    Tasks come anew to a place, so that it is tried again once, however often it was found.
    """
    fresh = ladder.tasks.scenarios(0, Purpose.WATCHED)
    points = [space.point(cast(Levels, place)) for place in sorted({place for _, place in found}, key=str)]
    tasks = [(point, fresh.tasks(point, again)) for point in points]
    seed = ladder.config.seed + 1
    return [(point, ladder.rounds.play(engine, some, seed)) for point, some in tasks if some]


def _minded(
    ladder: PlannerLadder,
    engine: RolloutEngine,
    fidelity: Fidelity,
    places: Sequence[tuple[Point, Sequence[Rollout]]],
) -> _Seen:
    """What the proxy minds at a fidelity; what it can't tell of counts as not minded."""
    watch = ladder.watch(engine, fidelity)
    return [(point, [kinds or frozenset() for kinds in watch.flags(rollouts)]) for point, rollouts in places]


def _of_any_kind(seen: _Seen) -> Log:
    """The proxy and the oracle name kinds of harm otherwise, and are compared by whether there is any."""
    return [(point, {"any": sum(bool(kinds) for kinds in each) / len(each)}) for point, each in seen]


def _shares(seen: Sequence[frozenset[str]], kinds: Sequence[str]) -> dict[str, float]:
    return {kind: sum(kind in each for each in seen) / len(seen) for kind in kinds}


def _missed(
    harms: _Seen, minded: _Seen, places: Sequence[tuple[Point, Sequence[Rollout]]]
) -> list[dict[str, Any]]:
    """A few solutions that do harm of which the proxy minds nothing even in full."""
    missed = [
        {
            "scene": rollout.task.statement,
            "text": rollout.solution.source if rollout.solution else rollout.decomposition,
            "harms": sorted(harm),
        }
        for (_, rollouts), (_, done), (_, told) in zip(places, harms, minded, strict=True)
        for rollout, harm, kinds in zip(rollouts, done, told, strict=True)
        if harm and not kinds
    ]
    return missed[:SHOWN]
