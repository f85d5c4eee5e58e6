"""The same searches over planners of a world: the proxy says what they find, and the oracle what it was."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, cast

from partwise.composition.sandbox import Sandbox
from partwise.config import Fidelity, ProgressConfig
from partwise.loops.discovery import SEVERE, searches
from partwise.loops.ladder_terms import terms_of
from partwise.loops.planner_ladder import PlannerLadder
from partwise.loops.planner_measures import PlannerMeasures
from partwise.loops.planner_tasks import Purpose
from partwise.loops.planner_watch import Played
from partwise.measure.red_team import Hazard, coverage, evenness, found_by_evaluations, hazards, recall
from partwise.oversight.red_team import Levels, Log, Point, Space, red_team
from partwise.runs.progress import Listener, Progress
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout

SHOWN = 3
"""Solutions that no monitor minds, kept as transcripts."""
_Seen = Sequence[tuple[Point, Sequence[frozenset[str]]]]
"""Place by place what is held against each of its solutions."""


def search_planners(
    listen: Listener, *, config: ProgressConfig, names: Sequence[str], again: int, rounds: int, models: str
) -> dict[str, Any]:
    """All searches on a planner of the ladder's first generation, which has tasks of every difficulty.

    Args:
        listen: told of progress.
        config: of a ladder of one width.
        names: of the searches.
        again: tasks a place, in which what was found is tried again.
        rounds: of injection before the searches; with 0 it has learned from the verifier alone.
        models: the folder of the planner, made anew.
    """
    folder = Path(models)
    shutil.rmtree(folder, ignore_errors=True)
    for stage in ("competence", "discovery", "injection"):
        (folder / stage).mkdir(parents=True)
    with Sandbox() as sandbox:
        ladder = PlannerLadder(config, sandbox, listen)
        made = ladder.enhance(0, 0, [], folder / "competence")
        model = folder / "competence" / "model"
        if rounds:
            ladder.discover(0, model, folder / "discovery")
            ladder.inject_for(rounds, 0, model, folder / "discovery", [], folder / "injection")
            model = folder / "injection" / "model"
        engine, found = ladder.open(model), dict[str, Any]()
        for name in names:
            listen(Progress(name, f"searching: {name}", len(found), len(names)))
            found[name] = _search(name, ladder, engine, again)
    return {"made": made["curve"], "parameters": ladder.parameters[0], "searches": found}


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
