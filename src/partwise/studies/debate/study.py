"""The cells of the study.

Every pair of strengths argues about every plan, without knowing who is honest. Only then the oracle
says which side was right, which sorts the debates into those of honest debaters weaker than the
dishonest ones, as strong, or stronger.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from partwise.composition.language import parse_decomposition
from partwise.composition.sandbox import Sandbox
from partwise.loops.seats import check_debater, debater
from partwise.measure.contrasts import check_primary
from partwise.measure.oracle import ValueOracle
from partwise.models.tiny import count_parameters
from partwise.models.tokenizer import build_tokenizer
from partwise.oversight.debate import (
    Case,
    ClassifierJudge,
    Debate,
    Judge,
    Side,
    Speaker,
    Spoken,
    Talk,
    Voice,
    consult,
    debate,
    hear,
    judge_model,
    unaided,
)
from partwise.oversight.signals import Persona
from partwise.report.page import write_results
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir
from partwise.studies.debate.figures import (
    SPOKEN,
    STRENGTHS,
    Heard,
    collect,
    compared,
    figures,
    middle,
    sort_out,
    sort_out_spoken,
    transcripts,
    unread,
)
from partwise.studies.debate.page import page
from partwise.studies.debate.settings import DebateConfig
from partwise.studies.grid.cells import Cell, run_cells
from partwise.training.weak_to_strong import fit, targets
from partwise.types import Example, Option, Signal, Split, Task
from partwise.worlds.base import World
from partwise.worlds.registry import load_world

FINE = 1
"""The judge's label of a plan that nobody holds anything against."""
_TASKS_A_SEED = 100_000
_TRIES = 200
"""Plans run on one task before it is given up for want of one of the kind looked for."""


def run(config: DebateConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, a table and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
        ModelError: `model` can't be asked; or can't go on for now, and what it has said is kept.
    """
    asked = _quick(config)
    check_primary(config.primary, compared(asked.turns, spoken=config.model is not None))
    if config.model is not None:
        check_debater(load_world(config.world), config.model, config.asked, config.device)
    directory = RunDir.create(out, "debate", config)
    with directory.locked():
        found = run_cells(cells(asked), directory, listen, processes=config.processes)
        results = {
            "schema": 2,
            "seeds": len(found),
            "first": config.first,
            "quick": config.quick,
            "plans": asked.plans,
            "lessons": asked.lessons,
            **collect(list(found.values()), config.primary),
        }
        write_results(directory, results, page(results))
    return results


def _quick(config: DebateConfig) -> DebateConfig:
    if not config.quick:
        return config
    few = {"turns": config.turns[:1], "plans": min(80, config.plans), "lessons": min(600, config.lessons)}
    return config.model_copy(update=few)


def cells(config: DebateConfig) -> list[Cell]:
    """A judge and all that is argued before it, a seed."""
    return [
        Cell(name=f"seed-{seed}", work=hear_all, arguments={"config": config, "seed": seed})
        for seed in config.all_seeds
    ]


# The plans. ---------------------------------------------------------------------------------------


def run_plans(world: World, share: float, rng: random.Random) -> Iterator[str]:
    """Plans without end: compositions as found in the wild, of parts of which `share` are the reference."""
    for demonstration in world.demonstrations(rng):
        entries = [world.catalogue[t.name] for t in parse_decomposition(demonstration.decomposition)]
        parts = [
            entry.implementations[0] if rng.random() < share else rng.choice(entry.implementations)
            for entry in entries
        ]
        yield "\n".join([*(part.source for part in parts), demonstration.composition])


Verdict = Callable[[Case], bool | None]
"""Whether a plan is fine; None leaves it out."""


def find_cases(
    world: World,
    config: DebateConfig,
    tasks: Iterator[Task],
    verdict: Verdict,
    count: int,
    *,
    shortest: int,
    rng: random.Random,
) -> tuple[list[tuple[Case, bool]], int]:
    """One plan a task that ran to its end in `shortest` events or more: in turn a fine one and another.

    Returns:
        The cases with the verdict on them, and the number of tasks that were given up.
    """
    sources = run_plans(world, config.reference, rng)
    found: list[tuple[Case, bool]] = []
    given_up = 0
    with Sandbox() as sandbox:
        while len(found) < count:
            task, wanted = next(tasks), len(found) % 2 == 0
            for source in itertools.islice(sources, _TRIES):
                done = sandbox.run(source, world.episode(task), world.tools)
                case = Case(task, done.trace)
                if done.ran and len(done.trace) >= shortest and verdict(case) is wanted:
                    found.append((case, wanted))
                    break
            else:
                given_up += 1
                if given_up > count:
                    raise ValueError(
                        f"too few plans of the world {world.name} are "
                        f"{'fine' if wanted else 'at fault'} to balance them: change `reference` or `hard`"
                    )
    return found, given_up


def tasks_of(world: World, split: Split, seed: int, easiest: float, hardest: float) -> Iterator[Task]:
    """Tasks of a split within a range of difficulty; two seeds start too far apart to share any."""
    for index in itertools.count(_TASKS_A_SEED * (seed + 1)):
        task = world.task(split, index)
        if easiest <= task.difficulty <= hardest:
            yield task


def easy_plans(world: World, config: DebateConfig, seed: int) -> list[tuple[Case, Signal]]:
    """What the judge learns from: easy plans, and what a person says of them. The oracle is not asked."""

    def says(case: Case) -> Signal:
        return person_says(world, case, config.rationality, seed)

    found, _ = find_cases(
        world,
        config,
        tasks_of(world, Split.TRAIN, seed, 0.0, config.easy),
        lambda case: says(case).label == FINE,
        config.lessons,
        shortest=1,
        rng=random.Random(f"lessons {seed}"),
    )
    return [(case, says(case)) for case, _ in found]


def hard_plans(
    world: World, oracle: ValueOracle, config: DebateConfig, seed: int
) -> tuple[list[tuple[Case, bool]], int]:
    """What is argued about: plans that are fine and plans with one fault; with more it would be easy to see.

    Returns:
        The plans and the truth about them, and the number of tasks that were given up.
    """

    def truth(case: Case) -> bool | None:
        found = oracle.violations(case.task, case.trace)
        faults = sum(violated and world.values.matters(name) for name, violated in found.items())
        return {0: True, 1: False}.get(faults)

    return find_cases(
        world,
        config,
        tasks_of(world, Split.HELDOUT, seed, config.hard, 1.0),
        truth,
        config.plans,
        shortest=max(config.turns),
        rng=random.Random(f"plans {seed}"),
    )


# The judge. ---------------------------------------------------------------------------------------


def person_says(world: World, case: Case, rationality: float, seed: int) -> Signal:
    """What a simulated person who reads all that an easy plan did says of it: label `FINE` or 0.

    They are asked what they hold against it, not whether it did the job: that counts as done.
    """
    text = case.text(range(len(case.trace)))
    undone = Option(text="It is left undone.", consequences={}, useful=0.0)
    done = replace(world.summary_option(case.task, case.trace, text), useful=1.0)
    person = Persona("person", world.values, {text: (undone, done)}, rationality=rationality, seed=str(seed))
    # The true answer is not known here: the example's label stands for nothing, and is not read.
    (said,) = person.signals([Example(key=text, texts=(text,), label=0)])
    assert said is not None
    return said


def train_judge(
    config: DebateConfig, lessons: Sequence[tuple[Case, Signal]], seed: int, listen: Listener
) -> tuple[ClassifierJudge, int]:
    """A classifier from random weights that has learned from some events of each lesson; its parameters."""
    rng = random.Random(f"views {seed}")
    examples: list[Example] = []
    signals: list[Signal] = []
    for (case, said), _ in itertools.product(lessons, range(config.views)):
        every = len(case.trace)
        shown = every if rng.random() < config.whole else rng.randint(0, max(config.turns))
        text = case.text(rng.sample(range(every), min(shown, every)))
        examples.append(Example(key=text, texts=(text,), label=0))
        signals.append(replace(said, example=text))
    tokenizer = build_tokenizer(example.texts[0] for example in examples)
    model = judge_model(config.size, tokenizer, seed)
    fit(
        model,
        tokenizer,
        examples,
        targets(examples, signals, 2),
        config.fit,
        seed=seed,
        listen=lambda done, total: listen(Progress("judge", "the judge learns", done, total)),
    )
    return ClassifierJudge(model, tokenizer, fine=FINE), count_parameters(model)


# What is argued. ----------------------------------------------------------------------------------


def hear_all(listen: Listener, *, config: DebateConfig, seed: int) -> dict[str, Any]:
    """One judge, and all that is argued before it."""
    world = load_world(config.world)
    oracle = ValueOracle(world, world.values)
    listen(Progress("judge", "plans to learn from", 0, 0))
    lessons = easy_plans(world, config, seed)
    judge, parameters = train_judge(config, lessons, seed, listen)
    # From here on all is evaluation: the oracle chooses the plans and says who was honest.
    hard, given_up = hard_plans(world, oracle, config, seed)
    voice = debater(world, config.model, config.asked, config.device) if config.model else None
    said = {str(turns): argue(judge, hard, turns, seed, listen, voice) for turns in config.turns}
    shown = said[str(middle(config.turns))]
    read = judge([(case, frozenset(range(len(case.trace)))) for case, _ in hard])
    whole = [Heard(Debate(word, ()), fine, None) for word, (_, fine) in zip(read, hard, strict=True)]
    wrong = [oracle.aligned(case.task, case.trace) != (said.label == FINE) for case, said in lessons]
    events = fmean(len(case.trace) for case, _ in hard)
    spoken = {name: unread(heard) for name, heard in shown.items() if SPOKEN in name}
    return {
        "seed": seed,
        "judge": {"parameters": parameters, "taught_wrongly": fmean(wrong)},
        "plans": {
            "fine": sum(fine for _, fine in hard),
            "at_fault": sum(not fine for _, fine in hard),
            "tasks_given_up": given_up,
            "events": events,
            "events_of_lessons": fmean(len(case.trace) for case, _ in lessons),
        },
        "whole": figures(whole) | {"events": events},
        "conditions": {
            turns: {name: figures(heard) for name, heard in conditions.items()}
            for turns, conditions in said.items()
        },
        **({"unread": spoken} if spoken else {}),
        "transcripts": transcripts(hard, shown),
    }


def argue(
    judge: Judge,
    cases: Sequence[tuple[Case, bool]],
    turns: int,
    seed: int,
    listen: Listener,
    voice: Voice | None = None,
) -> dict[str, list[Heard]]:
    """Every condition with so many turns; the same chance in each, so that they can be compared by plan."""
    total = 3 + len(STRENGTHS) ** 2 + (3 if voice else 0)
    steps = itertools.count()

    def heard(start: Callable[[Case, random.Random], Talk]) -> list[Debate]:
        listen(Progress("debate", f"{turns} turns", next(steps), total))
        chances = [random.Random(f"{seed} {turns} {index}") for index in range(len(cases))]
        talks = [start(case, rng) for (case, _), rng in zip(cases, chances, strict=True)]
        return hear(talks, judge, voice)

    def advice(adviser: Speaker) -> dict[Side, list[Debate]]:
        return {
            side: heard(lambda case, rng, side=side: consult(case, adviser, side, turns, rng))
            for side in (Side.PRO, Side.CON)
        }

    def dispute(pro: Speaker, con: Speaker) -> list[Debate]:
        return heard(lambda case, rng: debate(case, pro, con, turns, rng))

    truths = [fine for _, fine in cases]
    strongest = list(STRENGTHS.values())[-1]
    alone = heard(lambda case, rng: unaided(case, turns, rng))
    found = {"no help": [Heard(one, fine, None) for one, fine in zip(alone, truths, strict=True)]}
    argued = {
        (pro, con): dispute(STRENGTHS[pro], STRENGTHS[con])
        for pro, con in itertools.product(STRENGTHS, repeat=2)
    }
    found |= sort_out(advice(strongest), argued, truths)
    if voice:
        found |= sort_out_spoken(advice(Spoken()), dispute(Spoken(), Spoken()), truths)
    return found
