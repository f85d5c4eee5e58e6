"""What the cells of the weak-to-strong study say, put together over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from statistics import fmean
from typing import Any

from partwise.config import Loss, WeakToStrongStudyConfig
from partwise.measure.beyond import Form, Rung, Verdict, predict_rung, surrogate_testing
from partwise.measure.intervals import Measure, over_seeds
from partwise.measure.signatures import Signature, imitation_cascade, non_saliency
from partwise.studies.rungs import rung_name
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

    def over_seeds(self, figure: Callable[[int], float | None]) -> dict[str, Any]:
        """A figure of each seed, put together; the figures themselves beside it."""
        values = [figure(seed) for seed in self.seeds]
        return {**over_seeds(values).to_json(), "by_seed": values}

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
        "schema": 1,
        "seeds": config.seeds,
        "examples": {"train": config.data.train, "test": config.data.test},
        "ladder": {size: _rung(grid, size) for size in grid.sizes},
        "rise": {ceiling_of(arm): {f"{o:g}": _rise(grid, o, arm) for o in config.overlaps} for arm in _PLAIN},
        "pairs": {
            "-".join(pair): {f"{o:g}": _pair(grid, pair, o) for o in config.overlaps} for pair in grid.pairs
        },
        "pooled_pgr": {
            arm: {
                f"{o:g}": grid.over_seeds(lambda seed, o=o, arm=arm: grid.pooled_pgr(seed, [o], arm))
                for o in config.overlaps
            }
            for arm in DIRECT
        },
        "growth": {arm: _growth(grid, arm) for arm in DIRECT},
        "against_reference": {
            arm: {reference: _against(grid, arm, reference) for reference in REFERENCE} for arm in OURS
        },
        "extrapolation": {f"{o:g}": _extrapolation(grid, o) for o in config.overlaps},
        "surrogate": {size: _surrogate(grid, size) for size in grid.sizes},
        "signatures": {arm: _signatures(grid, arm) for arm in (*DIRECT, BOOTSTRAP)},
        "curves": _curves(grid),
    }


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


def _rise(grid: Grid, overlap: float, arm: str) -> dict[str, Any]:
    """What the largest rung reaches with true labels beyond the smallest."""
    ends = grid.sizes[0], grid.sizes[-1]
    return grid.over_seeds(
        lambda seed: grid.reached(seed, overlap, ends[1], arm) - grid.reached(seed, overlap, ends[0], arm)
    )


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
            lambda s: _generations(grid, s, overlap, pair)[0].gap(_generations(grid, s, overlap, pair)[1])
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
        name: grid.over_seeds(lambda s, name=name: grid.figure(s, overlap, pair, arm, name)) for name in names
    }
    return figures | {
        "hard": grid.over_seeds(lambda s: _hard(grid.pair(s, overlap, pair)["arms"][arm])),
        "unrealised": grid.over_seeds(lambda s: _generations(grid, s, overlap, pair, arm)[1].unrealised),
    }


def _growth(grid: Grid, arm: str) -> dict[str, Any]:
    """The pooled gap recovered at the largest overlap less that at the smallest."""
    ends = min(grid.config.overlaps), max(grid.config.overlaps)

    def grown(seed: int) -> float | None:
        first, last = (grid.pooled_pgr(seed, [overlap], arm) for overlap in ends)
        return None if first is None or last is None else last - first

    return grid.over_seeds(grown)


def _against(grid: Grid, arm: str, reference: str) -> dict[str, Any]:
    """A way to learn less one of the reference, over all settings and the pairs that have both.

    The gap is the reference's own, for both.
    """
    pairs, overlaps = grid.having(arm), grid.config.overlaps

    def pgr(seed: int) -> float | None:
        mine, theirs = (grid.pooled_pgr(seed, overlaps, each, pairs, reference) for each in (arm, reference))
        return None if mine is None or theirs is None else mine - theirs

    def accuracy(seed: int) -> float:
        arms = [grid.pair(seed, overlap, pair)["arms"] for overlap, pair in product(overlaps, pairs)]
        return fmean(each[arm]["accuracy"]["mean"] - each[reference]["accuracy"]["mean"] for each in arms)

    return {
        "pairs": len(pairs),
        "pgr": grid.over_seeds(pgr if pairs else lambda _: None),
        "accuracy": grid.over_seeds(accuracy if pairs else lambda _: None),
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
        "drop": grid.over_seeds(lambda s: found[s].accuracy_drop.mean),
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
                    "train": over_seeds([point["train"] for point in at]).to_json(),
                    "test": over_seeds([point["test"] for point in at]).to_json(),
                }
                for at in zip(*points(arm), strict=True)
            ]
            for arm in DIRECT
        },
    }
