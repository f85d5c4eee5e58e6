"""The cells of the study, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from partwise.loops.weak_to_strong import plans_setting
from partwise.measure.contrasts import check_primary, contrasts
from partwise.measure.intervals import SHARE
from partwise.measure.signatures import Signature, imitation_cascade
from partwise.models.tiny import count_parameters
from partwise.oversight.signals import Flipped, ModelSource, TrueLabels
from partwise.report.page import write_results
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.grid.rungs import ladder_models, rung_cells, rung_name
from partwise.studies.grid.seeds import seeded
from partwise.studies.noise.page import page
from partwise.studies.noise.settings import NoiseConfig
from partwise.training.weak_to_strong import fit, targets
from partwise.types import Example, Signal

Curve = Sequence[Mapping[str, Any]]
"""By epoch: what is given back of the labels, and the accuracy on the test."""
_QUICK = (0.0, 0.2, 0.4, 1.0)
CONTRASTS = {"memorised by size": "memorised", "fall by size": "fall", "test by size": "test"}
"""Contrast to the figure whose slope over sizes it is, below one half."""
_BELOW = "below half"


def run(config: NoiseConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, a table and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    check_primary(config.primary, CONTRASTS)
    directory = RunDir.create(out, "noise", config)
    with directory.locked():
        asked = _quick(config)
        # First the models, each once; then what is learned by them.
        found: dict[str, dict[str, Any]] = {}
        rungs = rung_cells(asked.ladder, asked.all_seeds, reversed(asked.ladder.sizes))
        for these in (rungs, cells(asked)):
            found |= run_cells(these, directory, listen, processes=config.processes)
        results = collect(asked, found)
        write_results(directory, results, page(results))
    return results


def _quick(config: NoiseConfig) -> NoiseConfig:
    if not config.quick:
        return config
    return config.model_copy(
        update={
            "flips": _QUICK,
            "ladder": config.ladder.model_copy(update={"sizes": config.ladder.sizes[:3]}),
        }
    )


def cells(config: NoiseConfig) -> list[Cell]:
    """One model that learns from labels of which one share is flipped; the longest first."""
    return [
        Cell(
            name=_name(seed, size, flips),
            work=learn_noise,
            arguments={"config": config, "seed": seed, "size": size, "flips": flips},
        )
        for size in reversed(config.ladder.sizes)
        for seed in config.all_seeds
        for flips in config.flips
    ]


def _name(seed: int, size: str, flips: float) -> str:
    return f"seed-{seed}/{size}-flips-{flips:g}"


def learn_noise(
    listen: Listener, *, config: NoiseConfig, seed: int, size: str, flips: float
) -> dict[str, Any]:
    """One model, followed by epoch."""
    setting = plans_setting(config.data, config.ladder, seed)
    noisy = Flipped(TrueLabels(), flips, seed=str(seed)).signals(setting.student)
    model, tokenizer = ladder_models(config.ladder, seed).open(size, classes=2, head=seed, listen=listen)
    learner = ModelSource(size, model, tokenizer, longest=config.fit.longest)
    steps_an_epoch = math.ceil(len(setting.student) / config.fit.batch_size)
    curve: list[dict[str, Any]] = []

    def follow(step: int, steps: int) -> None:
        if step % steps_an_epoch == 0:
            curve.append(
                {
                    "epoch": step // steps_an_epoch,
                    **against(learner.signals(setting.student), noisy, setting.student),
                    "test": _share(
                        [
                            s is not None and s.label == e.label
                            for s, e in zip(learner.signals(setting.test), setting.test, strict=True)
                        ]
                    ),
                }
            )
            model.train()
        figures = {key: curve[-1][key] for key in ("train", "test")} if curve else {}
        failing = ", imitation cascade" if cascade(curve).fired else ""
        listen(Progress(size, f"{flips:.0%} of the labels flipped{failing}", step, steps, figures))

    fit(
        model,
        tokenizer,
        setting.student,
        targets(setting.student, noisy, 2),
        config.fit,
        seed=seed,
        listen=follow,
    )
    return {
        "parameters": count_parameters(model),
        "flipped": sum(
            s is not None and s.label != e.label for s, e in zip(noisy, setting.student, strict=True)
        ),
        "curve": curve,
    }


def against(
    answers: Sequence[Signal | None], noisy: Sequence[Signal | None], examples: Sequence[Example]
) -> dict[str, float | None]:
    """What is given back of noisy labels: of all (`train`), the wrong (`memorised`) and the right (`kept`).

    Shares, 0 to 1; None where there is no label of the kind.
    """
    same = [
        (a is not None and a.label == s.label, s.label == e.label)
        for a, s, e in zip(answers, noisy, examples, strict=True)
        if s is not None
    ]
    return {
        "train": _share([back for back, _ in same]),
        "memorised": _share([back for back, true in same if not true]),
        "kept": _share([back for back, true in same if true]),
    }


def _share(outcomes: Sequence[bool]) -> float | None:
    return sum(outcomes) / len(outcomes) if outcomes else None


def collect(config: NoiseConfig, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The study's `results.json`."""
    sizes = config.ladder.sizes
    parameters: dict[str, int] = {size: found[rung_name(config.first, size)]["parameters"] for size in sizes}
    figures: Mapping[str, Callable[[Curve], float | None]] = {
        "train": lambda curve: curve[-1]["train"],
        "memorised": lambda curve: curve[-1]["memorised"],
        "test": lambda curve: curve[-1]["test"],
        "fall": fall,
    }
    counts = list(parameters.values())
    slopes = {name: _slopes(config, counts, reads, found) for name, reads in figures.items()}
    compared = {name: slopes[figure][_BELOW]["by_seed"] for name, figure in CONTRASTS.items()}
    return {
        "schema": 2,
        "seeds": config.seeds,
        "first": config.first,
        "quick": config.quick,
        "contrasts": contrasts(config.primary, compared),
        "examples": {"train": config.data.train, "test": config.data.test},
        "epochs": config.fit.epochs,
        "flips": list(config.flips),
        "sizes": {
            size: {
                "parameters": parameters[size],
                "flips": {
                    f"{flips:g}": _point([found[_name(seed, size, flips)] for seed in config.all_seeds])
                    for flips in config.flips
                },
            }
            for size in sizes
        },
        "slopes": slopes,
    }


def _point(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One size at one share: the last epoch, the best one, and the way there."""
    curves: list[Curve] = [cell["curve"] for cell in cells]
    last = {
        name: seeded([curve[-1][name] for curve in curves], SHARE)
        for name in ("train", "memorised", "kept", "test")
    }
    cascades = [cascade(curve) for curve in curves]
    return last | {
        "best": seeded([_best(curve)["test"] for curve in curves], SHARE),
        "best_epoch": seeded([_best(curve)["epoch"] for curve in curves], (1, len(curves[0]))),
        "fall": seeded([fall(curve) for curve in curves], SHARE),
        "cascade": {"fired": sum(c.fired for c in cascades), "by_seed": [c.at for c in cascades]},
        "curve": [
            {
                "epoch": at[0]["epoch"],
                **{
                    name: seeded([point[name] for point in at], SHARE)
                    for name in ("train", "memorised", "test")
                },
            }
            for at in zip(*curves, strict=True)
        ],
    }


def cascade(curve: Curve) -> Signature:
    """Whether wrong labels are memorised while the test is unlearned, as far as the curve goes."""
    return imitation_cascade([point["train"] for point in curve], [point["test"] for point in curve])


def _best(curve: Curve) -> Mapping[str, Any]:
    """The first epoch of the highest test accuracy: chosen with hindsight, which nobody has."""
    return max(curve, key=lambda point: point["test"])


def fall(curve: Curve) -> float:
    """How far test accuracy lies in the end below the best epoch's."""
    return _best(curve)["test"] - curve[-1]["test"]


def _slopes(
    config: NoiseConfig,
    parameters: Sequence[int],
    reads: Callable[[Curve], float | None],
    found: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """A figure's slope against log10 of the parameters, by share, and of its mean over the shares below half.

    Below half, the flipped labels are those that no rule predicts: to give them back is to memorise them.
    """
    below = [flips for flips in config.flips if 0 < flips < 0.5]

    def figure(seed: int, size: str, flips: float) -> float | None:
        return reads(found[_name(seed, size, flips)]["curve"])

    def slopes(of: Callable[[int, str], float | None]) -> dict[str, Any]:
        sizes, seeds = config.ladder.sizes, config.all_seeds
        return seeded([slope(parameters, [of(seed, size) for size in sizes]) for seed in seeds], None)

    by_share = {
        f"{flips:g}": slopes(lambda seed, size, flips=flips: figure(seed, size, flips))
        for flips in config.flips
    }
    return by_share | {
        _BELOW: slopes(lambda seed, size: _mean([figure(seed, size, flips) for flips in below]))
    }


def slope(parameters: Sequence[int], values: Sequence[float | None]) -> float | None:
    """The least-squares slope of values against log10 of the parameters; None of under two sizes."""
    known = [(math.log10(n), value) for n, value in zip(parameters, values, strict=True) if value is not None]
    if len({x for x, _ in known}) < 2:
        return None
    xs, ys = np.array(known).T
    return float(((xs - xs.mean()) * (ys - ys.mean())).sum() / ((xs - xs.mean()) ** 2).sum())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
