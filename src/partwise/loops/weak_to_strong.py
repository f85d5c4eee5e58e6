"""Weak-to-strong generalization: how far does a student get beyond the teacher that it learns from?

Burns et al. 2023, "Weak-to-Strong Generalization", section 3, and section 4.3 for bootstrapping:

    1  teacher  <- finetune(weak model, true labels of the teacher's examples)
    2  labels   <- teacher(the student's examples)
    3  student  <- finetune(strong model, labels)             by one of three losses
    4  ceiling  <- finetune(strong model, true labels of the same examples)
    5  PGR      <- (student - teacher) / (ceiling - teacher)  on examples that nobody has seen

Kim et al. 2025, section 3.3, count beside it how much of the student is imitation of its teacher's errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import DataConfig, FitConfig, LadderConfig, Loss, WeakToStrongConfig
from partwise.config.places import cache_folder
from partwise.data.plans import Cue, draw_plans
from partwise.data.public import load
from partwise.measure.intervals import rate
from partwise.measure.signatures import imitation_cascade
from partwise.measure.weak_to_strong import (
    accuracy_by_group,
    calibration,
    imitation_rate,
    performance_gap_recovered,
)
from partwise.models.hub import resolve_device
from partwise.models.scoring import load_classifier
from partwise.models.tiny import SIZES, count_parameters
from partwise.oversight.combine import Method, Panel
from partwise.oversight.signals import Flipped, ModelSource, Source, TrueLabels
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RESULTS, RunDir
from partwise.training.divergence import Diverged, divergence_of
from partwise.training.ladder import pretrained_rung, rule_book
from partwise.training.weak_to_strong import fit, targets
from partwise.types import Example, Signal

_CURVE_POINTS = 6
_CURVE_EXAMPLES = 300
"""Of either set, over which a curve is drawn: it is there to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Three sets of examples that share nothing: no plan and no rule, or no question."""

    teacher: Sequence[Example]
    student: Sequence[Example]
    test: Sequence[Example]
    left_out: int = 0
    """Rows of a public data set that make no example."""

    @property
    def compares(self) -> bool:
        """Whether an example is a choice between texts, rather than one text with a class."""
        return len(self.test[0].texts) > 1


@dataclass(frozen=True, slots=True)
class Models:
    """Where teachers and students come from, before they learn anything of the task."""

    ladder: LadderConfig
    seed: int
    cache: Path
    device: str = "cpu"

    def open(self, name: str, *, classes: int, head: int, listen: Listener) -> tuple[Any, Any]:
        """A classifier and its tokenizer: of the ladder, or of any name or folder that transformers opens."""
        source: str | Path = name
        if name in SIZES:
            with divergence_of(f"pretraining {name}"):
                source = pretrained_rung(
                    self.ladder,
                    name,
                    self.seed,
                    self.cache,
                    lambda done, total, _: listen(Progress(name, f"pretraining {name}", done, total)),
                )
        return load_classifier(source, classes=classes, seed=head, device=self.device)


def weak_to_strong(
    config: WeakToStrongConfig, setting: Setting, models: Models, listen: Listener
) -> dict[str, Any]:
    """The five lines above; what comes of them as JSON."""

    def learn(
        role: str, name: str, examples: Sequence[Example], source: Source, loss: Loss, head: int = 0
    ) -> Learned:
        how = config.fit.model_copy(update={"loss": loss})
        seed = config.seed + 1000 * head
        return learned(role, name, examples, source, how, models, setting.test, seed=seed, listen=listen)

    truth = TrueLabels()
    teachers = [
        learn("teacher", name, setting.teacher, truth, Loss.CROSS_ENTROPY, head)
        for head, name in enumerate(config.teachers)
    ]
    supervision = _one([teacher.source for teacher in teachers], config)
    between: list[Learned] = []
    for name in config.through:
        above = between[-1].source if between else supervision
        between.append(learn("between", name, setting.student, above, config.fit.loss))
    above = between[-1].source if between else supervision
    student = learn("student", config.student, setting.student, above, config.fit.loss)
    ceiling = learn("ceiling", config.student, setting.student, truth, Loss.CROSS_ENTROPY)
    floor = supervision.signals(setting.test)
    answers = {"teacher": floor, "student": student.answers, "ceiling": ceiling.answers}
    larger = [each.name for each in teachers if each.parameters > student.parameters]
    return {
        **({"larger_teachers": larger} if larger else {}),
        "schema": 1,
        "data": config.data.name,
        "left_out": setting.left_out,
        "names": {
            "teachers": list(config.teachers),
            "through": list(config.through),
            "student": config.student,
            "loss": str(config.fit.loss),
        },
        "teachers": [{"name": each.name, **each.measured(setting.test)} for each in teachers],
        "teacher": measured(floor, setting.test),
        "student": student.measured(setting.test),
        "ceiling": ceiling.measured(setting.test),
        "through": [{"name": each.name, **each.measured(setting.test)} for each in between],
        **compared(floor, student.answers, ceiling.answers, setting.test, seed=config.seed),
        "answers": [_transcript(example, index, answers) for index, example in enumerate(setting.test)],
    }


def _transcript(
    example: Example, index: int, answers: Mapping[str, Sequence[Signal | None]]
) -> dict[str, Any]:
    """What each said of one example of the test."""
    said = {name: signals[index] for name, signals in answers.items()}
    return {
        "texts": list(example.texts),
        "group": example.group,
        "truth": example.label,
        **{
            name: None
            if signal is None
            else {"label": signal.label, "confidence": round(signal.confidence, 4)}
            for name, signal in said.items()
        },
    }


def run(config: WeakToStrongConfig, out: Path, listen: Listener, cache: Path | None = None) -> dict[str, Any]:
    """Run it into a directory: `results.json`, and in `answers.jsonl` what each said of each example.

    Where that was done already, it is not done again.

    Args:
        config: all of it.
        out: the run's directory.
        listen: told of progress.
        cache: folder of the ladder's models; None for the user's own.

    Raises:
        RunError: `out` holds another run, or the disk is full.
        DataError: public data can't be found or is bad.
        ModelError: a model can't be opened.
        TextError: a text is longer than a model reads, and `fit.longest` does not cut it.
        Diverged: a model's loss or weights are no longer finite.
    """
    device = str(resolve_device(config.device))
    setting = setting_of(config)
    directory = RunDir.create(out, "weak_to_strong", config)
    with directory.locked():
        if directory.is_finished():
            return directory.read_json(RESULTS)
        models = Models(config.ladder, config.seed, cache or cache_folder() / "ladder", device)
        results = _named(weak_to_strong(config, setting, models, listen), directory)
        answers = results.pop("answers")
        lines = (json.dumps(row, ensure_ascii=False) for row in answers)
        directory.write_text("answers.jsonl", "\n".join(lines) + "\n")
        directory.write_json(RESULTS, results)
    return results


def _named(results: dict[str, Any], directory: RunDir) -> dict[str, Any]:
    """Models under the names that they had been given: a run that goes on knows them by absolute paths."""
    names = {
        key: directory.as_given(named) if isinstance(named, str) else [directory.as_given(n) for n in named]
        for key, named in results["names"].items()
    }
    if "larger_teachers" in results:
        results["larger_teachers"] = [directory.as_given(name) for name in results["larger_teachers"]]
    rows = {
        key: [row | {"name": directory.as_given(row["name"])} for row in results[key]]
        for key in ("teachers", "through")
    }
    return results | {"names": names} | rows


def _one(sources: Sequence[Source], config: WeakToStrongConfig) -> Source:
    named = [_Named(f"{source.name} {index + 1}", source) for index, source in enumerate(sources)]
    one: Source = sources[0] if len(sources) == 1 else Panel(named, Method(config.combine))
    return Flipped(one, config.flips, seed=str(config.seed)) if config.flips else one


@dataclass(frozen=True, slots=True)
class _Named:
    """A source under a name of its own: two teachers may be of one size."""

    name: str
    source: Source

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        return self.source.signals(examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A model that has learned, and what it answers to the test's examples."""

    name: str
    source: Source
    answers: Sequence[Signal | None]
    shortened: Mapping[str, int]
    """Examples of which a text was cut to `fit.longest` tokens: of those it learned from, and of the test."""
    parameters: int
    curve: Sequence[Mapping[str, float]]
    """By step: share of the training signals that it gives itself, and of the test that it has right."""

    def measured(self, test: Sequence[Example]) -> dict[str, Any]:
        """Accuracy, calibration and curve as JSON."""
        return {
            **measured(self.answers, test),
            "shortened": dict(self.shortened),
            "curve": [dict(point) for point in self.curve],
        }


def learned(
    role: str,
    name: str,
    examples: Sequence[Example],
    supervision: Source,
    config: FitConfig,
    models: Models,
    test: Sequence[Example],
    *,
    seed: int,
    listen: Listener,
) -> Learned:
    """A model that is finetuned on what `supervision` says of `examples`.

    Raises:
        Diverged: its loss or weights, or all answers of the supervision, are not finite; the sentence has its
            role, since student and ceiling are of one name.
    """
    compares = len(test[0].texts) > 1
    model, tokenizer = models.open(name, classes=1 if compares else 2, head=seed, listen=listen)
    source = ModelSource(name, model, tokenizer, longest=config.longest)
    signals = supervision.signals(examples)
    curve: list[dict[str, float]] = []

    def follow(step: int, steps: int) -> None:
        failing = imitation_cascade([p["train"] for p in curve], [p["test"] for p in curve]).fired
        doing = f"{name} learns from {supervision.name}" + (", imitation cascade" if failing else "")
        listen(Progress(name, doing, step, steps))
        if step == steps or step % max(1, steps // _CURVE_POINTS) == 0:
            seen, said = examples[:_CURVE_EXAMPLES], signals[:_CURVE_EXAMPLES]
            curve.append(
                {
                    "step": step,
                    "train": _agreement(source.signals(seen), [s.label if s else None for s in said]),
                    "test": _agreement(
                        source.signals(test[:_CURVE_EXAMPLES]), [e.label for e in test[:_CURVE_EXAMPLES]]
                    ),
                }
            )
            model.train()

    # Before anything is learned: a text that is too long for the model is said at once.
    source.check([*examples, *test])
    if not any(signals):
        raise Diverged(
            f"Training diverged: {supervision.name}, of which the {role} {name} was to learn, has no finite "
            "answer to any example; lower fit.learning_rate."
        )
    with divergence_of(f"{role} {name}, learning from {supervision.name}"):
        fit(model, tokenizer, examples, targets(examples, signals, 2), config, seed=seed, listen=follow)
    return Learned(
        name=name,
        source=source,
        answers=source.signals(test),
        shortened={"train": source.shortened(examples), "test": source.shortened(test)},
        parameters=count_parameters(model),
        curve=curve,
    )


def measured(answers: Sequence[Signal | None], test: Sequence[Example]) -> dict[str, Any]:
    """Accuracy, also by group, and calibration; what has no answer is counted apart."""
    given = [(s, e) for s, e in zip(answers, test, strict=True) if s is not None]
    right = [s.label == e.label for s, e in given]
    calibrated = calibration([s.confidence for s, _ in given], right)
    groups = accuracy_by_group([e for _, e in given], [s.label for s, _ in given])
    return {
        "accuracy": rate(right).to_json(),
        "groups": {group: figure.to_json() for group, figure in groups.items() if group},
        "calibration_error": calibrated.error.to_json(),
        "brier": calibrated.brier.to_json(),
        "unanswered": len(answers) - len(given),
    }


def compared(
    floor: Sequence[Signal | None],
    student: Sequence[Signal | None],
    ceiling: Sequence[Signal | None],
    test: Sequence[Example],
    *,
    seed: int,
) -> dict[str, Any]:
    """PGR and imitation rate, over the examples that all three answer."""
    rows = [
        (f.label, s.label, c.label, e.label)
        for f, s, c, e in zip(floor, student, ceiling, test, strict=True)
        if f is not None and s is not None and c is not None
    ]
    weak, strong, best, true = (list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 4
    right = [[a == t for a, t in zip(column, true, strict=True)] for column in (weak, strong, best)]
    return {
        "pgr": performance_gap_recovered(*right, seed=seed).to_json(),
        "imitation": imitation_rate(strong, weak, true).to_json(),
    }


def _agreement(answers: Sequence[Signal | None], labels: Sequence[int | None]) -> float:
    same = [
        s.label == label
        for s, label in zip(answers, labels, strict=True)
        if s is not None and label is not None
    ]
    return sum(same) / max(1, len(same))


def plans_setting(data: DataConfig, ladder: LadderConfig, seed: int) -> Setting:
    """Plans in which easy and hard cues occur alone and together.

    Teacher, student and test look up different rules of the one book. The teacher's plans carry each cue, and
    both, in equal shares; the student's as the overlap dial says (Shin et al. 2024: weak-to-strong
    generalization lives on the overlap); the test's are the same wherever the dial stands.
    """
    teacher, student, test = rule_book(ladder, seed).parts(3, seed)
    rest, easier = (1 - data.overlap) / 2, (1 - data.hard) / 2
    tested = draw_plans(
        f"test {seed}", test, {Cue.EASY: easier, Cue.HARD: data.hard, Cue.BOTH: easier}, data.test
    )
    taught = draw_plans(f"teacher {seed}", teacher, dict.fromkeys(Cue, 1 / 3), data.train, besides=tested)
    own = draw_plans(
        f"student {seed}",
        student,
        {Cue.EASY: rest, Cue.HARD: rest, Cue.BOTH: data.overlap},
        data.train,
        besides=[*tested, *taught],
    )
    return Setting(
        teacher=[plan.example for plan in taught],
        student=[plan.example for plan in own],
        test=[plan.example for plan in tested],
    )


def public_setting(data: DataConfig, seed: int) -> Setting:
    """A public data set; teacher and student halve the questions of its training split.

    Raises:
        DataError: it can't be found or is bad; the message names file, row and column.
    """
    splits = load(data.name, data.source, seed=seed, drop=data.drop)
    teacher, student = splits.halves(data.train)
    return Setting(teacher=teacher, student=student, test=splits.test[: data.test], left_out=splits.left_out)


def setting_of(config: WeakToStrongConfig) -> Setting:
    """The data that a configuration names.

    Raises:
        DataError: public data can't be found or is bad.
        ValueError: there are not so many different plans.
    """
    if config.data.name == "plans":
        return plans_setting(config.data, config.ladder, config.seed)
    return public_setting(config.data, config.seed)
