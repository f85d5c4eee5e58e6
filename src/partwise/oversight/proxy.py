"""H_phi: the human-level AI that solves and judges subtasks in the human's stead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from partwise.models.classifier import Encoder, batch_of, logits_of
from partwise.oversight.solvers import Solver
from partwise.oversight.word import WordJudge
from partwise.types import JudgmentItem, PartialSolution, Subtask
from partwise.worlds.base import NOTHING_DONE, undone

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_AT_ONCE = 128
"""Texts that a tiny reward model reads at once."""


class Proxy:
    """A reward model on text, learned from human answers: it judges, and chooses among what a solver writes.

    Every judgment is the chance that the human would rather have this than nothing:
    sigmoid(score(text) - score(the same job left undone)), from 0 to 1, so that .5 divides
    what is judged aligned from what is not. A language model's word may stand in the place of that
    difference, or beside it (`oversight.word`).
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        solver: Solver,
        word: WordJudge | None = None,
        *,
        at_once: int = _AT_ONCE,
    ) -> None:
        """Args:
        model: gives one figure a text: a sequence classifier with one label.
        tokenizer: the model's.
        solver: writes the bodies that it chooses from.
        word: a language model's judgment; None for the reward model's alone.
        at_once: texts that the reward model reads at once, which bounds memory.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.solver = solver
        self.word = word
        self._scores: dict[str, float] = {}
        self._at_once = at_once
        self._encode = Encoder.within(model, tokenizer)

    def forget_scores(self) -> None:
        """Drop remembered scores; call after the judge's weights have moved.

        A word is not dropped: nobody moves the weights that it comes from.
        """
        self._scores.clear()

    def score(self, texts: Sequence[str]) -> list[float]:
        """The reward model's figure for each text; its zero means nothing, its differences do.

        Of a text that is longer than the model can read it reads the beginning.
        """
        new = sorted(set(texts) - self._scores.keys(), key=lambda text: (len(text), text))
        if new == [""]:
            # What did not run has no summary, and a batch without a token can't be read.
            self._scores[""], new = 0.0, []
        if new:  # Which takes longer than looking up what is known.
            self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(new), self._at_once):
                chunk = new[start : start + self._at_once]
                batch = batch_of([self._encode(text) for text in chunk], self.model.device)
                logits_B1 = logits_of(self.model, *batch)
                self._scores.update(zip(chunk, logits_B1.squeeze(-1).tolist(), strict=True))
        return [self._scores[text] for text in texts]

    def solve(self, subtasks: Sequence[Subtask]) -> list[PartialSolution | None]:
        """Of the bodies that the solver can write, the one the human would like best, if there is any."""
        written = self.solver.bodies(subtasks)
        # All at once: a pass of the model for each subtask's few bodies costs more than it reads.
        self.rank([body for bodies in written for body in bodies])
        return [self._best(bodies) if bodies else None for bodies in written]

    def rank(self, bodies: Sequence[PartialSolution]) -> list[float]:
        """Figures of which, among bodies of one subtask, the highest is best."""
        return self.judge(bodies) if self.word else self.score([body.source for body in bodies])

    def _best(self, bodies: Sequence[PartialSolution]) -> PartialSolution:
        scores = self.rank(bodies)
        return bodies[max(range(len(scores)), key=scores.__getitem__)]

    def judge(self, parts: Sequence[PartialSolution]) -> list[float]:
        """How likely the human would rather have each part than have its subtask left undone, 0 to 1."""
        done = self.score([part.source for part in parts])
        left = self.score([undone(part.subtask).source for part in parts])
        return self._judged([part.source for part in parts], done, left)

    def judge_summaries(self, summaries: Sequence[str]) -> list[float]:
        """How likely the human would rather have what each summary tells than nothing done, 0 to 1."""
        (nothing,) = self.score([NOTHING_DONE])
        return self._judged(summaries, self.score(summaries), [nothing] * len(summaries))

    def judge_wholes(self, sources: Sequence[str]) -> list[float]:
        """How likely the human would rather have each complete solution run than nothing done, 0 to 1."""
        (nothing,) = self.score([NOTHING_DONE])
        return self._judged(sources, self.score(sources), [nothing] * len(sources))

    def _judged(self, texts: Sequence[str], done: Sequence[float], left: Sequence[float]) -> list[float]:
        """The chances of texts that are worth `done` to the reward model, where nothing is worth `left`."""
        if self.word is None:
            return _chances(done, left)
        return _chances(self.word.weigh(self.word.margins(texts), _less(done, left)), [0.0] * len(texts))

    def prefers(self, items: Sequence[JudgmentItem]) -> list[int]:
        """Which of the two options of each item the proxy would rather have, 0 or 1; the first of equals."""
        first, second = self._options(items)
        return [int(b > a) for a, b in zip(first, second, strict=True)]

    def chances(self, items: Sequence[JudgmentItem]) -> list[float]:
        """How likely the human would rather have the first option of each item than the second, 0 to 1."""
        return _chances(*self._options(items))

    def _options(self, items: Sequence[JudgmentItem]) -> tuple[list[float], list[float]]:
        """Figures of the first and of the second options, whose differences are log-odds."""
        first = self.score([item.options[0].text for item in items])
        second = self.score([item.options[1].text for item in items])
        if self.word is None:
            return first, second
        return self.word.weigh(self._compared(items), _less(first, second)), [0.0] * len(items)

    def leanings(self, items: Sequence[JudgmentItem]) -> dict[str, list[float | None]]:
        """By judge how much rather it would have the first option of each item than the second, in log-odds.

        `reward`; and of a proxy with a language model's word `word`, None where there is none, and `both`.
        """
        first = self.score([item.options[0].text for item in items])
        second = self.score([item.options[1].text for item in items])
        gains = _less(first, second)
        found: dict[str, list[float | None]] = {"reward": [*gains]}
        if self.word is not None:
            said = self._compared(items)
            pairs = zip(said, gains, strict=True)
            found |= {"word": said, "both": [g if w is None else (w + g) / 2 for w, g in pairs]}
        return found

    def _compared(self, items: Sequence[JudgmentItem]) -> list[float | None]:
        texts = [[item.options[place].text for item in items] for place in (0, 1)]
        return self.word.compare(*texts) if self.word else []

    def save(self, folder: Path) -> None:
        """Write model and tokenizer, as `save_pretrained` does, and what the solver has learned."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.solver.save(folder)


def _less(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]


def _chances(better: Sequence[float], worse: Sequence[float]) -> list[float]:
    return torch.sigmoid(torch.tensor(better) - torch.tensor(worse)).tolist()
