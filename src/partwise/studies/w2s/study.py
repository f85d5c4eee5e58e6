"""The cells of the study: all on the same data, models and seeds, under the same teachers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from partwise.config import FitConfig, Loss
from partwise.data.plans import Cue
from partwise.loops.weak_to_strong import Learned, Setting, compared, learned, measured, plans_setting
from partwise.measure.contrasts import check_primary
from partwise.measure.weak_to_strong import imitation_rate
from partwise.oversight.signals import Source, TrueLabels
from partwise.report.page import write_results
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.grid.rungs import ladder_models, rung_cells
from partwise.studies.w2s.figures import BOOTSTRAP, PROBE, ceiling_of, collect, contrasted
from partwise.studies.w2s.page import page
from partwise.studies.w2s.settings import WeakToStrongStudyConfig
from partwise.types import Example


def run(config: WeakToStrongStudyConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, a table and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    settled = quickly(config) if config.quick else config
    check_primary(config.primary, contrasted(settled))
    directory = RunDir.create(out, "w2s", config)
    with directory.locked():
        found: dict[str, dict[str, Any]] = {}
        rungs = rung_cells(settled.ladder, settled.all_seeds, reversed(settled.ladder.sizes))
        for cells in (rungs, pair_cells(settled)):
            found |= run_cells(cells, directory, listen, processes=config.processes)
        results = collect(settled, found)
        write_results(directory, results, page(results))
    return results


def quickly(config: WeakToStrongStudyConfig) -> WeakToStrongStudyConfig:
    """Whether it works, not what it says."""
    data = config.data.model_copy(update={"test": 500})
    ladder = config.ladder.model_copy(update={"sizes": config.ladder.sizes[:3]})
    ends = tuple(dict.fromkeys((config.overlaps[0], config.overlaps[-1])))
    return config.model_copy(update={"data": data, "ladder": ladder, "overlaps": ends})


def pair_cells(config: WeakToStrongStudyConfig) -> list[Cell]:
    """A student under all its teachers at one setting of the dial; and each size beyond what it learned."""
    given = [{"config": config, "seed": seed} for seed in config.all_seeds]
    return [
        Cell(
            name=f"seed-{each['seed']}/overlap-{overlap:g}-{size}",
            work=student,
            arguments={**each, "overlap": overlap, "size": size},
        )
        for each in given
        for overlap in config.overlaps
        for size in reversed(config.ladder.sizes)
    ] + [
        Cell(name=f"seed-{each['seed']}/surrogate-{size}", work=surrogate, arguments={**each, "size": size})
        for each in given
        for size in config.ladder.sizes
    ]


def student(
    listen: Listener, *, config: WeakToStrongStudyConfig, seed: int, overlap: float, size: str
) -> dict[str, Any]:
    """One student under each weaker teacher and each loss, finetuned and probed, and its ceilings."""
    data = plans_setting(config.data.model_copy(update={"overlap": overlap}), config.ladder, seed)
    models, truth = ladder_models(config.ladder, seed), TrueLabels()

    def learn(role: str, name: str, examples: Sequence[Example], source: Source, fit: FitConfig) -> Learned:
        return learned(role, name, examples, source, fit, models, data.test, seed=seed, listen=listen)

    def ways(source: Source) -> dict[str, Learned]:
        """A student under one teacher, by each loss, finetuned and probed."""
        return {
            prefix + loss: learn("student", size, data.student, source, with_loss(fit, loss))
            for prefix, fit in (("", config.fit), (PROBE, config.probe))
            for loss in Loss
        }

    plain, confident = (with_loss(config.fit, loss) for loss in (Loss.CROSS_ENTROPY, Loss.CONFIDENCE))
    ceilings = {
        "finetuned": learn("ceiling", size, data.student, truth, plain),
        "probed": learn("ceiling", size, data.student, truth, with_loss(config.probe, Loss.CROSS_ENTROPY)),
    }
    weaker = config.ladder.sizes[: config.ladder.sizes.index(size)]
    pairs: dict[str, Any] = {}
    for position, name in enumerate(weaker):
        teacher = learn("teacher", name, data.teacher, truth, plain)
        students = ways(teacher.source)
        chain = [teacher]
        if between := weaker[position + 1 :]:
            for each in (*between, size):
                role = "student" if each == size else "between"
                chain.append(learn(role, each, data.student, chain[-1].source, confident))
            students[BOOTSTRAP] = chain[-1]
        pairs[name] = {
            **_pair(teacher, students, ceilings, data, seed),
            "generations": [_repeated(*each, data.test) for each in pairwise(chain)],
        }
    return {"ceilings": {way: each.measured(data.test) for way, each in ceilings.items()}, "pairs": pairs}


def with_loss(fit: FitConfig, loss: Loss) -> FitConfig:
    """The same, by another loss."""
    return fit.model_copy(update={"loss": loss})


def _pair(
    teacher: Learned,
    students: Mapping[str, Learned],
    ceilings: Mapping[str, Learned],
    data: Setting,
    seed: int,
) -> dict[str, Any]:
    """Each student between its teacher and the ceiling of its own way to learn."""
    return {
        "teacher": measured(teacher.answers, data.test),
        "labels": measured(teacher.source.signals(data.student), data.student),
        "arms": {
            arm: {
                **each.measured(data.test),
                **compared(
                    teacher.answers, each.answers, ceilings[ceiling_of(arm)].answers, data.test, seed=seed
                ),
            }
            for arm, each in students.items()
        },
    }


def _repeated(teacher: Learned, student: Learned, test: Sequence[Example]) -> dict[str, Any]:
    """The imitation rate of one generation: how many errors of the one before it a student repeats."""
    rows = [
        (said.label, taught.label, example.label)
        for said, taught, example in zip(student.answers, teacher.answers, test, strict=True)
        if said is not None and taught is not None
    ]
    return imitation_rate(*([row[column] for row in rows] for column in range(3))).to_json()


def surrogate(listen: Listener, *, config: WeakToStrongStudyConfig, seed: int, size: str) -> dict[str, Any]:
    """Judgment that was trained where the easy cue is at hand, and what it is worth where it is not.

    Kim et al. 2025, section 4.3: train on tasks that people can assess, test where the oracle still knows.
    """
    data = plans_setting(config.data, config.ladder, seed)
    easier = [example for example in data.teacher if example.group != Cue.HARD]
    found = learned(
        "surrogate",
        size,
        easier,
        TrueLabels(),
        with_loss(config.fit, Loss.CROSS_ENTROPY),
        ladder_models(config.ladder, seed),
        data.test,
        seed=seed,
        listen=listen,
    )
    listen(Progress(size, "judging", 1, 1))
    return {
        "verdicts": [
            {
                "level": int(example.group == Cue.HARD),
                "judged": round(said.confidence if said.label else 1 - said.confidence, 6),
                "truth": bool(example.label),
            }
            for said, example in zip(found.answers, data.test, strict=True)
            if said is not None
        ]
    }
