"""What to ask: at random, with repeats or without, what the proxy is unsure of, or changed its mind about."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from statistics import pvariance

from partwise.oversight.proxy import Proxy
from partwise.types import JudgmentItem


def choose(
    candidates: Sequence[JudgmentItem],
    count: int,
    ask: str,
    proxy: Proxy,
    former: Sequence[Proxy],
    asked: Counter[frozenset[str]],
    rng: random.Random,
) -> list[JudgmentItem]:
    """`count` of the candidates; but for `random`, no pair of texts twice as long as there are others.

    What a proxy was unsure of, it often still is once it has the answer. `unrepeated` keeps the same books
    and chooses by nothing else: it tells what choosing brings from what not repeating brings.

    Args:
        candidates: drawn at random, more than `count` of them.
        count: how many to ask.
        ask: `random`, `unrepeated`, `uncertain` or `disagreeing`, as `RealignConfig.ask`.
        proxy: H_phi as it is.
        former: H_phi as it was after earlier realignments, which with the present one make a committee.
        asked: how often people have compared each pair of texts since their values last moved.
        rng: breaks ties between those that are worth the same.

    Raises:
        ValueError: there is no such way to ask.
    """
    if ask == "random":
        return list(candidates[:count])
    items = list({item.pair: item for item in candidates}.values())
    if ask != "unrepeated":  # Those stay in the order in which they were drawn, which is random as it is.
        rng.shuffle(items)
    worth = _worth(items, ask, proxy, former)
    rows = sorted(zip(worth, items, strict=True), key=lambda row: (asked[row[1].pair], -row[0]))
    return ([item for _, item in rows] + list(candidates))[:count]


def _worth(items: Sequence[JudgmentItem], ask: str, proxy: Proxy, former: Sequence[Proxy]) -> list[float]:
    """What asking each is worth: the highest are asked first."""
    match ask:
        case "unrepeated":
            return [0.0] * len(items)
        case "uncertain":
            return [-abs(chance - 0.5) for chance in proxy.chances(items)]
        case "disagreeing":
            votes = zip(*(member.chances(items) for member in (*former, proxy)), strict=True)
            return [pvariance(vote) for vote in votes]
        case _:
            raise ValueError(f"there is no way to ask that is called {ask!r}")
