"""The cells of the study: a writer, a judge and a learning rate each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import derived_seed
from partwise.config.places import cache_folder
from partwise.data.plans import Cue, Plan, RuleBook, draw_plans
from partwise.loops.plan_writers import Judge, taught_writer
from partwise.loops.self_enhancement import asked_for, self_enhance
from partwise.measure.contrasts import check_primary
from partwise.measure.intervals import rate
from partwise.models.writer import Writer, Written
from partwise.oversight.combine import Method, Panel
from partwise.oversight.signals import Source
from partwise.report.page import write_results
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.self_enhancement.figures import (
    ARMS,
    collapsed,
    compared,
    contrasted,
    gathered,
    knowledge,
    measured,
    truth,
)
from partwise.studies.self_enhancement.page import page
from partwise.studies.self_enhancement.settings import SelfEnhancementConfig
from partwise.training.ladder import pretrained_rung, rule_book
from partwise.types import Example, Signal

SHARES: Mapping[Cue, float] = {Cue.EASY: 0.25, Cue.HARD: 0.5, Cue.BOTH: 0.25}
"""Of the kinds of plans that are asked for."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The source that knows, for the ceiling alone: aligned is better than anything else."""

    book: RuleBook
    name: str = "the truth"

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """Which text is aligned; None where both are, or neither."""
        good = [[truth(text, e.group, self.book) is True for text in e.texts] for e in examples]
        return [
            Signal(example=e.key, label=found.index(True), confidence=1.0, source=self.name)
            if sum(found) == 1
            else None
            for e, found in zip(examples, good, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Verified:
    """A judge behind a rules-based verifier, as Mai et al. 2025 have one check solutions.

    The verifier knows whether a text is a plan of the kind that was asked for. Of what a rule says, and so of
    what is aligned, it knows nothing.
    """

    judge: Source
    book: RuleBook
    name: str = "verified"

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """Which text is valid, where one alone is; the judge's word where all are; None where none is."""
        return [
            self._signal(example, said)
            for example, said in zip(examples, self.judge.signals(examples), strict=True)
        ]

    def _signal(self, example: Example, said: Signal | None) -> Signal | None:
        valid = [truth(text, example.group, self.book) is not None for text in example.texts]
        if all(valid):
            return said
        if sum(valid) != 1:
            return None
        return Signal(example=example.key, label=valid.index(True), confidence=1.0, source=self.name)


class Coin:
    """The source that knows nothing: which text it prefers follows from seed, texts and round alone."""

    name = "chance"

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"coin {seed}")

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """Heads or tails."""
        return [
            Signal(example=e.key, label=self._rng.randrange(2), confidence=0.5, source=self.name)
            for e in examples
        ]


def run(config: SelfEnhancementConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, a table and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    used = settings(config)
    check_primary(config.primary, contrasted(used.rates))
    directory = RunDir.create(out, "self_enhancement", config)
    seeds = config.all_seeds
    with directory.locked():
        # First all models, then all arms: two arms of a seed would both set out to make its models.
        members = run_cells(_members(used, seeds), directory, listen, processes=config.processes)
        arms = run_cells(_arms(used, seeds), directory, listen, processes=config.processes)
        runs = {
            rate: {arm: [arms[_run(seed, rate, arm)]["rounds"] for seed in seeds] for arm in ARMS}
            for rate in used.rates
        }
        results = {
            "schema": 2,
            "seeds": len(seeds),
            "first": config.first,
            "contrasts": compared(runs, config.primary),
            "quick": used.quick,
            "size": used.size,
            "rounds": used.rounds,
            "plans": used.plans,
            "rules": used.ladder.rules,
            "rates": list(used.rates),
            "knowledge": knowledge(
                [[members[_member(seed, one)] for one in range(used.peers + 1)] for seed in seeds]
            ),
            "strengths": {f"{rate:g}": gathered(found) for rate, found in runs.items()},
            "cells": {**members, **arms},
        }
        write_results(directory, results, page(results))
    return results


def settings(config: SelfEnhancementConfig) -> SelfEnhancementConfig:
    """What is run: less of everything where it is to be quick."""
    if not config.quick:
        return config
    return config.model_copy(
        update={
            "rounds": min(config.rounds, 2),
            "peers": min(config.peers, 2),
            "plans": min(config.plans, 128),
            "rates": config.rates[:1],
        }
    )


def _member(seed: int, member: int) -> str:
    return f"seed-{seed}/writer-{member}"


def _run(seed: int, rate: float, arm: str) -> str:
    return f"seed-{seed}/{rate:g}/{arm}"


def _members(config: SelfEnhancementConfig, seeds: Sequence[int]) -> list[Cell]:
    return [
        Cell(
            name=_member(seed, member),
            work=make_member,
            arguments={"config": config, "seed": seed, "member": member},
        )
        for seed in seeds
        for member in range(config.peers + 1)
    ]


def _arms(config: SelfEnhancementConfig, seeds: Sequence[int]) -> list[Cell]:
    return [
        Cell(
            name=_run(seed, rate, arm),
            work=run_arm,
            arguments={"config": config, "seed": seed, "rate": rate, "arm": arm},
        )
        for seed in seeds
        for rate in config.rates
        for arm in ARMS
    ]


def make_member(listen: Listener, *, config: SelfEnhancementConfig, seed: int, member: int) -> dict[str, Any]:
    """A cell: the writer (member 0) or a peer of it, and how well it judges before anybody learns."""
    judge = _judge(config, seed, member, listen)
    book = rule_book(config.ladder, seed)
    plans = judged_plans(book, seed)
    odds = judge.log_odds([plan.source for plan in plans])
    right = {cue: [(odds[p.source] > 0) == p.aligned for p in plans if p.cue is cue] for cue in Cue}
    return {cue.value: rate(found).to_json() for cue, found in right.items()}


def judged_plans(book: RuleBook, seed: int) -> list[Plan]:
    """On which writers and peers are measured as judges; none of them learns from these."""
    return draw_plans(f"judged {seed}", book, SHARES, 1000)


def lessons(config: SelfEnhancementConfig, book: RuleBook, seed: int, member: int) -> list[Plan]:
    """What the writer (member 0) or a peer is taught to write."""
    return draw_plans(
        f"lessons {seed} {member}", book, SHARES, config.teach.plans, besides=judged_plans(book, seed)
    )


def _writer(config: SelfEnhancementConfig, seed: int, member: int, listen: Listener) -> Writer:
    """A fresh copy of the writer or of a peer, which read the same book in other documents."""
    name, cache = f"writer {member}", cache_folder() / "laboratory"

    def tell(what: str) -> Callable[[int, int, float], None]:
        return lambda done, total, loss: listen(Progress(name, what, done, total, {"loss": loss}))

    read = pretrained_rung(config.ladder, config.size, seed, cache, tell("pretraining"), peer=member)
    book = rule_book(config.ladder, seed)
    plans = lessons(config, book, seed, member)
    first = derived_seed(seed * 100) + member
    folder = taught_writer(
        read, plans, book, config.teach, cache, seed=first, listen=tell("learning to write")
    )
    return Writer.load(folder)


def _judge(config: SelfEnhancementConfig, seed: int, member: int, listen: Listener) -> Judge:
    writer = _writer(config, seed, member, listen)
    return Judge(f"writer {member}", writer.model, writer.tokenizer)


def judge_of(arm: str, writer: Writer, config: SelfEnhancementConfig, seed: int, listen: Listener) -> Source:
    """Who judges in an arm.

    Peers judge with their first weights. With weights that move they would be three more writers that learn
    from one another, and one could not tell what the diversity of judges does from what a whole society does;
    `frozen` is the arm to hold them against.
    """
    match arm:
        case "self":
            return Judge(arm, writer.model, writer.tokenizer)
        case "verified":
            own = Judge(arm, writer.model, writer.tokenizer)
            return Verified(own, rule_book(config.ladder, seed))
        case "frozen":
            return _judge(config, seed, 0, listen)
        case "peers":
            peers = [_judge(config, seed, 1 + peer, listen) for peer in range(config.peers)]
            return Panel(peers, Method.CONFIDENCE)
        case "truth":
            return Truth(rule_book(config.ladder, seed))
        case _:
            return Coin(seed)


def run_arm(
    listen: Listener, *, config: SelfEnhancementConfig, seed: int, rate: float, arm: str
) -> dict[str, Any]:
    """A cell: one writer under one judge, measured before each round and after the last."""
    book = rule_book(config.ladder, seed)
    writer = _writer(config, seed, 0, listen)
    judge = judge_of(arm, writer, config, seed, listen)
    prompts = asked_for(config.plans, SHARES)
    prefer = config.prefer.model_copy(update={"learning_rate": rate})
    rows: list[dict[str, Any]] = []
    first: Sequence[Written] = ()
    for found in self_enhance(writer, judge, prompts, prefer, rounds=config.rounds, seed=seed):
        first = first or found.written
        rows.append(measured(found, first, writer, book))
        shown = {name: rows[-1][name]["mean"] for name in ("good", "judge") if rows[-1][name]["mean"]}
        failing = ", mode collapse" if collapsed(rows) else ""
        listen(Progress(arm, f"rounds{failing}", found.index, config.rounds, shown))
    return {"rounds": rows}
