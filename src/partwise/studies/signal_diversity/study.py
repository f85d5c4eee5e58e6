"""The cells of the study: sources, how they are combined, and a student of each."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from partwise.loops.weak_to_strong import Setting, measured, plans_setting
from partwise.measure.beyond import peer_review
from partwise.measure.contrasts import check_primary
from partwise.measure.diversity import accuracies, error_correlation, marginal_benefit
from partwise.oversight.combine import Method, combine
from partwise.oversight.signals import ModelSource, Source, TrueLabels
from partwise.report.page import write_results
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.grid.rungs import ladder_models, rung_cells
from partwise.studies.signal_diversity.figures import collect, contrasted
from partwise.studies.signal_diversity.page import page
from partwise.studies.signal_diversity.settings import SignalDiversityConfig
from partwise.studies.signal_diversity.sources import (
    FAIR,
    MIND_ALL,
    NO_WASTE,
    PEOPLE,
    READERS,
    SETTINGS,
    SURE,
    comparisons,
    person,
    share_of,
)
from partwise.training.weak_to_strong import fit, targets
from partwise.types import Example, Signal

_CROWD = (Method.DAWID_SKENE, Method.GLAD)
_MEANT = (Method.MAJORITY, Method.CONFIDENCE, Method.DAWID_SKENE)
"""Methods of which the benefit of the n-th source is averaged over orders; GLAD is too slow for that."""


def run(config: SignalDiversityConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, a table and pictures into `out`.

    Without the extra `lab`, what needs it is left out, and the results name it.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    asked = _settled(config)
    check_primary(config.primary, contrasted(SETTINGS, asked.methods))
    directory = RunDir.create(out, "signal_diversity", config)
    with directory.locked():

        def cells(those: Sequence[Cell]) -> dict[str, dict[str, Any]]:
            return run_cells(those, directory, listen, processes=config.processes)

        learners = dict.fromkeys((asked.student, *reversed(asked.ladder.sizes[:2])))
        cells(rung_cells(asked.ladder, asked.all_seeds, learners))
        said = cells(source_cells(asked))
        students = cells(student_cells(asked, said))
        results = {
            "schema": 2,
            "seeds": config.seeds,
            "first": config.first,
            "quick": config.quick,
            "examples": {"train": asked.data.train, "test": asked.data.test},
            "student": asked.student,
            "left_out": left_out(),
            **collect(
                asked.all_seeds, SETTINGS, [str(m) for m in asked.methods], said, students, config.primary
            ),
        }
        write_results(directory, results, page(results))
    return results


def _settled(config: SignalDiversityConfig) -> SignalDiversityConfig:
    """What is run: little of it if quick, and without what is not installed."""
    changed: dict[str, Any] = {}
    if config.quick:
        changed["data"] = config.data.model_copy(update={"train": 600, "test": 500})
    methods = ("majority", "dawid-skene") if config.quick else config.methods
    changed["methods"] = tuple(m for m in methods if m not in _CROWD or _installed("crowdkit"))
    return config.model_copy(update=changed)


def left_out() -> list[str]:
    """What can't be done without the extra `lab`, where it is not installed."""
    crowd = [] if _installed("crowdkit") else [str(method) for method in _CROWD]
    return crowd + ([] if _installed("choix") else ["peer review"])


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def source_cells(config: SignalDiversityConfig) -> list[Cell]:
    """The sources of each setting."""
    return [
        Cell(
            name=f"seed-{seed}/{setting}/sources",
            work=sources,
            arguments={"config": config, "seed": seed, "setting": setting},
        )
        for seed in config.all_seeds
        for setting in SETTINGS
    ]


def sources(listen: Listener, *, config: SignalDiversityConfig, seed: int, setting: str) -> dict[str, Any]:
    """What six sources say of the student's plans, and what they are worth by themselves and together."""
    data = plans_setting(config.data, config.ladder, seed)
    answers = {
        source.name: source.signals(data.student)
        for source in _six(config, data, seed=seed, setting=setting, listen=listen)
    }
    found = error_correlation(answers, data.student)
    listen(Progress(setting, "comparing sources", 1, 2))
    return {
        "said": {name: [_packed(s) for s in said] for name, said in answers.items()},
        "accuracy": {name: m.mean for name, m in accuracies(answers, data.student).items()},
        "correlation": [[each.mean for each in row] for row in found.matrix],
        "mean_correlation": found.mean.mean,
        "marginal": {
            str(method): [
                {"accuracy": each.accuracy.mean, "benefit": each.benefit.mean}
                for each in marginal_benefit(answers, data.student, method)
            ]
            for method in _MEANT
            if method in config.methods
        },
        "review": _review(answers, data.student, seed) if _installed("choix") else None,
    }


def _six(
    config: SignalDiversityConfig, data: Setting, *, seed: int, setting: str, listen: Listener
) -> list[Source]:
    people = [
        person(name, profile, data.student, rationality=rationality, seed=seed)
        for name, profile, rationality in PEOPLE[setting]
    ]
    models: list[Source] = []
    for head, reader in enumerate(READERS[setting]):
        plans = share_of(data.teacher, reader.plans)
        teacher: Source = TrueLabels()
        if setting == "shared":
            teacher = person("teacher", NO_WASTE, plans, rationality=SURE, seed=seed)
        models.append(
            _learned(
                reader.name,
                config.ladder.sizes[reader.rung],
                plans,
                teacher.signals(plans),
                config,
                seed=seed,
                head=seed + 1000 * head,
                listen=listen,
            )
        )
    return [*models, *people]


def _learned(
    name: str,
    size: str,
    plans: Sequence[Example],
    signals: Sequence[Signal | None],
    config: SignalDiversityConfig,
    *,
    seed: int,
    head: int,
    listen: Listener,
) -> ModelSource:
    model, tokenizer = ladder_models(config.ladder, seed).open(size, classes=2, head=head, listen=listen)
    fit(
        model,
        tokenizer,
        plans,
        targets(plans, signals, 2),
        config.fit,
        seed=head,
        listen=lambda step, steps: listen(Progress(name, f"{name} learns", step, steps)),
    )
    return ModelSource(name, model, tokenizer, longest=config.fit.longest)


def _review(
    answers: Mapping[str, Sequence[Signal | None]], plans: Sequence[Example], seed: int
) -> dict[str, Any]:
    """Sources rank each other and a fair person, by what they would have said themselves."""
    fair = person(FAIR, MIND_ALL, plans, rationality=SURE, seed=seed).signals(plans)
    under = {**answers, FAIR: fair}
    truth = {name: m.mean or 0.0 for name, m in accuracies(under, plans).items()}
    found = peer_review(comparisons(under, judges=list(answers)), truth)
    strengths = {name: strength.mean or 0.0 for name, strength in found.strengths.items()}
    rank = 1 + sum(s > strengths[FAIR] for name, s in strengths.items() if name != FAIR)
    return {"tau": found.tau.mean, "strengths": strengths, "fair_rank": rank}


def _packed(signal: Signal | None) -> tuple[int, float] | None:
    return None if signal is None else (signal.label, round(signal.confidence, 6))


def _unpacked(name: str, packed: Sequence[Any], plans: Sequence[Example]) -> list[Signal | None]:
    return [
        None if said is None else Signal(example=plan.key, label=said[0], confidence=said[1], source=name)
        for said, plan in zip(packed, plans, strict=True)
    ]


def student_cells(config: SignalDiversityConfig, said: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    """The students: of each source alone, of two to six together by each method, and of true labels."""
    found: list[Cell] = []
    for seed in config.all_seeds:
        given = {"config": config, "seed": seed}
        found.append(Cell(name=f"seed-{seed}/ceiling", work=ceiling, arguments=given))
        for setting in SETTINGS:
            heard = {**given, "said": said[f"seed-{seed}/{setting}/sources"]["said"]}
            found.append(Cell(name=f"seed-{seed}/{setting}/alone", work=alone, arguments=heard))
            found += [
                Cell(
                    name=f"seed-{seed}/{setting}/{method}",
                    work=together,
                    arguments={**heard, "method": method},
                )
                for method in config.methods
            ]
    return found


def ceiling(listen: Listener, *, config: SignalDiversityConfig, seed: int) -> dict[str, Any]:
    """The student that learns from true labels."""
    data = plans_setting(config.data, config.ladder, seed)
    return _student(config, data, TrueLabels().signals(data.student), seed, "true labels", listen)


def alone(
    listen: Listener, *, config: SignalDiversityConfig, seed: int, said: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """A student of each source."""
    data = plans_setting(config.data, config.ladder, seed)
    return {
        name: _student(config, data, _unpacked(name, packed, data.student), seed, name, listen)
        for name, packed in said.items()
    }


def together(
    listen: Listener,
    *,
    config: SignalDiversityConfig,
    seed: int,
    said: Mapping[str, Sequence[Any]],
    method: Method,
) -> dict[str, Any]:
    """A student of the first two sources to join, of the first three, and so on."""
    data = plans_setting(config.data, config.ladder, seed)
    # The order is the same for every method and in both settings.
    order = random.Random(f"order {seed}").sample(list(said), len(said))
    found: dict[str, Any] = {"order": order}
    for n in range(2, len(order) + 1):
        answers = [_unpacked(name, said[name], data.student) for name in order[:n]]
        found[str(n)] = _student(
            config, data, combine(answers, method), seed, f"{n} sources by {method}", listen
        )
    return found


def _student(
    config: SignalDiversityConfig,
    data: Setting,
    signals: Sequence[Signal | None],
    seed: int,
    what: str,
    listen: Listener,
) -> dict[str, Any]:
    student = _learned(
        f"student of {what}",
        config.student,
        data.student,
        signals,
        config,
        seed=seed,
        head=seed,
        listen=listen,
    )
    right = [s.label == e.label for s, e in zip(signals, data.student, strict=True) if s is not None]
    return {"labels": sum(right) / len(right), **measured(student.signals(data.test), data.test)}
