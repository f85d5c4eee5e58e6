"""What one run of the loop found, as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from partwise.report.page import Page, Table
from partwise.report.reading import RATES, Figure, arm_figure, group, run_sentences

ARMS = ("base", "trained")
"""The planner before training, and after the last round."""


def run_page(results: Mapping[str, Any]) -> Page:
    """Base against trained, and what that says."""
    tables = [
        warm_start_table(group(results, "warm_start")),
        writer_start_table(group(results, "writer_start")),
        rates_table({name: group(results, name) for name in ARMS}),
        unparsed_table({name: group(results, name, "unparsed") for name in ARMS}),
        _bodies_table(group(results, "bodies")),
        _came_table(group(results, "bodies")),
        _judges_table(group(results, "judges")),
        _played_table(group(results, "played")),
    ]
    return Page(
        title="Alignment run",
        sentences=run_sentences(results),
        tables=[table for table in tables if table is not None],
    )


def _bodies_table(bodies: Mapping[str, Any]) -> Table | None:
    """What a proxy that writes wrote before it heard anybody, and writes now; None of another proxy."""
    if not bodies:
        return None
    names = ("program", "done", "aligned", "both")
    return Table(
        heading="Bodies that the proxy writes",
        note="Shares of all that it writes for the catalogue's subtasks, before it heard anybody and after "
        "the last round; those withheld it has never read. Program: one, of a size that counts. Done: it "
        "does what the reference does whenever it is tried. Aligned: a program that shows nothing in its "
        "trials that people mind. Of these the proxy takes one, by its own judgment. Intervals are over "
        "what was written, and know nothing of how alike that is.",
        columns=["when, subtasks", *names, "written"],
        rows=[
            [
                f"{when}, {kind}",
                *(Figure.of(found[name]).full for name in names),
                f"{Figure.of(found['program']).n:,}",
            ]
            for when, kinds in bodies.items()
            for kind, found in kinds.items()
        ],
    )


def _came_table(bodies: Mapping[str, Any]) -> Table | None:
    """What came of all that a proxy wrote as bodies; None of one that does not write."""
    counts = {
        f"{when}, {kind}": group(found, "came")
        for when, kinds in bodies.items()
        for kind, found in kinds.items()
        if "came" in found
    }
    came = Counter[str]()
    for each in counts.values():
        came.update(each)
    if not came:
        return None
    return Table(
        heading="What the answers were",
        note="Of those that should be bodies for the catalogue's subtasks. Refused and failed ones are no "
        "programs that went wrong.",
        columns=["answer", *counts],
        rows=[
            [name, *(f"{each.get(name, 0):,}" for each in counts.values())] for name, _ in came.most_common()
        ],
    )


def _judges_table(judges: Mapping[str, Any]) -> Table | None:
    """How each judge of a proxy with a language model's word agrees with people; None of another proxy."""
    if not judges:
        return None
    names = ("agreement", "clear", "decided")
    return Table(
        heading="Judges of the proxy",
        note="On questions about the subtasks of hard tasks, after the last round. Agreement: it prefers "
        "what people chose. Clear: it prefers what is better by at least one half, where two differ by so "
        "much. Both are over the questions on which it prefers one of the two, whose share is the last "
        "column.",
        columns=["judge", *names],
        rows=[[judge, *(Figure.of(found[name]).full for name in names)] for judge, found in judges.items()],
    )


def _played_table(played: Mapping[str, Any]) -> Table | None:
    """How a language model that plays people answers; None where none does."""
    if not played:
        return None
    clear, decided = Figure.of(played["clear"]), Figure.of(played["decided"])
    return Table(
        heading="People, as a language model plays them",
        note="What it answered in the last round, beside the values that it was told. Clear: it prefers what "
        "is better by at least one half, where two differ by so much and it prefers one; guessing comes to "
        ".50. Decided: it prefers one of the two; the others are the same to it, refused, or can't be read. "
        "What a proxy learns from such answers is worth as much as these figures.",
        columns=["clear", "of", "decided", "of"],
        rows=[[clear.full, f"{clear.n:,}", decided.full, f"{decided.n:,}"]],
    )


def warm_start_table(found: Mapping[str, Any]) -> Table | None:
    """What share of both turns parses before and after a warm start; None without one."""
    if not found:
        return None
    rows: list[list[str]] = []
    for when in ("before", "after"):
        there = group(found, when)
        shares = [Figure.of(there.get(turn)) for turn in ("decompositions", "compositions")]
        shown = [f"{each.full} of {each.n:,}" if each.n else "−" for each in shares]
        rows.append([when, *shown, _frequent(group(there, "unparsed")), str(there.get("prompts", ""))])
    return Table(
        heading="Turns that parse, before and after the warm start",
        note="Shares with 95% intervals over validation tasks, before any reward: the model as it came, and "
        f"after it has learned from {found.get('examples')} plans how they are written. Compositions are "
        "those of tasks that came to one; a dash: none did.",
        columns=["", "decompositions", "compositions", "most frequent failure", "prompts"],
        rows=rows,
    )


def writer_start_table(found: Mapping[str, Any]) -> Table | None:
    """What share of a writer's answers are programs before and after its warm start; None without one."""
    if not found:
        return None
    rows: list[list[str]] = []
    for when in ("before", "after"):
        there = group(found, when)
        share = Figure.of(there.get("program"))
        wrong = Counter({name: count for name, count in group(there, "came").items() if name != "body"})
        kinds = ", ".join(f"{name} {count:,}" for name, count in wrong.most_common(2)) or "−"
        rows.append([when, f"{share.full} of {share.n:,}", kinds, str(there.get("prompts", ""))])
    return Table(
        heading="Bodies that are programs, before and after the writer's warm start",
        note="Shares, with 95% intervals, of its answers to the catalogue's subtasks, before it has heard "
        f"anybody: the model as it came, and after it has learned from {found.get('examples')} functions how "
        "they are written.",
        columns=["", "programs", "most frequent failures", "prompts"],
        rows=rows,
    )


def _frequent(unparsed: Mapping[str, Any]) -> str:
    kinds = [(count, kind, turn) for kind, turn, count in _counted(unparsed)]
    return "{1} in the {2}, {0:,}".format(*max(kinds)) if kinds else "−"


def _counted(unparsed: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Kind, turn and count of what does not parse."""
    for turn in ("decomposition", "composition"):
        for kind in group(unparsed, turn):
            count = group(unparsed, turn, kind).get("count")
            if isinstance(count, int):
                yield kind, turn, count


def unparsed_table(arms: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """What did not parse, by kind; None where all did, or nothing is known."""
    counts = {arm: {(kind, turn): n for kind, turn, n in _counted(found)} for arm, found in arms.items()}
    kinds = list(dict.fromkeys(kind for found in counts.values() for kind in found))
    if not kinds:
        return None
    return Table(
        heading="What did not parse",
        note="Counts of solutions of held-out tasks, by what is wrong with the turn that was their last. "
        "`results.json` has an example of each.",
        columns=["kind", *arms],
        rows=[
            [f"{kind} in the {turn}", *(f"{counts[arm].get((kind, turn), 0):,}" for arm in arms)]
            for kind, turn in kinds
        ],
    )


def rates_table(arms: Mapping[str, Mapping[str, Any]]) -> Table:
    """The rates of planners that were measured on tasks."""
    rows: list[list[str]] = []
    for name, arm in arms.items():
        figures = [arm_figure(arm, key) for key, _ in RATES]
        rows.append([name, *(figure.full for figure in figures), f"{figures[0].n:,}"])
    return Table(
        heading="On held-out tasks",
        note="Shares of all held-out tasks with 95% intervals over tasks, but for the last two columns of "
        "shares: a solution that did not run to its end is neither correct nor aligned. Hacking rate: "
        "misaligned, of the correct ones whose every part was judged aligned.",
        columns=["planner", *(heading for _, heading in RATES), "tasks"],
        rows=rows,
    )
