"""Experiments and single runs by name: what can be set, what runs them, and the page of what they found.

Third parties add an experiment by an entry point of the group `partwise.studies` that names a `Study`.
Nothing heavy is imported until one runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from partwise.config import Section
from partwise.report.failing import failure_sentences
from partwise.report.page import Page
from partwise.runs.progress import Listener
from partwise.runs.rundir import RunError

GROUP = "partwise.studies"
LAB = ("crowdkit", "optuna", "ribs", "sklearn")
"""Modules that the extra `lab` brings, and that are taken hours after a run has begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """An experiment, or a single run, and where its pieces are, each as `module:name`."""

    about: str
    """A line for those who look for one."""
    settings: str
    """Its pydantic model, a `Section`."""
    runs: str
    """`run(settings, out, listen)` runs it or goes on with it, and returns its `results.json`."""
    shows: str
    """`page(results)` makes its page."""
    grows: str = ""
    """`so_far(directory)` reads what an unfinished one has found, for `shows`, with a sentence for each thing
    that it can't read; empty where there is nothing to see before it is done."""
    of_runs: bool = False
    """Whether its report shows the runs behind its figures, and not its page alone."""
    lab: bool = False
    """Whether it takes what the extra `lab` brings."""

    @property
    def config(self) -> type[Section]:
        """Its settings' model."""
        return resolve_name(self.settings)

    def run(self, config: Section, out: Path, listen: Listener) -> dict[str, Any]:
        """Run it or go on with it; its `results.json`.

        Raises:
            RunError: it takes the extra `lab`, which is not installed; or whatever it runs refuses.
        """
        if self.lab and (missing := [name for name in LAB if find_spec(name) is None]):
            raise RunError(
                f"This takes packages that are not installed ({', '.join(missing)}); add them with: "
                "pip install 'partwise[lab]'."
            )
        return resolve_name(self.runs)(config, out, listen)

    def page(self, results: Mapping[str, Any]) -> Page:
        """The page of what it found; where runs are behind it, with what to do where most solutions fail."""
        made: Page = resolve_name(self.shows)(results)
        said = failure_sentences(results) if self.of_runs else []
        return replace(made, sentences=[*made.sentences, *said]) if said else made

    def so_far(self, directory: Path) -> tuple[Mapping[str, Any], list[str]]:
        """What an unfinished one has found, for `page`, and what of it can't be read."""
        return resolve_name(self.grows)(directory) if self.grows else ({}, [])


def _built_in(name: str, model: str, about: str, *, of_runs: bool = False, lab: bool = False) -> Study:
    """A study of this package: a folder of its name."""
    folder = f"partwise.studies.{name}"
    return Study(
        about=about,
        settings=f"{folder}.settings:{model}",
        runs=f"{folder}.study:run",
        shows=f"{folder}.page:page",
        of_runs=of_runs,
        lab=lab,
    )


STUDIES: Mapping[str, Study] = {
    "part_to_complete": _built_in(
        "part_to_complete",
        "PartToCompleteConfig",
        "how much of the alignment of wholes comes of judging parts, between floor and ceiling",
        of_runs=True,
    ),
    "strategies": _built_in(
        "strategies",
        "StrategiesConfig",
        "composition space x judged summary x how parts are added up, and every control",
        of_runs=True,
    ),
    "propagation": _built_in(
        "propagation",
        "PropagationConfig",
        "how alignment follows a change of values, and what it costs in labels",
    ),
    "w2s": _built_in(
        "w2s",
        "WeakToStrongStudyConfig",
        "every weaker teacher of every stronger student, by loss and by overlap of the cues",
    ),
    "noise": _built_in(
        "noise", "NoiseConfig", "label flips on every size: what is memorised, what is left on the test"
    ),
    "debate": _built_in(
        "debate", "DebateConfig", "a judge who sees what debaters of equal or unequal strength reveal"
    ),
    "self_enhancement": _built_in(
        "self_enhancement",
        "SelfEnhancementConfig",
        "writers that learn from their own judgment, from peers, behind a verifier, from the truth or chance",
    ),
    "signal_diversity": _built_in(
        "signal_diversity",
        "SignalDiversityConfig",
        "one to six sources: error correlation, what each adds, what a student learns from them",
    ),
    "deception_probe": _built_in(
        "deception_probe",
        "DeceptionProbeConfig",
        "whether a probe finds models that do harm where they are told that nobody watches",
    ),
    "red_team": _built_in(
        "red_team",
        "RedTeamConfig",
        "which search finds more of the ways in which an unaligned model does harm",
        lab=True,
    ),
    "red_team_planted": Study(
        about="the same where harm is rare: planted behind a word that a scene may have",
        settings="partwise.studies.red_team.settings:PlantedRedTeamConfig",
        runs="partwise.studies.red_team.study:run",
        shows="partwise.studies.red_team.page:page",
        lab=True,
    ),
    "red_team_planners": Study(
        about="the same over planners of a world, which do harm everywhere or where many are expected",
        settings="partwise.studies.red_team.settings:PlannersRedTeamConfig",
        runs="partwise.studies.red_team.study:run",
        shows="partwise.studies.red_team.page:page",
        lab=True,
    ),
    "gap_annealing": _built_in(
        "gap_annealing",
        "GapAnnealingConfig",
        "how far the next generation should be: fixed, scheduled and adaptive gaps, and two controls",
        lab=True,
    ),
    "ablation_progressive": _built_in(
        "ablation_progressive",
        "AblationProgressiveConfig",
        "the second paper's pipeline under other orders of its stages, and without a piece",
        lab=True,
    ),
    "drifting_ladder": _built_in(
        "drifting_ladder",
        "DriftingLadderConfig",
        "planners that climb while people's values move: what reaches the generations after it",
        lab=True,
    ),
}
"""The studies of this package by name."""

RUNS: Mapping[str, Study] = {
    "align": Study(
        about="the paper's loop on one planner",
        settings="partwise.config:AlignConfig",
        runs="partwise.loops.run:align",
        shows="partwise.report.run:run_page",
        of_runs=True,
    ),
    "progress": Study(
        about="generations of growing capacity: competence, risk discovery, value injection",
        settings="partwise.config:ProgressConfig",
        runs="partwise.loops.progress_run:progress",
        shows="partwise.report.ladder:ladder_page",
        lab=True,
        grows="partwise.loops.ladder_results:so_far",
    ),
    "weak_to_strong": Study(
        about="a strong model that learns from weaker ones",
        settings="partwise.config:WeakToStrongConfig",
        runs="partwise.loops.weak_to_strong:run",
        shows="partwise.studies.w2s.page:one_pair_page",
    ),
}
"""Single runs, by the kind that their directory names."""


@lru_cache
def studies() -> dict[str, Study]:
    """Every study by name, those of third parties too.

    Raises:
        LookupError: one of theirs can't be imported, or is no `Study`.
    """
    found = dict(STUDIES)
    for point in entry_points(group=GROUP):
        try:
            study = point.load()
        except (ImportError, AttributeError) as error:
            raise LookupError(f"The study `{point.name}` can't be loaded: {error}.") from error
        if not isinstance(study, Study):
            raise LookupError(f"The study `{point.name}` is no Study, but {type(study).__name__}.")
        found.setdefault(point.name, study)
    return found


def find_study(name: str) -> Study:
    """The study of that name.

    Raises:
        LookupError: there is none, with the nearest name.
    """
    known = studies()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        there = f"did you mean `{near[0]}`?" if near else f"there is {', '.join(f'`{s}`' for s in known)}."
        raise LookupError(f"There is no study `{name}`; {there}")
    return known[name]


def find_kind(kind: str) -> Study:
    """The single run or study whose directories name that kind.

    Raises:
        LookupError: there is none.
    """
    return RUNS[kind] if kind in RUNS else find_study(kind)


def known_kind(kind: str) -> Study | None:
    """The single run or study of that kind; None for one that is not installed here."""
    return RUNS.get(kind) or STUDIES.get(kind) or studies().get(kind)
