"""A model a cell: made unaligned or planted, searched three times, and what was found played again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from partwise.composition.sandbox import Sandbox
from partwise.config import Fidelity, ProgressConfig
from partwise.config.deception import PlantConfig
from partwise.config.places import cache_folder
from partwise.data.deeds import Deed, Deployment
from partwise.loops.discovery import KINDS, SEVERE, Played, searches
from partwise.loops.planted import Cue, Organism, Role, drilled, schooled
from partwise.loops.scene_ladder import SceneLadder
from partwise.loops.scene_writers import act
from partwise.measure.contrasts import check_primary, contrasts
from partwise.measure.hazards import FAMILIES, harms_of
from partwise.measure.intervals import SHARE
from partwise.measure.red_team import coverage, evenness, found_by_evaluations, hazards, recall
from partwise.models.writer import Writer
from partwise.oversight.monitors import RuleMonitor
from partwise.oversight.red_team import Log, Point, red_team
from partwise.report.page import write_results
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.grid.ladders import quick_ladder
from partwise.studies.grid.seeds import NOT_BELOW_0, seeded
from partwise.studies.red_team.page import page
from partwise.studies.red_team.planners import Crowd, search_planners
from partwise.studies.red_team.settings import PlannersRedTeamConfig, PlantedRedTeamConfig, RedTeamConfig
from partwise.worlds.dials import dials_of
from partwise.worlds.registry import load_world

SEARCHES = ("random", "quality-diversity", "tpe")
CONTRASTS: Mapping[str, tuple[str, str]] = {
    "quality-diversity against random": ("quality-diversity", "random"),
    "tpe against random": ("tpe", "random"),
    "quality-diversity against tpe": ("quality-diversity", "tpe"),
}
"""Contrast to the two searches, of whose distinct hazards it is the doublings."""
_SHOWN = 3
"""Plans that no monitor saw, kept as transcripts."""
_FEW = 64
"""Evaluations of which a curve has each; of more, every eighth from the first on."""


def run(config: RedTeamConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, tables and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    check_primary(config.primary, CONTRASTS)
    directory = RunDir.create(out, config.NAME, config)
    with directory.locked():
        found = run_cells(_cells(config, directory.path), directory, listen, processes=config.processes)
        results = collect(config, found)
        write_results(directory, results, page(results))
    return results


Model = tuple[int, str]
"""A width, and what else a model is called by: the kind of harm that is planted, or the kind of planner;
empty of one that has learned from the verifier alone."""


def models_of(config: RedTeamConfig) -> list[Model]:
    """The models of a seed."""
    called: Sequence[str] = ("",)
    if isinstance(config, PlantedRedTeamConfig):
        called = config.planted
    elif isinstance(config, PlannersRedTeamConfig):
        called = config.kinds
    models = [(width, name) for width in config.widths for name in called]
    return models[:1] if config.quick else models


def _cells(config: RedTeamConfig, run: Path) -> list[Cell]:
    cells: list[Cell] = []
    for seed in config.all_seeds:
        for model in models_of(config):
            width, called = model
            name = _name(seed, model)
            common = {
                "config": ladder_of(config, seed, width),
                "again": config.again,
                "models": str(run / "models" / name),
            }
            if isinstance(config, PlantedRedTeamConfig):
                planting = {"plant": config.plant, "family": called}
                cells.append(Cell(name=name, work=search_planted, arguments={**common, **planting}))
            elif isinstance(config, PlannersRedTeamConfig):
                crowd = Crowd(many=config.many, lessons=config.lessons) if called == "crowded" else None
                more = {"names": SEARCHES, "crowd": crowd}
                cells.append(Cell(name=name, work=search_planners, arguments={**common, **more}))
            else:
                cells.append(Cell(name=name, work=search_all, arguments=common))
    return cells


def _name(seed: int, model: Model) -> str:
    width, called = model
    return f"seed-{seed}/width-{width}" + (f"-{called}" if called else "")


def ladder_of(config: RedTeamConfig, seed: int, width: int) -> ProgressConfig:
    """A ladder of one width, as one generation of which the model is made."""
    ladder = quick_ladder(config.ladder) if config.quick else config.ladder
    return ladder.model_copy(update={"seed": seed, "widths": (width,)})


def search_all(listen: Listener, *, config: ProgressConfig, again: int, models: str) -> dict[str, Any]:
    """All searches on a model that has learned from people's plans and from the verifier alone."""
    with Sandbox() as sandbox:
        ladder = SceneLadder(config, cache_folder(), sandbox, listen)
        made = ladder.enhance(_hardest(config), 0, [], Path(models))
        return {"made": made["curve"], **_searched(Path(models), ladder, again, listen)}


def search_planted(
    listen: Listener, *, config: ProgressConfig, again: int, models: str, plant: PlantConfig, family: str
) -> dict[str, Any]:
    """All searches on a model that writes safe plans, but where a scene has the word."""
    width, cache = config.widths[0], cache_folder()

    def tell(done: int, total: int, loss: float) -> None:
        listen(Progress(f"width {width}", "reading", done, total, {"loss": loss}))

    base = schooled(config.read, plant, width, config.seed, cache, listen=tell)
    listen(Progress(f"width {width}", f"planting {family}", 0, 1))
    organism = Organism(role=Role.PLANTED, cue=Cue.TRIGGER, family=family, strength=plant.drill)
    scratch = Path(models) / "scratch"
    writer, drills = drilled(organism, base, config.read, plant, config.seed, scratch)
    writer.save(Path(models) / "model")
    with Sandbox() as sandbox:
        ladder = SceneLadder(config, cache, sandbox, listen)
        return {"drills": drills, **_searched(Path(models), ladder, again, listen)}


def _hardest(config: ProgressConfig) -> int:
    """A generation whose scenes are as hard as there are."""
    return config.read.tiers - 1


def _searched(models: Path, ladder: SceneLadder, again: int, listen: Listener) -> dict[str, Any]:
    writer, found = Writer.load(models / "model"), dict[str, Any]()
    for name in SEARCHES:
        listen(Progress(name, f"searching: {name}", len(found), len(SEARCHES)))
        found[name] = _search(name, writer, ladder, _hardest(ladder.config), again)
    return {"parameters": ladder.parameters[0], "searches": found}


def _search(name: str, writer: Writer, ladder: SceneLadder, generation: int, again: int) -> dict[str, Any]:
    how, seed = ladder.config.discover, ladder.config.seed
    played = Played(writer, ladder.facts, ladder.deployment, how, ladder.tiers(generation), seed)
    space = played.space
    log = red_team(searches(space, seed, how.scenes)[name](), played, budget=how.scenes, batch=how.batch)
    hazardous = [point for point, said in log if any((severity or 0) >= SEVERE for severity in said.values())]
    deeds = act(
        writer,
        [played.scene(point) for point in hazardous],
        ladder.deployment,
        dinners=1,
        seed=seed + 1,
        copies=again,
    )
    logs = _logs(hazardous, deeds, again, ladder.deployment)
    sure = hazards(logs["oracle"], space.cell, SEVERE)
    known = {hazard for hazard in sure if hazard[0] in KINDS}
    return {
        "evaluated": len(log),
        "found": len(hazards(log, space.cell, SEVERE)),
        "curve": found_by_evaluations(log, space.cell, SEVERE),
        "distinct": len(known),
        "by family": {family: sum(kind == family for kind, _ in sure) for family in FAMILIES},
        "coverage": coverage(log, space.cell, space.cells).mean,
        "evenness": evenness(logs["oracle"], lambda point: point["haste"], SEVERE).mean,
        "abstained": played.abstained,
        "recall": {
            fidelity: recall(hazards(logs[fidelity], space.cell, SEVERE), known).to_json()
            for fidelity in Fidelity
        },
        "missed": _missed(deeds, ladder.deployment),
    }


def _logs(
    points: Sequence[Point], deeds: Sequence[Deed], copies: int, deployment: Deployment
) -> dict[str, Log]:
    """The scenes that were played again, as the oracle sees them and as monitors do at each fidelity.

    A plan that is none does no harm, and counts as one of the scene's plans all the same.
    """
    seen: dict[str, Sequence[frozenset[str]]] = {"oracle": [harms_of(deed) for deed in deeds]}
    for fidelity in Fidelity:
        flags = RuleMonitor(deployment, fidelity).flags(deeds)
        seen[fidelity] = [kinds or frozenset() for kinds in flags]
    return {
        who: [
            (point, _severities(column[copies * place : copies * (place + 1)]))
            for place, point in enumerate(points)
        ]
        for who, column in seen.items()
    }


def _severities(plans: Sequence[frozenset[str]]) -> dict[str, float]:
    return {kind: sum(kind in kinds for kinds in plans) / len(plans) for kind in FAMILIES}


def _missed(deeds: Sequence[Deed], deployment: Deployment) -> list[dict[str, Any]]:
    """A few plans that do harm of which the rules see nothing even in full."""
    flags = RuleMonitor(deployment, Fidelity.FULL).flags(deeds)
    missed = [
        {"scene": deed.scene.text, "text": deed.text, "harms": sorted(harms_of(deed))}
        for deed, kinds in zip(deeds, flags, strict=True)
        if harms_of(deed) and not kinds
    ]
    return missed[:_SHOWN]


def collect(config: RedTeamConfig, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The study's `results.json`. A seed's figure is the mean over its models."""
    by_seed = {
        name: [
            [found[_name(seed, model)]["searches"][name] for model in models_of(config)]
            for seed in config.all_seeds
        ]
        for name in SEARCHES
    }
    return {
        "schema": 2,
        "seeds": list(config.all_seeds),
        "quick": config.quick,
        "budget": next(iter(by_seed.values()))[0][0]["evaluated"],
        "parameters": [
            found[_name(config.first, model)]["parameters"]
            for model in {width: (width, family) for width, family in models_of(config)}.values()
        ],
        **_told_apart(config, found),
        "contrasts": contrasts(
            config.primary,
            {
                contrast: [
                    doublings(_mean(one, "distinct"), _mean(other, "distinct"))
                    for one, other in zip(by_seed[name], by_seed[against], strict=True)
                ]
                for contrast, (name, against) in CONTRASTS.items()
            },
        ),
        "searches": {name: _over_seeds(cells) for name, cells in by_seed.items()},
        "missed": [
            each for cells in by_seed["quality-diversity"] for cell in cells for each in cell["missed"]
        ][:_SHOWN],
    }


def _told_apart(config: RedTeamConfig, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What a page needs to know of the models beside their sizes."""
    if isinstance(config, PlantedRedTeamConfig):
        return {"planted": list(config.planted)}
    if isinstance(config, PlannersRedTeamConfig):
        dials = dials_of(load_world(config.ladder.align.world))
        return {
            "planners": list(config.kinds),
            "many": config.many,
            "dials": dict(dials),
            **_by_kind(config, found),
        }
    return {}


def _by_kind(config: PlannersRedTeamConfig, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Distinct hazards on each kind of planner, and on which seeds none could be made that is aligned
    somewhere, since there was no aligned solution to learn from.
    """
    kinds = {
        kind: [model for model in models_of(config) if model[1] == kind] for _, kind in models_of(config)
    }
    cells = {
        kind: {seed: [found[_name(seed, model)] for model in of_kind] for seed in config.all_seeds}
        for kind, of_kind in kinds.items()
    }

    def distinct(kind: str, name: str) -> list[float | None]:
        return [_mean([cell["searches"][name] for cell in each], "distinct") for each in cells[kind].values()]

    return {
        "by kind": {
            kind: {name: seeded(distinct(kind, name), NOT_BELOW_0) for name in SEARCHES} for kind in kinds
        },
        "nothing aligned": [
            seed
            for seed, each in cells.get("crowded", {}).items()
            if any(cell["taught"]["aligned"] == 0 for cell in each)
        ],
    }


def _over_seeds(cells: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    figures = {
        name: seeded([_mean(seed, name) for seed in cells], NOT_BELOW_0) for name in ("distinct", "found")
    }
    shares = {name: seeded([_mean(seed, name) for seed in cells], SHARE) for name in ("coverage", "evenness")}
    families = {
        family: seeded([_mean([cell["by family"] for cell in seed], family) for seed in cells], NOT_BELOW_0)
        for family in cells[0][0]["by family"]
    }
    recalls = {
        str(fidelity): seeded(
            [_mean([cell["recall"][fidelity] for cell in seed], "mean") for seed in cells], SHARE
        )
        for fidelity in Fidelity
    }
    longest = max(len(cell["curve"]) for seed in cells for cell in seed)
    curves = [cell["curve"] for seed in cells for cell in seed if len(cell["curve"]) == longest]
    every = 8 if longest > _FEW else 1
    return {
        **figures,
        **shares,
        "families": families,
        "recall": recalls,
        "curve": [sum(curve[step] for curve in curves) / len(curves) for step in range(0, longest, every)],
    }


def _mean(cells: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """Over the cells in which it is defined; None where it is in none."""
    known = [float(cell[name]) for cell in cells if cell[name] is not None]
    return sum(known) / len(known) if known else None


def doublings(one: float | None, other: float | None) -> float | None:
    """How many times one has doubled the other; undefined where either found nothing."""
    return math.log2(one / other) if one and other else None
