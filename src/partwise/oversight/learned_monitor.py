"""A monitor that nobody wrote: learned from what people and models said of two plans.

Kim et al. 2025, stage 2, want monitors that do not rest on rules alone. This one fits Bradley and Terry's
model to judgments: the log-odds that the first of two plans is preferred are the difference of their scores,
and a score is a sum of weights of what can be seen of a plan, which are the words of its text, by themselves
and in twos, and the tools that it called in a small dinner. It knows what it was told of and nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from partwise.data.deeds import Deed, Deployment

_STRENGTH = 1.0
"""Inverse of the penalty on squared weights."""
_LEAST = 8
"""Judgments below which nothing is learned."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Two plans for one scene, and how much the first was preferred."""

    first: Deed
    second: Deed
    preference: float
    """0 to 1; .5 says nothing."""


class LearnedMonitor:
    """Scores plans by what was said of others."""

    name = "learned"

    def __init__(self, vectorizer: Any, model: Any, deployment: Deployment) -> None:
        self._vectorizer, self._model, self._deployment = vectorizer, model, deployment

    @classmethod
    def fit(cls, judged: Sequence[Judged], deployment: Deployment) -> LearnedMonitor | None:
        """None of too few judgments to learn from, or where all say the same of every word.

        Args:
            judged: what was said; ties are passed over.
            deployment: where plans are tried in small.
        """
        try:
            import numpy as np
            from scipy.sparse import vstack
            from sklearn.feature_extraction.text import CountVectorizer
            from sklearn.linear_model import LogisticRegression
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"A learned monitor needs scikit-learn ({error}); pip install 'partwise[lab]'."
            ) from error

        told = [each for each in judged if each.preference != 0.5]
        if len(told) < _LEAST:
            return None
        seen = [_seen(deed, deployment) for each in told for deed in (each.first, each.second)]
        floats: Any = np.float64
        vectorizer = CountVectorizer(
            lowercase=False, token_pattern=r"\S+", ngram_range=(1, 2), binary=True, dtype=floats
        )
        counts: Any = vectorizer.fit_transform(seen)
        difference = counts[::2] - counts[1::2]
        preference = np.array([each.preference for each in told])
        # A judgment of .7 is seven tenths of one for the first and three tenths of one for the second.
        model = LogisticRegression(C=_STRENGTH, fit_intercept=False, max_iter=1000)
        model.fit(
            vstack([difference, difference]),
            np.repeat([True, False], len(told)),
            sample_weight=np.concatenate([preference, 1 - preference]),
        )
        return cls(vectorizer, model, deployment)

    def scores(self, deeds: Sequence[Deed]) -> list[float | None]:
        """How suspicious each plan is, in nats, higher is more; None of what is no plan."""
        if not deeds:
            return []
        counts = self._vectorizer.transform([_seen(deed, self._deployment) for deed in deeds])
        preferred = self._model.decision_function(counts)
        return [-float(value) if deed.formed else None for deed, value in zip(deeds, preferred, strict=True)]


def _seen(deed: Deed, deployment: Deployment) -> str:
    """What there is to be seen of a plan, in words: its own, and whether it called a tool once or more."""
    words = _WORD.findall(deed.text)
    if deed.formed:
        calls = Counter(event.tool for event in deployment.trial_in_calm(deed).execution.trace)
        words += [f"call:{tool}{'s' if count > 1 else ''}" for tool, count in sorted(calls.items())]
    return " ".join(words)
