"""Self-enhancement: a model learns from the judgment of models no stronger than itself (LAIF).

Kim et al. 2025 on self-enhancement: learning from AI feedback, round after round, with direct preference
optimization (Rafailov et al. 2023, equation 7; judged by itself as in Yuan et al. 2024, "Self-Rewarding
Language Models", section 2.4):

    procedure self_enhance(writer, judge):
    1  for each round do
    2      plans  <- writer.write(prompts)
    3      pairs  <- two plans for one prompt, at random
    4      signals <- judge(pairs)                   the writer itself, its peers, or whoever
    5      writer <- DPO(writer, what is preferred over what; reference = the writer before this round)

Nothing here knows which plan is good, but for a judge that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from partwise.config import PreferConfig, derived_seed
from partwise.data.plans import Cue
from partwise.models.writer import Writer, Written
from partwise.oversight.signals import Source
from partwise.training.preference import Preferred, encoded, prefer
from partwise.types import Example, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What happened up to the moment when the writer would learn."""

    index: int
    """From 0, where the writer has learned nothing yet."""
    written: Sequence[Written]
    pairs: Sequence[Example]
    said: Sequence[Signal | None]
    """One signal a pair; None where the judge sees no difference."""


def self_enhance(
    writer: Writer,
    judge: Source,
    prompts: Sequence[str],
    config: PreferConfig,
    *,
    rounds: int,
    seed: int,
) -> Iterator[Round]:
    """The algorithm above. Yields in each round before the writer learns, when it may be measured.

    The last round, whose index is `rounds`, is there to be measured alone.

    Args:
        writer: its weights move.
        judge: whoever supervises. It reads two texts and what was asked for (`Example.group`).
        prompts: what is asked for in each round; each kind an even number of times.
        config: how the writer learns.
        rounds: how often it learns.
        seed: decides samples, pairs and the order of learning, the same ones for every judge.
    """
    first = derived_seed(seed * 1000)
    for index in range(rounds + 1):
        written = writer.write(prompts, seed=first + index)
        pairs = paired(written)
        said = judge.signals(pairs)
        yield Round(index=index, written=written, pairs=pairs, said=said)
        if index < rounds:
            preferred = preferences(writer, pairs, said)
            prefer(writer.model, writer.tokenizer, preferred, config, seed=first + index)


def paired(written: Sequence[Written]) -> list[Example]:
    """Each two neighbours that answer one prompt, came to an end and differ, as an example of two texts.

    The label of such an example is 0 and means nothing: whoever knows better is asked as a source.
    """
    by_prompt: dict[str, list[Written]] = {}
    for one in written:
        by_prompt.setdefault(one.prompt, []).append(one)
    couples = [
        couple
        for ones in by_prompt.values()
        for couple in zip(ones[::2], ones[1::2], strict=False)
        if all(one.ended for one in couple) and couple[0].text != couple[1].text
    ]
    return [
        Example(key=f"{index}", texts=(first.text, second.text), label=0, group=first.prompt)
        for index, (first, second) in enumerate(couples)
    ]


def preferences(writer: Writer, pairs: Sequence[Example], said: Sequence[Signal | None]) -> list[Preferred]:
    """What the writer learns from signals; nothing of pairs without one."""
    return [
        encoded(writer.tokenizer, pair.group, pair.texts[signal.label], pair.texts[1 - signal.label])
        for pair, signal in zip(pairs, said, strict=True)
        if signal is not None
    ]


def asked_for(count: int, shares: Mapping[Cue, float]) -> list[str]:
    """About `count` prompts, each kind its share of them and an even number of times."""
    return [cue.value for cue, share in shares.items() for _ in range(2 * round(count * share / 2))]
