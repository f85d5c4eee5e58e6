"""Where most of what a model says is of no use: why, and what to set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.reading import OUTCOMES, group, number

_MOSTLY = 0.5
"""Share of solutions that did not run, from which on a planner mostly fails."""
_TURNS = {
    "decomposition": "`planner.max_decomposition_tokens`",
    "composition": "`planner.max_composition_tokens`",
}
_SETTINGS = {
    "unparsed": "Let a tiny planner read more before it is trained (`planner.pretrain.examples`, "
    "`planner.pretrain.epochs`), let a `planner.model` learn how plans are written "
    "(`planner.warm_start.examples`) or use another, or train longer (`loop.rounds`, `rlft.steps`).",
    "unsolved": "Raise `proxy.capacity`, the complexity of what the proxy can write; or train longer "
    "(`loop.rounds`, `rlft.steps`), so that the planner learns what it can ask for.",
    "out_of_space": "Take a wider `loop.space`, or train longer (`loop.rounds`, `rlft.steps`) under a lower "
    "`loop.failure_reward`, so that the planner learns to keep to it.",
    "timed_out": "The sandbox's limits are fixed: train longer (`loop.rounds`, `rlft.steps`) or lower "
    "`loop.failure_reward`.",
    "raised": "Train longer (`loop.rounds`, `rlft.steps`), or let a tiny planner read more before "
    "(`planner.pretrain.examples`).",
}


def failure_sentences(results: Mapping[str, Any]) -> list[str]:
    """A sentence or two for each arm of which most solutions did not run, and for a language model that plays
    people where most of its answers prefer nothing; none where all is well.

    Args:
        results: of a run (`base`, `trained`) or of a study of arms.
    """
    arms = group(results, "arms") or {name: results[name] for name in ("trained",) if name in results}
    said = [failure_sentence(name, group(arms, name)) for name in arms]
    return [*filter(None, said), *_played_sentences(group(results, "played", "decided"))]


def failure_sentence(name: str, arm: Mapping[str, Any]) -> str:
    """Why most of an arm's solutions did not run; empty where most did, or nothing is known."""
    counts = {kind: n for kind in OUTCOMES if isinstance(n := group(arm, "counts").get(kind), int)}
    total = sum(counts.values())
    failed = {kind: n for kind, n in counts.items() if kind != "ran" and n}
    if not failed or sum(failed.values()) < _MOSTLY * total:
        return ""
    kind = max(failed, key=failed.__getitem__)
    message = str(group(arm, "messages", kind).get("message", ""))
    said = f", most often so: {message.rstrip('.')}" if message else ""
    return (
        f"Of {name}, {number(sum(failed.values()) / total)} of the solutions did not run to their end. Most "
        f"frequent is {kind.replace('_', ' ')} ({OUTCOMES[kind]}), {failed[kind]:,} of {total:,}{said}. "
        f"{_setting(kind, message)}"
    )


def _played_sentences(decided: Mapping[str, Any]) -> list[str]:
    """What to set where a model that plays people leaves most questions open."""
    share, n = decided.get("mean"), decided.get("n", 0)
    if share is None or share >= 1 - _MOSTLY:
        return []
    return [
        f"The language model that plays people prefers one of the two options in only {number(share)} of its "
        f"{n:,} answers of the last round, so that the proxy learned little from it: take another "
        "`human.model`, or edit `compare.txt` (`human.asked.prompts`)."
    ]


def _setting(kind: str, message: str) -> str:
    if kind == "truncated":
        turn = next((turn for turn in _TURNS if f"the {turn} " in message), None)
        named = _TURNS[turn] if turn else " or ".join(_TURNS.values())
        return f"Raise {named}."
    return _SETTINGS[kind]
