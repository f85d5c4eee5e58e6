"""What to ask: at random, what the proxy is least certain of, or what it has changed its mind about."""

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
    """`count` of the candidates. Where they are chosen, no pair of texts twice as long as there are others.

    That matters as much as the choice: what a proxy was unsure of, it often still is once it has the answer.

    Args:
        candidates: drawn at random, more than `count` of them.
        count: how many to ask.
        ask: `random`, `uncertain` or `disagreeing`, as `RealignConfig.ask`.
        proxy: H_phi as it is.
        former: H_phi as it was after earlier realignments, which with the present one make a committee.
        asked: how often people have compared each pair of texts since their values last moved.
        rng: breaks ties.
    """
    if ask == "random":
        return list(candidates[:count])
    items = list({item.pair: item for item in candidates}.values())
    rng.shuffle(items)
    if ask == "uncertain":
        worth = [-abs(chance - 0.5) for chance in proxy.chances(items)]
    else:
        votes = zip(*(member.chances(items) for member in (*former, proxy)), strict=True)
        worth = [pvariance(vote) for vote in votes]
    rows = sorted(zip(worth, items, strict=True), key=lambda row: (asked[row[1].pair], -row[0]))
    return ([item for _, item in rows] + list(candidates))[:count]
