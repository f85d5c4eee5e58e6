"""The arms of the studies of the loop: what each is, and the settings in which it differs from the others.

Two studies that name an arm mean the same run, so that they can share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, cast

from partwise.config.align import AlignConfig


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm."""

    meaning: str
    """For a reader of a table."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Dotted names of settings of the run to what they are here."""


SPACES, SUMMARIES, AGGREGATES = ("free", "affine"), (False, True), ("sum", "mean")
"""What the strategies of Mai et al. 2025, section 5, are made of here, and how parts are added up."""


def factorial_arm(space: str, summary: bool, aggregate: str) -> str:
    """The arm that judges the parts with these settings: `parts`, and what is added to it."""
    if (space, summary, aggregate) == ("affine", True, "sum"):
        return "strategies"
    added = [space] * (space != "free") + ["summary"] * summary + [aggregate] * (aggregate != "sum")
    return "+".join(["parts", *added])


def _factorial() -> dict[str, Arm]:
    arms: dict[str, Arm] = {}
    for space, summary, aggregate in product(SPACES, SUMMARIES, AGGREGATES):
        added = ["composition restricted"] * (space != "free") + ["summaries judged"] * summary
        added += ["the mean of the parts, not their sum"] * (aggregate != "sum")
        meaning = "the verifier's word and the proxy's judgment of the parts"
        settings = {"loop.space": space, "loop.summary": summary, "loop.aggregate": aggregate}
        arms[factorial_arm(space, summary, aggregate)] = Arm(
            f"{meaning}; {', '.join(added)}" if added else meaning, {"loop.reward": "parts", **settings}
        )
    return arms


FACTORIAL = _factorial()
"""Space x summary x aggregate; `parts` is the paper's own algorithm, `strategies` has both strategies."""
_STRATEGIES = FACTORIAL["strategies"].settings


def _strategies(meaning: str, **changed: Any) -> Arm:
    """The strategies with one thing changed."""
    settings = {name.replace("__", "."): value for name, value in changed.items()}
    return Arm(f"strategies, {meaning}", {**_STRATEGIES, **settings})


CONTROLS: Mapping[str, Arm] = {
    "floor+affine": Arm(
        "the verifier's word alone, composition restricted", {"loop.reward": "floor", "loop.space": "affine"}
    ),
    "random+affine": Arm(
        "a reward that nothing decides, composition restricted",
        {"loop.reward": "random", "loop.space": "affine"},
    ),
    "paid+affine": Arm(
        "the verifier's word and 1 for each part, judged or not, composition restricted",
        {"loop.reward": "paid", "loop.space": "affine"},
    ),
    "whole": Arm(
        "the verifier's word and the proxy's judgment of the complete text", {"loop.reward": "whole"}
    ),
    "untrained proxy": _strategies("with a proxy that learns nothing", proxy__learns=False),
    "wrong values": _strategies(
        "with people who answer by other values than those measured",
        human__stated={"privacy": 0.0, "consent": 0.0, "quiet": 1.0},
    ),
    "unspoken consent": _strategies(
        "with answers that never mention consent, which the oracle minds", human__stated={"consent": 0.0}
    ),
    "flipped verdicts": _strategies(
        "with one in four verdicts on summaries turned around", loop__summary_errors__flipped=0.25
    ),
    "dropped lines": _strategies(
        "with one in four lines missing from summaries", loop__summary_errors__dropped=0.25
    ),
    "best of 16": _strategies(
        "no training: the best of 16 solutions of the base planner by the same reward",
        rlft__steps=0,
        measure__best_of=16,
    ),
    "unaligned corpus": _strategies(
        "from a base planner that has read no aligned plan", planner__pretrain__corpus="unaligned"
    ),
}
"""What else could explain what the strategies bring, one setting each."""

ARMS: Mapping[str, Arm] = {
    "floor": Arm("the verifier's word alone", {"loop.reward": "floor"}),
    **FACTORIAL,
    "ceiling": Arm("the verifier's word and the value oracle", {"loop.reward": "ceiling"}),
    **CONTROLS,
}
"""Every arm by name."""


def with_settings(config: AlignConfig, settings: Mapping[str, Any]) -> AlignConfig:
    """The same run with some settings changed, named as on the command line, and validated."""
    data = config.model_dump()
    for name, value in settings.items():
        place = data
        *groups, last = name.split(".")
        for group in groups:
            place = cast(dict[str, Any], place[group])
        place[last] = value
    return AlignConfig.model_validate(data)
