"""What people say in one generation of a ladder of planners, and what its proxy makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from partwise.config import AlignConfig
from partwise.loops.questions import Heard, Questions
from partwise.loops.record import read_round, write_answers
from partwise.loops.scalable_align import align_to_human
from partwise.loops.setup import load_proxy
from partwise.oversight.combine import Method, combine, contradicted
from partwise.oversight.human import Human
from partwise.oversight.proxy import Proxy
from partwise.training.reward import Preference
from partwise.training.rollout import RolloutEngine
from partwise.types import Answer, JudgmentItem, Signal

ROUND = "round.json"
_FORMER = 3
"""Earlier proxies that have a say in what to ask about."""
_SOURCES = 2
"""Earlier proxies that are held against people's answers."""


def hear(
    align: AlignConfig,
    engine: RolloutEngine,
    human: Human,
    generation: int,
    predecessors: Sequence[Path],
    to: Path,
    *,
    seed: int,
) -> Heard:
    """H_phi <- align_to_human(H, H_phi, E), Figure 2(a), line 2, as the round of that number.

    Args:
        align: settings of the loop.
        engine: whose proxy hears, and whose planner's solutions are summarised.
        human: H.
        generation: from 0.
        predecessors: aligned planners, each with its proxy and what people said in its folder.
        to: gets this generation's answers.
        seed: decides every draw.
    """

    def proxies(models: Sequence[Path]) -> list[Proxy]:
        return [load_proxy(engine.world, align, model.parent / "proxy") for model in models]

    # The latest one's proxy is the one that hears.
    questions = Questions(align, engine, lambda _: proxies(predecessors[:-1][-_FORMER:]))
    history: list[Preference] = []
    for index, model in enumerate(predecessors):
        said = read_round(model.parent, index)
        history += said.preferences
        questions.recall(index, said.disagreed, labels=said.labels)
    heard = align_to_human(engine.proxy, human, questions, history, align.proxy, round=generation, seed=seed)
    write_answers(to, heard)
    record = {
        "disagreed": "".join(str(int(wrong)) for wrong in heard.disagreed),
        "realigned": heard.realigned,
        "error": supervision_error(heard.answers, proxies(predecessors[-_SOURCES:])),
    }
    (to / ROUND).write_text(json.dumps(record))
    return heard


def supervision_error(answers: Sequence[Answer], former: Sequence[Proxy]) -> float | None:
    """What people's answers and earlier proxies suggest of their errors, without the truth.

    Args:
        answers: of people, of which ties are left out.
        former: proxies that did not learn from these answers.

    Returns:
        Mean share of a source's answers that differ from what Dawid and Skene's model makes of all; None
        without an earlier proxy or an answer.
    """
    decided = [answer for answer in answers if answer.preferred is not None]
    if not former or not decided:
        return None
    items = [answer.item for answer in decided]
    said = [[_signal(answer.item, int(answer.preferred or 0), "people") for answer in decided]]
    for place, proxy in enumerate(former):
        name = f"proxy {place}"
        said.append([_signal(*pair, name) for pair in zip(items, proxy.prefers(items), strict=True)])
    combined = combine(said, Method.DAWID_SKENE)
    errors = [error for column in said if (error := contradicted(column, combined)) is not None]
    return fmean(errors)


def _signal(item: JudgmentItem, label: int, source: str) -> Signal:
    return Signal(example=item.key, label=label, confidence=1.0, source=source)
