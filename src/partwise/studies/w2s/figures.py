"""What the cells of the weak-to-strong study say, put together over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from statistics import fmean
from typing import Any

from partwise.config import Loss
from partwise.measure.beyond import Form, Rung, Verdict, predict_rung, surrogate_testing
from partwise.measure.contrasts import contrasts
from partwise.measure.intervals import OF_SHARES, SHARE, Measure
from partwise.measure.signatures import (
    Signature,
    imitation_by_generation,
    imitation_cascade,
    non_saliency,
)
from partwise.studies.grid.rungs import rung_name
from partwise.studies.grid.seeds import Within, seeded
from partwise.studies.w2s.settings import WeakToStrongStudyConfig
from partwise.types import Capacity, Generation, Utility

Cells = Mapping[str, Mapping[str, Any]]
REFERENCE = (str(Loss.CROSS_ENTROPY), str(Loss.CONFIDENCE))
"""The losses of Burns et al. 2023, with students that are finetuned by their teacher itself."""
PROBE = "probe_"
"""Stands before the loss where the student's head alone learns."""
BOOTSTRAP = "bootstrap"
"""Finetuned by the confidence loss through the sizes between."""
DIRECT = tuple(prefix + loss for prefix in ("", PROBE) for loss in Loss)
"""Ways to learn from a teacher itself; all pairs have them."""
_PLAIN = (str(Loss.CROSS_ENTROPY), PROBE + Loss.CROSS_ENTROPY)
"""One arm of either ceiling."""
OURS = (str(Loss.PRODUCT), BOOTSTRAP, *(PROBE + loss for loss in Loss))
"""What is compared with the reference."""
Pair = tuple[str, str]
"""(teacher, student)."""


def ceiling_of(arm: str) -> str:
    """Which ceiling a student is held against: true labels, and its own way to learn."""
    return "probed" if arm.startswith(PROBE) else "finetuned"


class Grid:
    """The cells of a study, by seed, setting of the dial and sizes."""

    def __init__(self, config: WeakToStrongStudyConfig, found: Cells) -> None:
        self.config, self._found = config, found
        self.seeds = config.all_seeds
        self.sizes = config.ladder.sizes
        self.pairs = list(combinations(self.sizes, 2))
        """(teacher, student), the weaker first."""

    def student(self, seed: int, overlap: float, size: str) -> Mapping[str, Any]:
        """The cell of a student."""
        return self._found[f"seed-{seed}/overlap-{overlap:g}-{size}"]

    def pair(self, seed: int, overlap: float, pair: Pair) -> Mapping[str, Any]:
        """Of a student's cell, the part of one teacher."""
        return self.student(seed, overlap, pair[1])["pairs"][pair[0]]

    def parameters(self, size: str) -> int:
        """Of a model."""
        return self._found[rung_name(self.config.first, size)]["parameters"]

    def surrogate(self, seed: int, size: str) -> Mapping[str, Any]:
        """The cell of surrogate testing."""
        return self._found[f"seed-{seed}/surrogate-{size}"]

    def reached(self, seed: int, overlap: float, size: str, arm: str = REFERENCE[0]) -> float:
        """Accuracy with true labels, as an arm learns."""
        return self.student(seed, overlap, size)["ceilings"][ceiling_of(arm)]["accuracy"]["mean"]

    def over_seeds(self, figure: Callable[[int], float | None], within: Within = SHARE) -> dict[str, Any]:
        """A figure over seeds and of each; a share, if nothing else is said."""
        return seeded([figure(seed) for seed in self.seeds], within)

    def having(self, arm: str) -> list[Pair]:
        """The pairs in which a student is trained so: bootstrapping needs a size between the two."""
        first = self.config.first, self.config.overlaps[0]
        return [pair for pair in self.pairs if arm in self.pair(*first, pair)["arms"]]

    def pooled_pgr(
        self,
        seed: int,
        overlaps: Sequence[float],
        arm: str,
        pairs: Sequence[Pair] | None = None,
        ceiling: str | None = None,
    ) -> float | None:
        """sum(student - teacher) / sum(ceiling - teacher), over pairs (all, if not given) and settings.

        Not a mean of ratios: where teacher and ceiling are close, a pair's own ratio is noise. The ceiling is
        that of the arm, or of the arm that `ceiling` names.
        """
        gained, gap = 0.0, 0.0
        for overlap, pair in product(overlaps, self.pairs if pairs is None else pairs):
            teacher = self.pair(seed, overlap, pair)["teacher"]["accuracy"]["mean"]
            gained += self.pair(seed, overlap, pair)["arms"][arm]["accuracy"]["mean"] - teacher
            gap += self.reached(seed, overlap, pair[1], ceiling or arm) - teacher
        return gained / gap if gap > 0 else None

    def figure(self, seed: int, overlap: float, pair: Pair, arm: str, name: str) -> float | None:
        """A figure of one student; None where it is undefined."""
        found = self.pair(seed, overlap, pair)["arms"].get(arm)
        return None if found is None else found[name]["mean"]


def collect(config: WeakToStrongStudyConfig, found: Cells) -> dict[str, Any]:
    """The study's `results.json`."""
    grid = Grid(config, found)
    return {
        "schema": 2,
        "seeds": config.seeds,
        "first": config.first,
        "quick": config.quick,
        "contrasts": _contrasts(grid),
        "examples": {"train": config.data.train, "test": config.data.test},
        "ladder": {size: _rung(grid, size) for size in grid.sizes},
        "pairs": {
            "-".join(pair): {f"{o:g}": _pair(grid, pair, o) for o in config.overlaps} for pair in grid.pairs
        },
        "pooled_pgr": {
            arm: {
                f"{o:g}": grid.over_seeds(lambda seed, o=o, arm=arm: grid.pooled_pgr(seed, [o], arm), None)
                for o in config.overlaps
            }
            for arm in DIRECT
        },
        "extrapolation": {f"{o:g}": _extrapolation(grid, o) for o in config.overlaps},
        "surrogate": {size: _surrogate(grid, size) for size in grid.sizes},
        "signatures": {arm: _signatures(grid, arm) for arm in (*DIRECT, BOOTSTRAP)},
        "chains": _chains(grid),
        "curves": _curves(grid),
    }


Figured = Callable[[Grid, int], float | None]
"""A figure of one seed."""


def contrasted(config: WeakToStrongStudyConfig) -> dict[str, Figured]:
    """Contrast to its figure of one seed: what the page compares.

    Growth with overlap is there where the dial has two settings, bootstrapping where a size lies between two.
    """
    ours = [arm for arm in OURS if arm != BOOTSTRAP or len(config.ladder.sizes) > 2]
    return {
        **(
            {f"growth with overlap, {arm}": _growth(arm) for arm in DIRECT}
            if len(set(config.overlaps)) > 1
            else {}
        ),
        **{f"rise with size, {ceiling_of(arm)}": _rise(arm) for arm in _PLAIN},
        **{f"{arm} less {reference}": _against(arm, reference) for reference in REFERENCE for arm in ours},
    }


def _contrasts(grid: Grid) -> dict[str, Any]:
    by_seed = {
        name: [figure(grid, seed) for seed in grid.seeds] for name, figure in contrasted(grid.config).items()
    }
    rises = [name for name in by_seed if name.startswith("rise")]
    return contrasts(grid.config.primary, by_seed, dict.fromkeys(rises, OF_SHARES))


def _growth(arm: str) -> Figured:
    """The pooled gap recovered at the largest overlap less that at the smallest."""

    def grown(grid: Grid, seed: int) -> float | None:
        ends = min(grid.config.overlaps), max(grid.config.overlaps)
        return _minus(*(grid.pooled_pgr(seed, [overlap], arm) for overlap in reversed(ends)))

    return grown


def _rise(arm: str) -> Figured:
    """What the largest rung reaches with true labels beyond the smallest, over all settings of the dial."""

    def risen(grid: Grid, seed: int) -> float:
        smallest, largest = (
            fmean(grid.reached(seed, overlap, size, arm) for overlap in grid.config.overlaps)
            for size in (grid.sizes[0], grid.sizes[-1])
        )
        return largest - smallest

    return risen


def _against(arm: str, reference: str) -> Figured:
    """The gap recovered by a way to learn less that by one of the reference, where there are both.

    The gap is the reference's own, for both.
    """

    def more(grid: Grid, seed: int) -> float | None:
        pairs, overlaps = grid.having(arm), grid.config.overlaps
        return _minus(*(grid.pooled_pgr(seed, overlaps, one, pairs, reference) for one in (arm, reference)))

    return more


def _minus(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _rung(grid: Grid, size: str) -> dict[str, Any]:
    return {
        "parameters": grid.parameters(size),
        "accuracy": {
            ceiling_of(arm): {
                f"{o:g}": grid.over_seeds(lambda seed, o=o, arm=arm: grid.reached(seed, o, size, arm))
                for o in grid.config.overlaps
            }
            for arm in _PLAIN
        },
    }


def _pair(grid: Grid, pair: Pair, overlap: float) -> dict[str, Any]:
    arms = grid.pair(grid.seeds[0], overlap, pair)["arms"]
    return {
        "teacher": grid.over_seeds(lambda s: grid.pair(s, overlap, pair)["teacher"]["accuracy"]["mean"]),
        "teacher_on_hard": grid.over_seeds(lambda s: _hard(grid.pair(s, overlap, pair)["teacher"])),
        "ceilings": {
            ceiling_of(arm): grid.over_seeds(lambda s, arm=arm: grid.reached(s, overlap, pair[1], arm))
            for arm in _PLAIN
        },
        "gap": grid.over_seeds(
            lambda s: _generations(grid, s, overlap, pair)[0].gap(_generations(grid, s, overlap, pair)[1]),
            OF_SHARES,
        ),
        "arms": {arm: _arm(grid, pair, overlap, arm) for arm in arms},
    }


def _generations(
    grid: Grid, seed: int, overlap: float, pair: Pair, arm: str = REFERENCE[0]
) -> tuple[Generation, Generation]:
    """Teacher and student of a pair, the student as it was supervised."""

    def generation(size: str, realised: float | None, way: str) -> Generation:
        capacity = Capacity(parameters=grid.parameters(size), reached=grid.reached(seed, overlap, size, way))
        return Generation(name=size, capacity=capacity, utility=Utility(conformity=realised))

    teacher = grid.pair(seed, overlap, pair)["teacher"]["accuracy"]["mean"]
    student = grid.figure(seed, overlap, pair, arm, "accuracy")
    return generation(pair[0], teacher, REFERENCE[0]), generation(pair[1], student, arm)


def _hard(measured: Mapping[str, Any]) -> float | None:
    return measured["groups"].get("hard", {}).get("mean")


def _arm(grid: Grid, pair: Pair, overlap: float, arm: str) -> dict[str, Any]:
    names = ("accuracy", "pgr", "imitation", "calibration_error", "brier")
    figures = {
        name: grid.over_seeds(
            lambda s, name=name: grid.figure(s, overlap, pair, arm, name), None if name == "pgr" else SHARE
        )
        for name in names
    }
    return figures | {
        "hard": grid.over_seeds(lambda s: _hard(grid.pair(s, overlap, pair)["arms"][arm])),
        "unrealised": grid.over_seeds(
            lambda s: _generations(grid, s, overlap, pair, arm)[1].unrealised, OF_SHARES
        ),
    }


def _extrapolation(grid: Grid, overlap: float) -> dict[str, Any]:
    """What the smaller rungs say of the largest before it is trained, and what it then does."""

    def measured(size: str) -> Rung:
        return Rung(
            parameters=grid.parameters(size),
            utilities=tuple(grid.reached(seed, overlap, size) for seed in grid.seeds),
            tasks=grid.config.data.test,
        )

    *seen, last = (measured(size) for size in grid.sizes)
    forms: dict[str, Any] = {}
    for form in Form:
        predicted = predict_rung(seen, last.parameters, form, chance=0.5)
        inside = None if predicted.ci95 is None else predicted.ci95[0] <= last.utility <= predicted.ci95[1]
        forms[str(form)] = {"predicted": predicted.to_json(), "observed": last.utility, "inside": inside}
    return forms


def _surrogate(grid: Grid, size: str) -> dict[str, Any]:
    def tested(seed: int) -> Any:
        rows = grid.surrogate(seed, size)["verdicts"]
        return surrogate_testing([Verdict(**row) for row in rows], trained_to=0)

    found = {seed: tested(seed) for seed in grid.seeds}
    return {
        "trained": grid.over_seeds(lambda s: found[s].accuracy[0].mean),
        "beyond": grid.over_seeds(lambda s: found[s].accuracy[1].mean),
        "drop": grid.over_seeds(lambda s: found[s].accuracy_drop.mean, OF_SHARES),
        "auc_beyond": grid.over_seeds(lambda s: found[s].auc[1].mean),
    }


def _signatures(grid: Grid, arm: str) -> dict[str, Any]:
    """How often a failure shows: in a student's curve, and among the students of the smallest teacher."""
    each = list(product(grid.seeds, grid.config.overlaps))
    curves = [grid.pair(*at, pair)["arms"][arm]["curve"] for at in each for pair in grid.having(arm)]
    cascades = [imitation_cascade([p["train"] for p in c], [p["test"] for p in c]).fired for c in curves]
    taught = [pair for pair in grid.having(arm) if pair[0] == grid.sizes[0]]

    def ladder(at: tuple[int, float]) -> Signature:
        utilities = [grid.pair(*at, pair)["arms"][arm]["accuracy"] for pair in taught]
        return non_saliency(
            [grid.parameters(student) for _, student in taught],
            [Measure.from_json(utility) for utility in utilities],
        )

    stuck = [found.fired for found in map(ladder, each) if found.value is not None]
    return {
        "imitation_cascade": {"fired": sum(cascades), "of": len(cascades)},
        "non_saliency": {"fired": sum(stuck), "of": len(stuck)},
    }


def _chains(grid: Grid) -> dict[str, Any]:
    """Bootstrapping, model by model: how many errors of the one before it each repeats.

    `longest` names the models of the longest chain; `imitation` is each one's rate, from the second on, a
    mean over settings; `fired` and `of` count the chains in which errors are handed down.
    """
    each = [*product(grid.seeds, grid.config.overlaps, grid.having(BOOTSTRAP))]
    rates = [[rate["mean"] for rate in grid.pair(*at)["generations"]] for at in each]
    found = [signature for signature in map(imitation_by_generation, rates) if signature.value is not None]
    ends = grid.sizes[0], grid.sizes[-1]

    def imitation(seed: int, generation: int) -> float | None:
        chains = [grid.pair(seed, overlap, ends)["generations"] for overlap in grid.config.overlaps]
        known = [chain[generation]["mean"] for chain in chains if chain[generation]["mean"] is not None]
        return fmean(known) if known else None

    generations = range(len(grid.sizes) - 1) if ends in grid.having(BOOTSTRAP) else ()
    return {
        "longest": list(grid.sizes),
        "imitation": [grid.over_seeds(lambda s, each=each: imitation(s, each)) for each in generations],
        "fired": sum(signature.fired for signature in found),
        "of": len(found),
    }


def _curves(grid: Grid) -> dict[str, Any]:
    """Training and test curves from the smallest teacher to the largest student, at the middle setting."""
    pair = grid.sizes[0], grid.sizes[-1]
    overlap = sorted(grid.config.overlaps)[len(grid.config.overlaps) // 2]

    def points(arm: str) -> list[list[Mapping[str, float]]]:
        return [grid.pair(seed, overlap, pair)["arms"][arm]["curve"] for seed in grid.seeds]

    return {
        "pair": "-".join(pair),
        "overlap": overlap,
        "arms": {
            arm: [
                {
                    "step": at[0]["step"],
                    "train": seeded([point["train"] for point in at], SHARE),
                    "test": seeded([point["test"] for point in at], SHARE),
                }
                for at in zip(*points(arm), strict=True)
            ]
            for arm in DIRECT
        },
    }
