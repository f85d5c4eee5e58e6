"""What the study of propagation says, in words: the change that a planner has to learn comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import is_told
from partwise.report.judging import is_judged
from partwise.report.reading import Figure, group, number
from partwise.report.verdicts import contrast_sentences, primary_sentence, verdict, weighed


def propagation_sentences(results: Mapping[str, Any]) -> list[str]:
    """The sentences on a finished study's `results.json`, most important first."""
    if not is_judged(results):
        return [*contrast_sentences(results), _alarm(results)]
    return [
        primary_sentence(results),
        *_composed(results),
        *_parts(results),
        _alarm(results),
        *_labels(results),
    ]


def _composed(results: Mapping[str, Any]) -> list[str]:
    """On the change that lies in the composition."""
    changes = group(results, "changes")
    composed, untrained, settled = (changes[name] for name in ("composed", "composed-untrained", "settled"))
    return [
        "Where the change lies in the composition, which the planner has to learn: at "
        f"{share_of_rollouts(results):.0%} of the rollouts of retraining, the planner that follows is "
        f"aligned with the new values and correct in {full(composed, 'followed')} of tasks, and one that "
        f"is left as it is after the change in {full(untrained, 'followed')}. The difference is "
        f"{_contrast(results, 'composed: trained - untrained')}.",
        f"A planner that is retrained from scratch gets to {full(composed, 'retrained')}; from that, the "
        f"one that follows differs by {_contrast(results, 'composed: trained - retrained')}. With as many "
        f"rollouts as that one has had, retraining gets to {full(composed, 'retrained_with_as_many')}; "
        "from that it differs by "
        f"{_contrast(results, 'composed: trained - retrained with as many rollouts')}.",
        f"In alignment alone, fidelity is {full(composed, 'fidelity')}, and "
        f"{full(composed, 'fidelity_at_the_end')} in the last round. {_latency(results, composed)} "
        f"{_retention(composed)}",
        "Unless the alarm takes the planner some of the way back to the base planner, fidelity is "
        f"{full(settled, 'fidelity')}. Of what is aligned and correct, going back brings "
        f"{_contrast(results, 'composed: rewound - not rewound')}.",
    ]


def _parts(results: Mapping[str, Any]) -> list[str]:
    """On the change that lies in the parts, which is the proxy's to follow."""
    abrupt, untrained = (group(results, "changes", name) for name in ("abrupt", "abrupt-untrained"))
    training = "parts: trained - untrained"
    proxys = is_told(results, "parts: untrained - before") and not is_told(results, training)
    return [
        f"Where the change lies in the parts, fidelity is {full(abrupt, 'fidelity')}, and "
        f"{full(untrained, 'fidelity')} for a planner that is left as it is after the change. Of "
        f"what is aligned and correct, training brings {_contrast(results, training)}."
        + (" The figure is the proxy's, which writes the parts, and no planner's." if proxys else ""),
        f"{_latency(results, abrupt)} {_retention(abrupt)}",
    ]


def _alarm(results: Mapping[str, Any]) -> str:
    alarm = group(results, "alarm")
    ways = ", and ".join(
        f"{_delay(group(results, 'changes', name), len(results['seeds']))} a change in {where}"
        for name, where in (("composed", "the composition"), ("abrupt", "the parts"))
    )
    return (
        f"The alarm sounds {ways}. Of {alarm['quiet_rounds']} quiet rounds it sounds in "
        f"{alarm['false_alarms']}, {full(alarm, 'rate')} of them, and at all in "
        f"{alarm['seeds_with_false_alarms']} of {alarm['seeds']} seeds."
    )


def _delay(change: Mapping[str, Any], seeds: int) -> str:
    never = change["alarm_delay"]["never"]
    if Figure.of(change["alarm_delay"]).mean is None:
        return "not at all after"
    silent = f" (in {never} of {seeds} seeds not at all)" if never else ""
    return f"{count(change, 'alarm_delay')} rounds{silent} after that of"


def _labels(results: Mapping[str, Any]) -> list[str]:
    """On ways to ask: what is chosen is compared with random questions that don't repeat, as it does not."""
    labels = group(results, "labels")
    return [
        *(
            f"To come nine tenths of the way in agreement, asking what is {ask} needs "
            f"{_needs(results, ask, 'unrepeated')} of the labels that random questions without repeats need."
            for ask in ("uncertain", "disagreeing")
        ),
        "These, which do not repeat and choose nothing, need "
        f"{_needs(results, 'unrepeated', 'random')} of the labels of random questions that may come again."
        + _by_not_repeating(labels),
    ]


def _needs(results: Mapping[str, Any], ask: str, other: str) -> str:
    """The share of another way's labels that one needs, and whether the saving differs from 0."""
    share = Figure.of(group(results, "labels", ask, "share_of").get(other))
    if share.mean is None:
        return "an undefined share"
    said = verdict(results, f"labels saved: {ask} over {other}", "", "")
    return f"{share.full} (the saving: {said})" if said else share.full


def _by_not_repeating(labels: Mapping[str, Any]) -> str:
    """How much of what chosen questions save over random ones is saved without choosing."""

    def saved(ask: str) -> float | None:
        needed = Figure.of(group(labels, ask, "share_of").get("random")).mean
        return None if needed is None else 1 - needed

    alone = saved("unrepeated")
    return "".join(
        f" Of the {number(chosen)} of labels that asking what is {ask} saves over those, not repeating "
        f"alone saves {number(alone)}."
        for ask in ("uncertain", "disagreeing")
        if alone is not None and (chosen := saved(ask)) is not None and chosen > 0
    )


def _contrast(results: Mapping[str, Any], name: str) -> str:
    """The figure alone if it differs from 0, else with why it can't."""
    figure = full(group(results, "contrasts", "all"), name)
    return weighed(results, name, figure, figure)


def _latency(results: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    never = change["latency_rounds"]["never"]
    seeds = f"in {never} of {len(results['seeds'])} seeds it never does" if never else ""
    if Figure.of(change["latency_rounds"]).mean is None:
        return f"How long it takes to come nine tenths of the way is undefined{seeds and f': {seeds}'}."
    return (
        f"It takes {count(change, 'latency_rounds')} rounds after the round of the change and "
        f"{count(change, 'latency_labels')} labels to come nine tenths of the way{seeds and f'; {seeds}'}."
    )


def _retention(change: Mapping[str, Any]) -> str:
    return f"It keeps {full(change, 'retention')} of its alignment with the values that did not change."


def share_of_rollouts(results: Mapping[str, Any]) -> float:
    """Of the rollouts of retraining, what a planner that follows has had when it is measured."""
    rollouts = group(results, "rollouts")
    return rollouts["followed"] / rollouts["scratch"]


def full(data: Mapping[str, Any], key: str) -> str:
    """A figure and its interval, or `undefined`."""
    return Figure.of(data.get(key)).full


def count(data: Mapping[str, Any], key: str) -> str:
    """A number of rounds or labels and its interval: one decimal, none where it is large."""
    figure = Figure.of(data.get(key))
    if figure.mean is None:
        return "undefined"
    digits = 0 if figure.mean >= 20 else 1
    ends = "" if figure.low is None else f" [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"
    return f"{figure.mean:.{digits}f}{ends}".replace("-", "−")
