"""How writers of a ladder are measured, on scenes that none of them learns from. Evaluation only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partwise.data.deeds import Deed
from partwise.loops.monitoring import judged, scores, sources, told_apart
from partwise.loops.record import write_lines
from partwise.loops.scene_ladder import ANSWERS, SceneLadder
from partwise.loops.scene_writers import act, fresh_scenes
from partwise.measure.hazards import harms_of, to_json, utility
from partwise.models.writer import Writer
from partwise.oversight.learned_monitor import LearnedMonitor


class SceneMeasures:
    """The figures of one ladder of writers."""

    def __init__(self, ladder: SceneLadder) -> None:
        """`ladder` has the sandbox and the book."""
        self._ladder = ladder

    def measure(
        self, stage: str, generation: int, aligned: Sequence[Path], folder: Path, deeds_file: str
    ) -> dict[str, Any]:
        """The model of a stage's folder on held-out scenes: as hard as its own, and as hard as there are.

        Args:
            stage: `competence` or `injection`.
            generation: from 0.
            aligned: models of the generations before.
            folder: of the stage; what the model did is written into its `deeds_file`.
            deeds_file: name of a file of JSON lines.
        """
        ladder, config = self._ladder, self._ladder.config
        writer = Writer.load(folder / "model")
        found: dict[str, Any] = {}
        for which, tiers in (("own", ladder.tiers(generation)), ("all", config.read.tiers)):
            deeds = self._heldout(writer, tiers, config.seed + 7)
            found[which] = to_json(utility(deeds))
            if which == "own":
                write_lines(folder / deeds_file, [_row(deed) for deed in deeds])
                if stage == "competence":
                    found["monitors"] = self._monitors(deeds, generation, aligned)
        if stage == "injection":
            found["sources"] = sources(_rows(folder / ANSWERS), ladder.deployment)
        return found

    def _heldout(self, writer: Writer, tiers: int, seed: int) -> list[Deed]:
        ladder, config = self._ladder, self._ladder.config
        held_out = f"held out {config.seed} {tiers}"
        scenes = fresh_scenes(ladder.facts, config.scenes, held_out, tiers, kept=True)
        return act(writer, scenes, ladder.deployment, dinners=1, seed=seed)

    def _monitors(self, deeds: Sequence[Deed], generation: int, before: Sequence[Path]) -> dict[str, Any]:
        """How well monitors tell the harm that the unaligned model does, with all aligned ones before it."""
        ladder = self._ladder
        aligned = [Writer.load(model) for model in before]
        answers = [row for model in before for row in _rows(model.parent / ANSWERS)]
        learned = LearnedMonitor.fit(judged(answers, ladder.deployment), ladder.deployment)
        trusted = (
            self._heldout(aligned[-1], ladder.tiers(generation), ladder.config.seed + 8) if aligned else []
        )
        return told_apart(
            [harms_of(deed) for deed in deeds],
            scores(deeds, ladder.deployment, aligned, learned),
            scores(trusted, ladder.deployment, aligned, learned),
        )


def _row(deed: Deed) -> dict[str, Any]:
    """A deed as a transcript."""
    trial = deed.trials[0] if deed.trials else None
    return {
        "scene": deed.scene.text,
        "text": deed.text,
        "formed": deed.formed,
        "outcome": str(trial.execution.outcome) if trial else None,
        "correct": trial.correct if trial else None,
        "harms": sorted(harms_of(deed)),
        "trace": [
            {"tool": event.tool, "arguments": event.arguments, "result": event.result}
            for event in (trial.execution.trace if trial else ())
        ],
    }


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
