"""What results say, in words: the same sentences in the terminal and in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from partwise.report.judging import is_judged, one_run
from partwise.runs.progress import short_number

ARMS = ("base", "floor", "parts", "strategies", "ceiling")
"""The arms of the study of part-to-complete generalization, in the order in which they are shown."""

MEANING = {
    "base": "the pretrained planner, before any reward",
    "floor": "the verifier's word alone",
    "parts": "the verifier's word and the proxy's judgment of the parts",
    "strategies": "the same, with composition restricted and summaries judged",
    "ceiling": "the verifier's word and the value oracle",
    "trained": "the planner after the last round",
}
"""What each arm is trained on."""

OUTCOMES = {
    "ran": "ran to its end",
    "unparsed": "no program of the language",
    "truncated": "ran out of tokens",
    "unsolved": "asked for a subtask nobody could solve",
    "out_of_space": "outside the composition space",
    "timed_out": "stopped by the sandbox",
    "raised": "raised an error",
}
"""How a solution can end."""

RATES = (
    ("aligned_and_correct", "aligned and correct"),
    ("correct", "correct"),
    ("ran", "ran"),
    ("given_ran.aligned", "aligned, if it ran"),
    ("hacking_rate", "hacking rate"),
)
"""What is shown of an arm: shares of all held-out tasks, but for the last two, with their headings."""

_NEARLY_ALL = 0.8
_NEXT_TO_NOTHING = 0.2


@dataclass(frozen=True)
class Figure:
    """A measured figure; `mean` is None where it is undefined or was not measured."""

    mean: float | None
    low: float | None
    """Lower end of the 95% interval."""
    high: float | None
    n: int

    @classmethod
    def of(cls, data: Any) -> Self:
        """From `{"mean", "ci95": [low, high] | null, "n"}`; anything else is an undefined figure."""
        if not isinstance(data, Mapping):
            return cls(None, None, None, 0)
        fields = cast(Mapping[str, Any], data)
        mean, interval, n = fields.get("mean"), fields.get("ci95"), fields.get("n")
        low, high = (None, None)
        if isinstance(interval, Sequence) and len(cast(Sequence[Any], interval)) == 2:
            low, high = (_number(end) for end in cast(Sequence[Any], interval))
        return cls(_number(mean), low, high, n if isinstance(n, int) else 0)

    @property
    def text(self) -> str:
        """`.42`, or `undefined`."""
        return "undefined" if self.mean is None else number(self.mean)

    @property
    def leaves_out_zero(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    @property
    def interval(self) -> str:
        """`[.38, .46]`, or nothing."""
        return "" if self.low is None or self.high is None else f"[{number(self.low)}, {number(self.high)}]"

    @property
    def full(self) -> str:
        """`.42 [.38, .46]`."""
        return f"{self.text} {self.interval}".strip() if self.mean is not None else self.text


def number(value: float) -> str:
    """Two decimals, as in `.42` and `−.05`."""
    return short_number(value).replace("-", "−")


def _number(value: Any) -> float | None:
    ok = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return float(value) if ok else None


def each_seed(data: Any) -> str:
    """The figure of each seed, `.42 and .40`, of results that are shown and not judged."""
    values: Sequence[Any] = group(data).get("by_seed") or [Figure.of(data).mean]
    shown = ["undefined" if (value := _number(each)) is None else number(value) for each in values]
    if len(set(shown)) == 1 and shown[0] == "undefined":
        return shown[0]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def group(data: Any, *keys: str) -> Mapping[str, Any]:
    """A nested group of plain data; empty where it is not there."""
    for key in keys:
        data = cast(Mapping[str, Any], data).get(key) if isinstance(data, Mapping) else None
    return cast(Mapping[str, Any], data) if isinstance(data, Mapping) else {}


def text_at(line: Mapping[str, Any], key: str) -> str:
    """A text of plain data; empty where there is none."""
    value = line.get(key)
    return value if isinstance(value, str) else ""


def list_at(line: Mapping[str, Any], key: str) -> list[Any]:
    """A list of plain data; empty where there is none."""
    value = line.get(key)
    return cast(list[Any], value) if isinstance(value, list) else []


def whole_text(line: Mapping[str, Any]) -> str:
    """What lines are counted in: the module that ran, or the turn that was not followed by one."""
    return text_at(line, "source") or text_at(line, "composition") or text_at(line, "decomposition")


def ordered(arms: Mapping[str, Any]) -> list[str]:
    """Names of the arms, known ones first."""
    return [a for a in ARMS if a in arms] + [a for a in arms if a not in ARMS]


def arm_figure(arm: Mapping[str, Any], key: str) -> Figure:
    """One of `RATES` of an arm."""
    *groups, name = key.split(".")
    return Figure.of(group(arm, *groups).get(name))


def gap_sentences(results: Mapping[str, Any]) -> list[str]:
    """What a study's results say about part-to-complete generalization, one sentence each."""
    arms = group(results, "arms")
    floor = Figure.of(group(arms, "floor").get("aligned_and_correct"))
    ceiling = Figure.of(group(arms, "ceiling").get("aligned_and_correct"))
    gaps = group(results, "part_to_complete", "gap_recovered")
    if not is_judged(results):
        return _unjudged_gaps(results, floor, ceiling)
    sentences = [
        _gap_sentence(opening, Figure.of(gaps[arm]), floor, ceiling)
        for arm, opening in (
            ("parts", "Judging the parts"),
            ("strategies", "With composition restricted and summaries judged besides, it"),
        )
        if arm in gaps
    ]
    if sentences and sentences[0] == sentences[-1]:
        sentences = sentences[:1]
    found = group(results, "part_to_complete", "correlations")
    if found:
        total, mean, count = (Figure.of(found.get(name)) for name in ("sum", "mean", "parts"))
        sentences.append(
            "Over solutions that the base planner sampled, the alignment of the whole correlates with the "
            f"sum of the partial rewards, which is what the paper pays, at {total.full}, with their mean at "
            f"{mean.full}, and with the number of parts alone, judged or not, at {count.full}."
        )
    return sentences


def _unjudged_gaps(results: Mapping[str, Any], floor: Figure, ceiling: Figure) -> list[str]:
    """The same figures, each seed's, without what they would say if there were more seeds."""
    gaps = group(results, "part_to_complete", "gap_recovered")
    shown = "; ".join(f"`{arm}` {each_seed(gaps[arm])}" for arm in ("parts", "strategies") if arm in gaps)
    if "undefined" in shown:
        shown += " (undefined where ceiling and floor can't be told apart)"
    found = group(results, "part_to_complete", "correlations")
    sentences = [f"Of the gap between floor ({floor.text}) and ceiling ({ceiling.text}), by seed: {shown}."]
    if found:
        total, mean, count = (each_seed(found.get(name)) for name in ("sum", "mean", "parts"))
        sentences.append(
            "Over solutions that the base planner sampled, correlation of the alignment of the whole, by "
            f"seed: with the sum of the partial rewards, which is what the paper pays, {total}; with their "
            f"mean {mean}; with the number of parts alone, judged or not, {count}."
        )
    return sentences if shown else sentences[1:]


def _gap_sentence(opening: str, gap: Figure, floor: Figure, ceiling: Figure) -> str:
    if gap.mean is None:
        if floor.mean is None or ceiling.mean is None:
            return "The gap recovered is undefined: the floor or the ceiling is missing."
        apart = floor.high is not None and ceiling.low is not None and ceiling.low > floor.high
        if apart:
            return (
                f"The gap recovered is undefined, between floor ({floor.full}) and ceiling ({ceiling.full})."
            )
        return (
            f"The gap recovered is undefined: ceiling ({ceiling.full}) and floor ({floor.full}) "
            "can't be told apart, so there is no gap to recover."
        )
    low = gap.mean if gap.low is None else gap.low
    high = gap.mean if gap.high is None else gap.high
    if low >= _NEARLY_ALL:
        verdict = "nearly all of what judging the whole brings"
    elif high < 0:
        verdict = "the whole comes out less aligned than with no judgment at all"
    elif high <= _NEXT_TO_NOTHING:
        verdict = "next to nothing"
    elif low > 0:
        verdict = "some of it, perhaps all" if high >= _NEARLY_ALL else "some of it"
    else:
        verdict = "can't be told from nothing"
    return (
        f"{opening} recovers {gap.full} of the gap between floor ({floor.text}) "
        f"and ceiling ({ceiling.text}): {verdict}."
    )


def run_sentences(results: Mapping[str, Any]) -> list[str]:
    """What one run's results say, one sentence each."""
    base = Figure.of(group(results, "base").get("aligned_and_correct"))
    trained = Figure.of(group(results, "trained").get("aligned_and_correct"))
    if base.mean is None or trained.mean is None:
        return ["Aligned-and-correct is undefined for the base or the trained planner."]
    sentences = [
        f"Aligned and correct, of {trained.n:,} held-out tasks: {base.full} before training, {trained.full} "
        "after.",
        one_run("tasks"),
    ]
    hacking = Figure.of(group(results, "trained").get("hacking_rate"))
    if hacking.mean is not None:
        sentences.append(
            "Of the trained planner's correct solutions whose every part was judged aligned, "
            f"{hacking.n:,} in number, {hacking.full} are misaligned as a whole."
        )
    return sentences
