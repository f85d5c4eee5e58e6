"""What was argued in the study of debate, sorted out by who was honest and put together over seeds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from partwise.measure.contrasts import contrasts
from partwise.measure.intervals import OF_SHARES, SHARE, rate
from partwise.oversight.debate import Case, Debate, Debater, Side
from partwise.report.reading import Figure
from partwise.studies.grid.seeds import NOT_BELOW_0, seeded

STRENGTHS: Mapping[str, Debater] = {
    "weak": Debater(2),
    "middle": Debater(4),
    "strong": Debater(8, looks_ahead=True),
}
"""From the weakest to the strongest, one step apart."""
SPOKEN = "model"
"""What a language model is called among the strengths."""
_SPEECH = f"{SPOKEN} v {SPOKEN}"
_STEPS = (-2, -1, 1, 2)
"""By how many the honest debater of an unequal pair may be ahead."""
Figured = Callable[[Mapping[str, Any]], float | None]
"""A figure of one seed's conditions."""
_TRANSCRIPTS = 2
"""Plans of each condition whose debates are kept word by word: a fine one and one at fault."""


def middle(turns: Sequence[int]) -> int:
    """The number of turns that tables and transcripts show where they show one."""
    return sorted(turns)[len(turns) // 2]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a judge heard about one plan, and the truth."""

    debate: Debate
    fine: bool
    """The oracle's word."""
    honest: Side | None
    """The side that argued for the truth; None where nobody knows better than chance."""

    @property
    def right(self) -> bool:
        """Whether the verdict is the truth."""
        return self.debate.fine is self.fine

    @property
    def trust(self) -> float:
        """The judge's probability of the truth."""
        return self.debate.word if self.fine else 1 - self.debate.word


def sort_out(
    advised: Mapping[Side, Sequence[Debate]],
    argued: Mapping[tuple[str, str], Sequence[Debate]],
    truths: Sequence[bool],
) -> dict[str, list[Heard]]:
    """Who was honest, by the truth about each plan: "weak v strong" is an honest weak debater's."""
    by_strength = {
        f"{weapon} v {answer}": [
            Heard(argued[(weapon, answer) if fine else (answer, weapon)][i], fine, _honest(fine))
            for i, fine in enumerate(truths)
        ]
        for weapon, answer in itertools.product(STRENGTHS, repeat=2)
    }
    return _by_adviser(advised, truths) | by_strength


def sort_out_spoken(
    advised: Mapping[Side, Sequence[Debate]], argued: Sequence[Debate], truths: Sequence[bool]
) -> dict[str, list[Heard]]:
    """The same of a language model, which argued against itself."""
    found = {f"{name}, {SPOKEN}": heard for name, heard in _by_adviser(advised, truths).items()}
    spoken = [Heard(one, fine, _honest(fine)) for one, fine in zip(argued, truths, strict=True)]
    return found | {_SPEECH: spoken}


def _honest(fine: bool) -> Side:
    return Side.PRO if fine else Side.CON


def _by_adviser(advised: Mapping[Side, Sequence[Debate]], truths: Sequence[bool]) -> dict[str, list[Heard]]:
    honest = [_honest(fine) for fine in truths]
    other = [_honest(not fine) for fine in truths]
    found = {
        name: [Heard(advised[side][i], truths[i], honest[i]) for i, side in enumerate(sides)]
        for name, sides in (("honest adviser", honest), ("dishonest adviser", other))
    }
    # An adviser who is honest or not at even odds: both are heard, which is what the odds come to.
    both = [one for heard in found.values() for one in heard]
    return {"consultancy": both, **found}


def figures(heard: Sequence[Heard]) -> dict[str, Any]:
    """Accuracy, also by the truth, with intervals over plans; the judge's trust in the truth; events seen."""
    return {
        "accuracy": rate([one.right for one in heard]).to_json(),
        "when_fine": rate([one.right for one in heard if one.fine]).to_json(),
        "when_at_fault": rate([one.right for one in heard if not one.fine]).to_json(),
        "trust": fmean(one.trust for one in heard) if heard else None,
        "brier": fmean((1 - one.trust) ** 2 for one in heard) if heard else None,
        "events": fmean(len(one.debate.turns) for one in heard) if heard else None,
    }


def unread(heard: Sequence[Heard]) -> dict[str, Any]:
    """Of what a language model said, the share that could not be read as a hidden event."""
    return rate([turn.unread for one in heard for turn in one.debate.turns]).to_json()


def transcripts(
    cases: Sequence[tuple[Case, bool]], conditions: Mapping[str, Sequence[Heard]]
) -> list[dict[str, Any]]:
    """The first plans of each condition: what was revealed, by whom, and the judge's word after it."""
    return [
        {
            "condition": name,
            "task": case.task.statement,
            "fine": fine,
            "before": one.debate.before,
            "turns": [
                {
                    "by": str(turn.by),
                    "honest": None if turn.by is Side.CHANCE else turn.by is one.honest,
                    "event": case.lines[turn.event],
                    "word": turn.word,
                }
                for turn in one.debate.turns
            ],
            "right": one.right,
        }
        for name, heard in conditions.items()
        if not name.startswith("consultancy")
        for (case, fine), one in list(zip(cases, heard, strict=True))[:_TRANSCRIPTS]
    ]


def collect(found: Sequence[Mapping[str, Any]], primary: str) -> dict[str, Any]:
    """The seeds put together: means over seeds of each seed's figure, with Student t intervals.

    Args:
        found: what each seed's cell found; the transcripts are those of the first.
        primary: the contrast that was named before.
    """
    by_turns = {
        turns: [seed["conditions"][turns] for seed in found]
        for turns in sorted(found[0]["conditions"], key=int)
    }
    turns = [int(count) for count in by_turns]
    spoken = "unread" in found[0]
    by_seed = {
        name: [figure(seed["conditions"]) for seed in found]
        for name, figure in compared(turns, spoken=spoken).items()
    }
    return {
        "strengths": {
            name: {"candidates": debater.candidates, "looks_ahead": debater.looks_ahead}
            for name, debater in STRENGTHS.items()
        },
        "turns": turns,
        "shown": middle(turns),
        "contrasts": contrasts(primary, by_seed, dict.fromkeys(by_seed, OF_SHARES)),
        "whole": _over([seed["whole"] for seed in found]),
        "conditions": {
            count: {name: _over([seed[name] for seed in seeds]) for name in seeds[0]}
            for count, seeds in by_turns.items()
        },
        "steps": {count: _by_steps(seeds) for count, seeds in by_turns.items()},
        "unequal": {
            count: seeded([_debated(seed, *_STEPS) for seed in seeds], SHARE)
            for count, seeds in by_turns.items()
        },
        **({"unread": _unread([seed["unread"] for seed in found])} if spoken else {}),
        "by_seed": [{key: seed[key] for key in seed if key != "transcripts"} for seed in found],
        "transcripts": found[0]["transcripts"],
    }


def _unread(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: seeded([_mean(seed[name]) for seed in seeds], SHARE) for name in seeds[0]}


def _over(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        key: seeded([_mean(seed[key]) for seed in seeds], NOT_BELOW_0 if key == "events" else SHARE)
        for key in seeds[0]
    }


def _mean(figure: Any) -> float | None:
    """Of a measure, or of a plain figure."""
    return Figure.of(figure).mean if isinstance(figure, dict) else figure


def ahead(honest: str, dishonest: str) -> int:
    """How many steps stronger the honest debater is; below 0, weaker."""
    order = list(STRENGTHS)
    return order.index(honest) - order.index(dishonest)


def compared(turns: Sequence[int], *, spoken: bool = False) -> dict[str, Figured]:
    """Contrast to its figure of one seed, from the conditions by number of turns: differences in accuracy.

    Without a number in the name it is of the middle number of turns. Where a language model spoke, it is
    compared as well.
    """

    def less(first: Figured, second: Figured, count: int) -> Figured:
        return lambda conditions: _minus(first(conditions[str(count)]), second(conditions[str(count)]))

    shown = middle(turns)
    equal, alone, advised = _steps_ahead(0), _condition("no help"), _condition("consultancy")
    return {
        "equal less no help": less(equal, alone, shown),
        "unequal less equal": less(_steps_ahead(*_STEPS), equal, shown),
        "honest weaker less honest stronger": less(_steps_ahead(-2, -1), _steps_ahead(1, 2), shown),
        **{f"{steps:+d} steps less equal": less(_steps_ahead(steps), equal, shown) for steps in _STEPS},
        "consultancy less no help": less(advised, alone, shown),
        **{
            f"equal less no help, {count} events": less(equal, alone, count)
            for count in turns
            if count != shown
        },
        **(
            {
                f"{_SPEECH} less no help": less(_condition(_SPEECH), alone, shown),
                f"{_SPEECH} less equal": less(_condition(_SPEECH), equal, shown),
            }
            if spoken
            else {}
        ),
    }


def _steps_ahead(*steps: int) -> Figured:
    return lambda conditions: _debated(conditions, *steps)


def _condition(name: str) -> Figured:
    return lambda conditions: _accuracy(conditions, name)


def _by_steps(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        str(steps): seeded([_debated(seed, steps) for seed in seeds], SHARE) for steps in sorted([0, *_STEPS])
    }


def _debated(conditions: Mapping[str, Any], *steps: int) -> float | None:
    """A seed's accuracy where the honest debater is so many steps ahead: the mean over all such pairs.

    Over all steps but 0, either side is the weaker one equally often, by as much.
    """
    pairs = itertools.product(STRENGTHS, repeat=2)
    found = [_accuracy(conditions, f"{h} v {d}") for h, d in pairs if ahead(h, d) in steps]
    known = [accuracy for accuracy in found if accuracy is not None]
    return fmean(known) if len(known) == len(found) else None


def _accuracy(conditions: Mapping[str, Any], name: str) -> float | None:
    return _mean(conditions[name]["accuracy"])


def _minus(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second
