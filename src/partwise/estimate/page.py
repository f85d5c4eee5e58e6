"""An estimate as tables."""

from __future__ import annotations

from partwise.estimate.estimate import Estimate
from partwise.estimate.tokens import Role
from partwise.report.page import Page, Table

_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


def estimate_page(found: Estimate) -> Page:
    """What `partwise estimate` prints."""
    size, config = found.size, found.config
    adapters = f", and {_large(size.trained)} in adapters, which alone are trained"
    trained = adapters if size.adapted else ", all trained"
    judge = found.proxy
    beside = f", and {_large(judge.trained)} in adapters and head" if judge.adapted else ""
    said = [
        f"The planner has {_large(size.parameters)} parameters at {size.weight_bytes} bytes{trained}; the "
        f"proxy {_large(judge.parameters)}{beside}.",
        f"{config.loop.rounds} rounds of {config.rlft.steps} steps, "
        f"{config.rlft.tasks_per_step} tasks and {config.rlft.group_size} rollouts each: "
        f"{config.loop.rounds * config.rlft.steps * config.rlft.tasks_per_step:,} tasks.",
        *found.assumed,
    ]
    return Page(title="Estimate", sentences=said, tables=[_tokens(found), _memory(found), _costs(found)])


def _tokens(found: Estimate) -> Table:
    first, last, whole = found.work.rounds[0], found.work.rounds[-1], found.work.whole
    return Table(
        heading="Tokens",
        note="By role; before and after the rounds is what the whole run has beside them.",
        columns=["role", "first round", "last round", "whole run"],
        rows=[
            [str(role), f"{first[role]:,}", f"{last[role]:,}", f"{whole[role]:,}"]
            for role in Role
            if whole[role]
        ],
    )


def _memory(found: Estimate) -> Table:
    peak = found.memory
    rows = {
        "weights of the planner": found.size.weights,
        "pretraining or warm start": peak.first_training,
        "sampling": peak.sampling,
        "a training step": peak.training,
        "the proxy learning": peak.aligning,
        "measuring, with two planners": peak.measuring,
    }
    return Table(
        heading="Memory",
        note="At its highest in each part of a run, beside what a process holds anyway.",
        columns=["while", "GB"],
        rows=[[name, _gigabytes(taken)] for name, taken in rows.items() if taken],
    )


def _costs(found: Estimate) -> Table:
    def fits(devices: int) -> str:
        return "yes" if devices == 1 else f"no: {devices} of them would hold it"

    return Table(
        heading="Devices",
        note="Hours and dollars of one device, as if everything fitted on it.",
        columns=["device", "peak GB", "fits", "hours", "dollars"],
        rows=[
            [name, _gigabytes(cost.memory), fits(cost.devices), _figures(cost.hours), _figures(cost.dollars)]
            for name, cost in found.costs.items()
        ],
    )


def _large(count: int) -> str:
    for unit, letter in _UNITS:
        if count >= unit:
            return f"{count / unit:.3g}{letter}"
    return f"{count:,}"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.2f}" if count < 1e11 else f"{count / 1e9:,.0f}"


def _figures(value: float) -> str:
    """Two figures are more than is known."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
