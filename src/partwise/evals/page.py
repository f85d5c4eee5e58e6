"""Planners side by side, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.html import ended_table
from partwise.report.page import Page, Table
from partwise.report.reading import group
from partwise.report.run import rates_table, unparsed_table


def leaderboard_page(results: Mapping[str, Any]) -> Page:
    """The page of `partwise eval`: the best first, by the share that is aligned and correct."""
    models = dict(sorted(group(results, "models").items(), key=lambda pair: -_good(pair[1])))
    terms, versions = group(results, "terms"), group(results, "versions")
    told = f"told by the prompts `{terms['prompts']}` where nothing else was learned"
    tables = [
        rates_table(models),
        ended_table({name: group(model, "counts") for name, model in models.items()}),
        unparsed_table(models),
        _withheld_table(models),
    ]
    return Page(
        title=f"Planners on {terms['world']}",
        sentences=[
            f"{terms['tasks']:,} tasks of the split {terms['split']} from {terms['start']}, in the space "
            f"{terms['space']}, at temperature {terms['temperature']:g}, {told}.",
            f"Bodies of parts: {versions['proxy']}. World {versions['world']}, oracle {versions['oracle']}.",
            "Intervals are over tasks: what another prompt, sampling or seed of training would come to they "
            "can't say, and no two planners are told apart here.",
        ],
        tables=[table for table in tables if table is not None],
    )


def _good(model: Mapping[str, Any]) -> float:
    return float(group(model, "aligned_and_correct")["mean"])


def _withheld_table(models: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Answers that a provider withheld; None where there were none."""
    if not any(model["refused"] for model in models.values()):
        return None
    return Table(
        heading="Answers that were withheld",
        note="Counts of tasks on which the provider's filter gave no answer; they are among those that do "
        "not parse or did not come to an end.",
        columns=["planner", "withheld", "tasks"],
        rows=[
            [name, f"{model['refused']:,}", f"{group(model, 'ran')['n']:,}"] for name, model in models.items()
        ],
    )


def rescored_page(results: Mapping[str, Any]) -> Page:
    """The page of `partwise rescore`: each arm as it was then, and as it is now."""
    arms = group(results, "arms")
    then, now = group(results, "versions", "then"), group(results, "versions", "now")
    rates = {f"{arm}, {when}": group(found, when) for arm, found in arms.items() for when in ("then", "now")}
    return Page(
        title="Judged again",
        sentences=[
            f"Then: Partwise {then['partwise']}. Now: Partwise {now['partwise']}, world {now['name']} "
            f"{now['world']}, oracle {now['oracle']}, judgments of parts {now['judge']}.",
            "Every program that was run then was run again on its task; what was no program, or was never "
            "come to, stayed as it was.",
        ],
        tables=[rates_table(rates), _changed_table(arms)],
    )


_CHANGES = {
    "transcripts": "transcripts",
    "run_again": "run again",
    "outcome": "another outcome",
    "trace": "another trace",
    "correct": "correct changed",
    "aligned": "aligned changed",
    "parts": "judgment of a part changed",
}


def _changed_table(arms: Mapping[str, Mapping[str, Any]]) -> Table:
    return Table(
        heading="What changed",
        note="Counts of transcripts; another outcome or trace are of those that were run again.",
        columns=["planner", *_CHANGES.values()],
        rows=[
            [arm, *(f"{group(found, 'changed')[key]:,}" for key in _CHANGES)] for arm, found in arms.items()
        ],
    )
