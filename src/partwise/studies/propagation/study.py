"""The runs of the study, from before the change on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partwise.config import AlignConfig, DriftConfig, GroupConfig, RealignConfig, Reward
from partwise.measure.contrasts import check_primary
from partwise.report.page import write_results
from partwise.runs.progress import Listener
from partwise.runs.rundir import RunDir
from partwise.studies.grid.jobs import Job, run_jobs
from partwise.studies.propagation.contrasts import CONTRASTS
from partwise.studies.propagation.figures import ASK, collect
from partwise.studies.propagation.page import page
from partwise.studies.propagation.settings import PropagationConfig
from partwise.values import Shape

_NEVER = 10_000


def run(config: PropagationConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, a table and pictures into `out`.

    Raises:
        LookupError: there is no contrast of the name `primary`.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    check_primary(config.primary, CONTRASTS)
    directory = RunDir.create(out, "propagation", config)
    with directory.locked():
        seeds = range(config.align.seed, config.align.seed + config.seeds)
        first, later = ({seed: p(config, seed, out) for seed in seeds} for p in (first_runs, later_runs))
        for phase in (first, later):
            jobs = [job for seed, runs in phase.items() for job in _jobs(runs, out, seed)]
            run_jobs(jobs, listen, processes=config.processes)
        results = collect(config, {seed: first[seed] | later[seed] for seed in seeds}, out)
        write_results(directory, results, page(results))
    return results


def _jobs(runs: Mapping[str, AlignConfig], out: Path, seed: int) -> list[Job]:
    return [
        Job(name=f"seed-{seed}/{name}", config=config, out=out / f"seed-{seed}" / name)
        for name, config in runs.items()
    ]


def first_runs(config: PropagationConfig, seed: int, out: Path) -> dict[str, AlignConfig]:
    """What needs nothing before it: the runs before the change, and those retrained from scratch after it."""
    before = _quick(config, config.align.model_copy(update={"seed": seed}))
    free = _with(before, loop={"space": "free"})
    return {
        "before": before,
        "scratch": _with(before, human={"values": {**before.human.values, **config.to}}),
        "before-composed": _with(free, human={"values": {**before.human.values, **config.composed}}),
        "scratch-composed": free,
    }


def later_runs(config: PropagationConfig, seed: int, out: Path) -> dict[str, AlignConfig]:
    """What goes on from the runs before the change."""
    first = first_runs(config, seed, out)
    before = _goes_on(config, first["before"], out / f"seed-{seed}" / "before")
    composed = _goes_on(config, first["before-composed"], out / f"seed-{seed}" / "before-composed")
    away = {name: config.align.human.values.get(name, 1.0) for name in config.composed}
    composes = DriftConfig(shape=Shape.ABRUPT, to=away, at=config.at)
    moved = {shape: _drifts(before, config, shape) for shape in Shape if shape is not Shape.NONE}
    groups = {
        "moving": GroupConfig(share=config.moving),
        "staying": GroupConfig(share=1 - config.moving),
    }
    return (
        {str(shape): run for shape, run in moved.items()}
        | {
            "group": _with(
                moved[Shape.ABRUPT],
                human={
                    "groups": groups,
                    "drift": moved[Shape.ABRUPT].human.drift.model_copy(update={"group": "moving"}),
                },
            ),
            "composed": _with(composed, human={"drift": composes}),
            "abrupt-untrained": _untrained(moved[Shape.ABRUPT]),
            "composed-untrained": _untrained(_with(composed, human={"drift": composes})),
            "stale": _every(config, moved[Shape.ABRUPT], _NEVER),
            "settled": _with(composed, loop={"rewind": 0.0}, human={"drift": composes}),
            "cyclic-never": _every(config, moved[Shape.CYCLIC], _NEVER),
        }
        | {f"cyclic-{k}": _every(config, moved[Shape.CYCLIC], k) for k in config.every}
        | {f"labels-{ask}": _label_by_label(config, before, ask) for ask in ASK}
        | {"quiet": _quiet(config, before)}
    )


def _with(config: AlignConfig, **sections: Mapping[str, Any] | RealignConfig) -> AlignConfig:
    """The same run with some settings of some sections changed."""
    changed = {
        name: update if isinstance(update, RealignConfig) else getattr(config, name).model_copy(update=update)
        for name, update in sections.items()
    }
    return config.model_copy(update=changed)


def _quick(config: PropagationConfig, run: AlignConfig) -> AlignConfig:
    if not config.quick:
        return run
    return _with(run, loop={"rounds": 2}, measure={"heldout_tasks": 50, "validation_tasks": 50})


def _goes_on(config: PropagationConfig, run: AlignConfig, start: Path) -> AlignConfig:
    """A run from where another one ended."""
    rounds = config.at + 2 if config.quick else config.rounds
    return _with(
        run,
        loop={"start": str(start), "rounds": rounds, "rewind": config.rewind},
        rlft=config.rlft.model_dump(),
        proxy={"labels_later": config.labels},
        realign=config.realign,
    )


def _untrained(run: AlignConfig) -> AlignConfig:
    """The same run with a planner that is left as it is: the proxy alone goes on learning."""
    return _with(run, rlft={"steps": 0}, loop={"rewind": 0.0})


def _drifts(run: AlignConfig, config: PropagationConfig, shape: Shape) -> AlignConfig:
    drift = DriftConfig(shape=shape, to=config.to, at=config.at, over=config.over)
    return _with(run, human={"drift": drift})


def _every(config: PropagationConfig, run: AlignConfig, rounds: int) -> AlignConfig:
    """The same run, realigned every so many rounds, whatever the alarm says."""
    policy = config.realign.model_copy(update={"when": "every", "every": rounds, "moving": "always"})
    return _with(run, realign=policy, loop={"rewind": 0.0})


def _label_by_label(config: PropagationConfig, run: AlignConfig, ask: str) -> AlignConfig:
    """Values have just changed, which is known; the planner stays as it is; a round asks one small batch.

    Questions are about parts alone: what can be asked about a settled planner's solutions is one or two
    summaries, over and over, and whoever measures agreement on these measures a coin.
    """
    control = config.label_batch // 5
    policy = RealignConfig.model_validate(
        {
            "ask": ask,
            "control": control,
            "half_life": config.label_memory / config.label_batch,
            "announced": 0,
            "follow": config.label_batches,
        }
    )
    return _with(
        _drifts(run, config.model_copy(update={"at": 0}), Shape.ABRUPT),
        realign=policy,
        proxy={"labels_later": config.label_batch - control, "learning_rate": config.label_rate},
        rlft={"steps": 0},
        loop={
            "rounds": 2 if config.quick else config.label_batches,
            "reward": Reward.PARTS,
            "space": run.loop.composition_space,
            "summary": False,
        },
    )


def _quiet(config: PropagationConfig, run: AlignConfig) -> AlignConfig:
    """Nothing moves, and the planner stays as it is."""
    return _with(
        run,
        rlft={"steps": 0},
        loop={"rounds": 3 if config.quick else config.quiet_rounds},
        measure={"validation_tasks": 20},
    )
