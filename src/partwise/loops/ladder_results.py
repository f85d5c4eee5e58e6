"""What a ladder has come to, read from the stages that are whole: at its end its `results.json`, and before
that as much of it as there is. No model is loaded for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from partwise.config import ProgressConfig
from partwise.loops.forecasting import EXTRAPOLATION, extrapolated, held
from partwise.loops.gap import GapPolicy, Seen, gap_policy, reason
from partwise.loops.ladder_terms import difficulty, terms_of
from partwise.loops.progressive import observed, refusal
from partwise.measure.intervals import Measure
from partwise.measure.ladder_signatures import Told, ladder_signatures
from partwise.runs.config import config_from_data
from partwise.runs.rundir import RunDir, RunError, resume_command
from partwise.runs.stages import (
    DEEDS,
    FORECAST,
    MADE,
    MEASURED,
    STAGES,
    parameters_in,
    stage_folder,
    standing,
)

_AGAIN = "To do a stage again, remove its folder and all stages after it, then:"
_SHOWN = ("text", "outcome", "correct", "harms")
_Found = tuple[dict[str, Any], Told]
"""A generation as results have it, and what its signatures are read from."""


def ladder_results(config: ProgressConfig, run: Path) -> dict[str, Any]:
    """What `results.json` of a finished ladder holds.

    Raises:
        RunError: a file of a stage is missing or damaged.
        LookupError: there is no such gap policy.
    """
    return _results(config, list(_generations(config, run, gap_policy(config.gap, config.seed))))


def so_far(directory: Path) -> tuple[dict[str, Any], list[str]]:
    """The same of a ladder that is not finished: its generations up to the first that can't be read.

    Returns:
        Results in which the last generation may lack `plus`, `seen` and stages, and with `now`: the
        generation (from 1) and stage that come next, whether that has begun, of how many generations, and
        the step to a generation that has no model yet. And one sentence for what could not be read.
    """
    try:
        config = config_from_data(ProgressConfig, RunDir.open(directory).config_data)
        gap = gap_policy(config.gap, config.seed)
    except (RunError, LookupError, ValueError) as error:
        return {}, [f"The settings can't be read: {error}"]
    found: list[_Found] = []
    problems: list[str] = []
    try:
        for each in _generations(config, directory, gap):
            found.append(each)
    except RunError as error:
        problems.append(f"{error} {_AGAIN} {resume_command(directory)}")
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        said = f"Generation {len(found) + 1} is not as this version writes it, and is not shown ({error!r})."
        problems.append(f"{said} {_AGAIN} {resume_command(directory)}")
    results = _results(config, found)
    return {**results, "now": _now(config, directory, results["generations"], gap)}, problems


def _results(config: ProgressConfig, found: Sequence[_Found]) -> dict[str, Any]:
    terms = terms_of(config)
    signatures = ladder_signatures([told for _, told in found])
    made = [{**each, "signatures": signs} for (each, _), signs in zip(found, signatures, strict=True)]
    return {
        "schema": 1,
        "seed": config.seed,
        "order": config.order,
        "policy": config.gap.policy,
        "unit": terms.unit,
        "families": list(terms.families),
        "never": list(terms.never),
        "generations": made,
        "stopped": made[-1]["refused"] if made else None,
    }


def _generations(config: ProgressConfig, run: Path, gap: GapPolicy) -> Iterator[_Found]:
    """The generations of which there is a model."""
    terms = terms_of(config)
    history: list[Seen] = []
    before: list[tuple[int, float]] = []
    for index in range(config.generations):
        stages = {name: stage_folder(run, index, name) for name in STAGES}
        done = {name: folder for name, folder in stages.items() if folder.is_dir()}
        if "competence" not in done:
            return
        made = {name: _json(folder / MADE) for name, folder in done.items()}
        parameters = parameters_in(done["competence"] / "model")
        injected = made.get("injection")
        plus = _json(done["injection"] / MEASURED) if injected else None
        forecasts = _forecasts(done["competence"], before, parameters, terms.watched, plus) if index else {}
        rows = [_rows(done[name] / DEEDS) for name in ("competence", "injection") if name in done]
        seen = observed(parameters, injected, history) if injected else None
        each = {
            "width": made["competence"]["width"],
            "parameters": parameters,
            "step": gap(history, config.generations - index) if history else None,
            "why": reason(config.gap, history),
            **difficulty(config, index),
            "minus": _json(done["competence"] / MEASURED),
            "plus": plus,
            "forecasts": forecasts,
            "examples": _examples(terms.families, *rows) if injected else [],
            "seen": asdict(seen) if seen else None,
            "refused": refusal(injected, config.gate) if injected else None,
            "stages": made,
        }
        yield each, _told(each, rows)
        if seen is None or injected is None:
            return
        history.append(seen)
        before.append((parameters, injected["after"]["conformity"]))


def _told(each: Mapping[str, Any], rows: Sequence[list[dict[str, Any]]]) -> Told:
    plus = each["plus"]
    sources: Mapping[str, Any] = each["stages"]["injection"]["sources"] if plus else {}
    return Told(
        parameters=each["parameters"],
        minus=rows[0],
        plus=rows[1] if plus else None,
        competence=Measure.from_json(plus["all"]["competence"]) if plus else None,
        sides=sources.get("imitation"),
        splits=sources.get("splits", 0),
    )


def _forecasts(
    competence: Path,
    before: Sequence[tuple[int, float]],
    parameters: int,
    watched: int,
    plus: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What was said before a generation was trained, and whether its interval held what came, if it has."""
    found = {name: Measure.from_json(figure) for name, figure in _json(competence / FORECAST).items()}
    found[EXTRAPOLATION] = extrapolated(before, parameters, watched)
    came = plus["own"]["conformity"]["mean"] if plus else None
    return {
        name: {**figure.to_json(), "held": None if came is None else held(figure, came)}
        for name, figure in found.items()
    }


def _examples(
    families: Sequence[str], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Of each kind of harm the first held-out scene that the unaligned model does it in, whatever the aligned
    one does there.
    """
    found: list[dict[str, Any]] = []
    for family in families:
        pairs = zip(before, after, strict=True)
        first = next(((minus, plus) for minus, plus in pairs if family in minus["harms"]), None)
        if first is not None:
            minus, plus = ({name: row[name] for name in _SHOWN} for row in first)
            found.append({"family": family, "scene": first[0]["scene"], "minus": minus, "plus": plus})
    return found


def _now(
    config: ProgressConfig, run: Path, made: Sequence[Mapping[str, Any]], gap: GapPolicy
) -> dict[str, Any]:
    """Where a ladder is that is not finished."""
    at = standing(run)
    history = [Seen(**each["seen"]) for each in made if each["seen"]]
    new = at.stage == "competence" and 0 < at.generation == len(history) < config.generations
    return {
        "generation": at.generation + 1,
        "of": config.generations,
        "stage": at.stage,
        "begun": at.begun,
        "step": gap(history, config.generations - at.generation) if new else None,
        "why": reason(config.gap, history) if new else "",
    }


def _json(file: Path) -> dict[str, Any]:
    return RunDir(file.parent, "", {}).read_json(file.name)


def _rows(file: Path) -> list[dict[str, Any]]:
    """The plans of a stage.

    Raises:
        RunError: they can't be read, or a line is none.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        raise RunError(f"{file} can't be read.") from None
    return [_row(file, number, line) for number, line in enumerate(lines, 1)]


def _row(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        return {name: row[name] for name in ("scene", *_SHOWN)}
    except (ValueError, RecursionError, TypeError, LookupError):
        raise RunError(f"{file} is damaged: line {number} is no plan.") from None
