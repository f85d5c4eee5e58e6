"""Gap annealing: how much more capacity the next generation has (Kim et al. 2025, section 4.2).

The paper wants the gap delta small while supervision is noisy, so that a student does not imitate its
teachers' errors, and larger as they become better, so that what is taught is salient to it; it gives no
algorithm. Here a policy reads what was measured of the generations so far, none of it by the oracle, and
says how many doublings of parameters come next. docs/concepts/gap-annealing.md has each with its reasons.

Third parties add one by an entry point of the group `partwise.gaps` that names a function `make(config,
seed)`.
"""

from __future__ import annotations

import difflib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from partwise.config import GapConfig
from partwise.report.reading import number

GROUP = "partwise.gaps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a user could measure of a generation without knowing the truth. A share is None where
    undefined.
    """

    parameters: int
    competence: float
    """Share of tasks that the verifier passed, after injection."""
    gained: float | None
    """How much more that is than one generation before."""
    form: float
    """Share of plans that have their form, after injection."""
    hazards: float | None
    """Of the hazards that monitors saw before injection, the share that they still see."""
    disagreement: float | None
    """Share of the questions on which not all sources of supervision said the same."""
    error: float | None
    """Mean error of the sources as Dawid and Skene's model estimates it from their answers alone."""
    imitation: float | None
    """Where sources split, the share in which the generation sides with its latest predecessor."""


class GapPolicy(Protocol):
    """From what was seen so far to the next step."""

    def __call__(self, history: Sequence[Seen], left: int) -> float:
        """The next step in doublings of parameters, more than 0.

        Args:
            history: of the generations so far, the latest last; at least one.
            left: generations that may still come, this one included.
        """
        ...


def fixed(config: GapConfig, seed: int) -> GapPolicy:
    """Every step as large as the first."""
    return lambda history, left: config.first


def linear(config: GapConfig, seed: int) -> GapPolicy:
    """From the smallest to the largest step in a straight line."""
    return _scheduled(config, lambda share: share)


def cosine(config: GapConfig, seed: int) -> GapPolicy:
    """From the smallest to the largest along half a cosine: slow at both ends."""
    return _scheduled(config, lambda share: (1 - math.cos(math.pi * share)) / 2)


def reverse(config: GapConfig, seed: int) -> GapPolicy:
    """From the largest to the smallest: a control, the contrary of what the paper advises."""
    return _scheduled(config, lambda share: 1 - share)


def at_random(config: GapConfig, seed: int) -> GapPolicy:
    """Each step drawn evenly between the smallest and the largest: a control."""

    def policy(history: Sequence[Seen], left: int) -> float:
        draw = random.Random(f"gap {seed} {len(history)}").random()
        return config.smallest + draw * (config.largest - config.smallest)

    return policy


def adaptive(config: GapConfig, seed: int) -> GapPolicy:
    """As far as supervision is good, and no further than it will carry.

    Trust in the supervision of the latest generation is the least of what speaks for it: one less the
    sources' estimated error twice (many that know nothing come to one half, few to less), one less the share
    of hazards left, and the share of plans that have their form. The step is the smallest plus that share of
    the way to the largest; one more where capacity brought nothing (salience), and never more than twice the
    step before.
    """

    def policy(history: Sequence[Seen], left: int) -> float:
        latest = history[-1]
        trust = min(_trust(latest).values())
        step = config.smallest + max(0.0, trust) * (config.largest - config.smallest)
        if _stalled(latest):
            step += 1
        if len(history) > 1:
            before = math.log2(latest.parameters / history[-2].parameters)
            step = min(step, 2 * max(before, config.smallest))
        else:
            step = min(step, config.first)
        return min(max(step, config.smallest), config.largest)

    return policy


_SALIENT = 0.01
"""A gain in competence below this is none."""


def _trust(seen: Seen) -> dict[str, float]:
    """What speaks for the supervision of a generation, at most 1 each; the least of it counts."""
    return {
        "the sources' estimated error": 1.0 if seen.error is None else 1 - 2 * seen.error,
        "hazards left": 1.0 if seen.hazards is None else 1 - seen.hazards,
        "plans without their form": seen.form,
    }


def _stalled(seen: Seen) -> bool:
    """Whether capacity brought nothing under supervision that is good enough."""
    trusted = min(_trust(seen).values()) > 0.5
    return trusted and seen.gained is not None and seen.gained < _SALIENT


def reason(config: GapConfig, history: Sequence[Seen]) -> str:
    """Why the next step is as large as it is, in a few words.

    Args:
        config: names the policy.
        history: of the generations so far, the latest last; none before the first.
    """
    if not history:
        return "the smallest model there is"
    match config.policy:
        case "fixed":
            return "every step is the same"
        case "linear" | "cosine" | "reverse":
            return "by schedule"
        case "random":
            return "drawn by lot"
        case "adaptive":
            trust = _trust(history[-1])
            least = min(trust, key=lambda name: trust[name])
            held = "nothing speaks against it" if trust[least] == 1 else f"held down by {least}"
            more = "; one more, since capacity brought nothing" if _stalled(history[-1]) else ""
            return f"trust in supervision {number(max(0.0, trust[least]))}, {held}{more}"
        case other:
            return f"the policy {other} says so"


POLICIES: Mapping[str, Callable[[GapConfig, int], GapPolicy]] = {
    "fixed": fixed,
    "linear": linear,
    "cosine": cosine,
    "reverse": reverse,
    "random": at_random,
    "adaptive": adaptive,
}


def gap_policy(config: GapConfig, seed: int) -> GapPolicy:
    """The policy that the settings name, one of this module or one that is installed.

    Raises:
        LookupError: there is none of that name, with the nearest one.
    """
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if config.policy in POLICIES:
        return POLICIES[config.policy](config, seed)
    if config.policy in installed:
        return installed[config.policy].load()(config, seed)
    names = [*POLICIES, *installed]
    near = difflib.get_close_matches(config.policy, names, n=1)
    there = f"did you mean `{near[0]}`?" if near else f"there is {', '.join(f'`{name}`' for name in names)}."
    raise LookupError(f"There is no gap policy `{config.policy}`; {there}")


def next_rung(parameters: Sequence[int], current: int, step: float) -> int | None:
    """The position of the capacity nearest to `step` doublings above the current one, and larger than it.

    Args:
        parameters: of the capacities that there are, rising.
        current: position of the present one.
        step: in doublings of parameters.

    Returns:
        None where there is no larger one.
    """
    aim = math.log2(parameters[current]) + step
    larger = range(current + 1, len(parameters))
    return min(larger, key=lambda rung: abs(math.log2(parameters[rung]) - aim), default=None)


def _scheduled(config: GapConfig, shape: Callable[[float], float]) -> GapPolicy:
    """Along a curve from 0 to 1 over all the steps that there may be."""

    def policy(history: Sequence[Seen], left: int) -> float:
        steps = len(history) + left - 1
        share = (len(history) - 1) / (steps - 1) if steps > 1 else 0.0
        return config.smallest + shape(share) * (config.largest - config.smallest)

    return policy
