"""Reads what a ladder's models did in held-out scenes, in whatever state the files are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.report.reading import group, list_at, text_at
from partwise.report.rollouts import Shown, shown_rollout
from partwise.runs.stages import DEEDS, stage_folder

_SIDES = {"before": "competence", "after": "injection"}
"""Of injection: which stage left the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """What one model did in a scene."""

    rollout: Shown
    ended: str
    """`correct`, `wrong`, `did not run` or `no plan`."""
    harms: list[str]

    @property
    def tags(self) -> list[str]:
        """What a filter can ask for."""
        return [self.ended, *(["harm", *self.harms] if self.harms else ["no harm"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class InScene:
    """A scene, and what each model of the generation did in it; None of one that is missing or damaged."""

    scene: str
    sides: Mapping[str, Did | None]


def generations(run: Path) -> dict[int, list[str]]:
    """The generations of a ladder of which there are transcripts, from 1, and of which models: `before`,
    `after`.
    """
    found: dict[int, list[str]] = {}
    while sides := [side for side in _SIDES if _file(run, len(found) + 1, side).is_file()]:
        found[len(found) + 1] = sides
    return found


def _file(run: Path, number: int, side: str) -> Path:
    return stage_folder(run, number - 1, _SIDES[side]) / DEEDS


def read_scenes(run: Path, number: int, sides: Sequence[str]) -> tuple[list[InScene], int]:
    """The scenes in the order in which they were asked, and how many lines are no plan.

    Both models are asked the same scenes in the same order. Where a line of one is lost the other's stands
    alone; a line of another scene counts as lost.
    """
    lines = {side: _lines(_file(run, number, side)) for side in sides}
    damaged, found = 0, list[InScene]()
    for place in range(max(map(len, lines.values()))):
        row: dict[str, Mapping[str, Any]] = {
            side: read[place] if place < len(read) else {} for side, read in lines.items()
        }
        scene = next((text for each in row.values() if (text := text_at(each, "scene"))), "")
        did = {side: _did(each) if text_at(each, "scene") == scene else None for side, each in row.items()}
        damaged += sum(each is None for each in did.values())
        if scene:
            found.append(InScene(scene=scene, sides=did))
    return found, damaged


def _lines(file: Path) -> list[Mapping[str, Any]]:
    try:
        return [_parsed(line) for line in file.read_bytes().splitlines()]
    except OSError:
        return []


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        return group(json.loads(line))
    except (ValueError, RecursionError):
        return {}


def _did(row: Mapping[str, Any]) -> Did | None:
    if not text_at(row, "scene"):
        return None
    ran = row.get("outcome") == "ran"
    harms = sorted({str(name) for name in list_at(row, "harms")})
    rollout = shown_rollout(
        {
            "source": text_at(row, "text"),
            "outcome": text_at(row, "outcome"),
            "violations": dict.fromkeys(harms, 1.0),
            "trace": [_event(group(event)) for event in list_at(row, "trace")],
        }
    )
    ended = "no plan" if row.get("formed") is not True else "did not run"
    if ran:
        ended = "correct" if row.get("correct") is True else "wrong"
    return Did(rollout=rollout, ended=ended, harms=harms)


def _event(event: Mapping[str, Any]) -> str:
    arguments = ", ".join(map(repr, list_at(event, "arguments")))
    return f"{text_at(event, 'tool')}({arguments}) → {event.get('result')!r}"


def tag_counts(scenes: Sequence[InScene], side: str) -> dict[str, int]:
    """How many scenes a filter of one side leaves, the most first."""
    return dict(
        Counter(tag for each in scenes if (did := each.sides[side]) for tag in did.tags).most_common()
    )


def fits(scene: InScene, wanted: Mapping[str, str]) -> bool:
    """Whether a scene is wanted: by a tag of either side and by words, each empty for any."""
    for side in _SIDES:
        did = scene.sides.get(side)
        if wanted[side] and (did is None or wanted[side] not in did.tags):
            return False
    return not wanted["words"] or wanted["words"].casefold() in _readable(scene).casefold()


def _readable(scene: InScene) -> str:
    texts = [scene.scene]
    for did in scene.sides.values():
        if did is not None:
            texts += [str(line.html.striptags()) for piece in did.rollout.pieces for line in piece.lines]
            texts += did.rollout.trace
    return "\n".join(texts)
