"""Decoding that keeps to a language: what a model writes at any temperature is a text of it.

A token is drawn from the model's own distribution and looked at. Where no ending is known with which it could
become a text, the next token of the shortest way to an end stands instead: nothing is renormalised, and what
the model draws keeps its own chance. To renormalise over what is accepted was tried first. A model that may
not write what it would is then left with tokens that it gives next to no chance, and loses its way. Nor is a
mask of the vocabulary needed: only what was drawn is looked at. `composition.acceptor` says what is accepted;
here its texts become tokens.

So that no text is cut, a token is accepted only if its text can still be ended, byte by byte if need be,
within the tokens that are left.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from partwise.composition.acceptor import Language, Text, begin
from partwise.models.errors import ModelError

_REMEMBERED = 200_000
"""Beginnings of texts, before all are forgotten."""
_LONGEST = 32
"""Most bytes that are written at once on the way to an end."""
_NEEDED = frozenset((*b"\n", *range(0x20, 0x7F)))
"""Bytes that a way to an end may take; it takes others only after a character that was drawn."""


@dataclass(eq=False, slots=True)
class Node:
    """What a row has written in this turn, shared by all rows that have written the same."""

    text: Text
    pending: bytes = b""
    """The first bytes of a character that is not whole."""
    next: dict[int, Node | None] = field(default_factory=dict[int, "Node | None"])
    ending: bytes = b""
    """Bytes that end it, without the token that does."""
    _ends: bool | None = None

    @property
    def ends(self) -> bool:
        """Whether it may end here."""
        if self._ends is None:
            self._ends = not self.pending and self.text.ends
        return self._ends


class Writing:
    """Which tokens may follow, for one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, eos_ids: Collection[int]) -> None:
        """Args:
        tokenizer: over bytes, as those of GPT-2, Qwen2 and Llama 3 and of tiny models are.
        eos_ids: tokens that end a turn.

        Raises:
            ModelError: its tokens are no strings of bytes, or it lacks one for a printable byte. One that
                has never been seen may be missing, as 21 are of SmolLM2's.
        """
        self.eos_ids = frozenset(eos_ids)
        self._pieces = token_bytes(tokenizer)
        self._of_piece = {piece: token for token, piece in self._pieces.items()}
        self._longest = min(max(map(len, self._of_piece), default=1), _LONGEST)
        self._missing = {byte for byte in range(256) if bytes((byte,)) not in self._of_piece}
        if lacking := self._missing & _NEEDED:
            raise ModelError(
                f"planner.constrained=true needs a tokenizer that can write any printable byte, and this one "
                f"has no token for {chr(min(lacking))!r}; leave planner.constrained out"
            )
        self._roots: dict[Language, Node | None] = {}
        self._count = 0

    def begin(self, language: Language) -> Node | None:
        """Nothing written yet; None where the language has no text that the tokenizer can write, so that
        nothing can be held to it.
        """
        if self._count > _REMEMBERED:
            self._roots.clear()
            self._count = 0
        if language not in self._roots:
            text = begin(language)
            self._roots[language] = None if text is None else self._node(text, b"", "")
        return self._roots[language]

    def fewest(self, language: Language) -> int:
        """Tokens that any text of a language fits in, if one does; with its end."""
        node = self.begin(language)
        return len(node.ending) + 1 if node else 1

    def then(self, node: Node, token: int, left: int) -> Node | None:
        """What is written after a token; None where it may not follow.

        Args:
            node: what was written before.
            token: any but an end, for which see `may_follow`.
            left: how many tokens may follow it.
        """
        if token not in node.next:
            node.next[token] = self._after(node, self._pieces.get(token, b""))
        after = node.next[token]
        return after if after is not None and len(after.ending) < left else None

    def may_follow(self, node: Node, token: int, left: int) -> bool:
        """Whether a token may follow what is written, and `left` others after it."""
        return node.ends if token in self.eos_ids else self.then(node, token, left) is not None

    def held(self, node: Node, drawn: int, left: int) -> int:
        """The token that was drawn where it may follow, with `left` others after it; else a forced one."""
        return drawn if self.may_follow(node, drawn, left) else self.forced(node)

    def forced(self, node: Node) -> int:
        """A token that may always follow: the first, and the longest, of the way to an end."""
        if not node.ending:
            return min(self.eos_ids)
        pieces = (node.ending[:length] for length in range(self._longest, 0, -1))
        return next(self._of_piece[piece] for piece in pieces if piece in self._of_piece)

    def _node(self, text: Text, pending: bytes, filled: str) -> Node | None:
        """None where the way to an end takes a byte that there is no token for."""
        self._count += 1
        ending = (filled.encode()[len(pending) :] if pending else b"") + text.witness.encode()
        return Node(text, pending, ending=ending) if self._missing.isdisjoint(ending) else None

    def _after(self, node: Node, piece: bytes) -> Node | None:
        if not piece:
            return None
        begun = node.pending + piece
        try:
            decoder = codecs.getincrementaldecoder("utf-8")()
            more = decoder.decode(begun)
            pending: bytes = decoder.getstate()[0]
        except UnicodeDecodeError:
            return None
        text = node.text.then(more) if more else node.text
        if text is None or not pending:
            return None if text is None else self._node(text, b"", "")
        filled = _filled(pending)
        whole = None if filled is None else text.then(filled)
        if filled is None or whole is None:
            return None
        # The text goes on from before the character; its ending is that of the text with one.
        after = self._node(whole, pending, filled)
        if after is not None:
            after.text = text
        return after


def token_bytes(tokenizer: PreTrainedTokenizerBase) -> dict[int, bytes]:
    """The bytes that each token stands for; without those that were added, special ones among them.

    Raises:
        ModelError: its tokens are no strings of bytes.
    """
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or "ByteLevel" not in str(backend.decoder):
        raise ModelError(
            "planner.constrained=true needs a tokenizer over bytes, as those of GPT-2, Qwen2 and Llama 3; "
            "leave it out for this one"
        )
    byte_of = _byte_of_sign()
    added = tokenizer.added_tokens_decoder.keys()
    return {
        token: bytes(byte_of[sign] for sign in piece)
        for piece, token in tokenizer.get_vocab().items()
        if token not in added and all(sign in byte_of for sign in piece)
    }


def _byte_of_sign() -> dict[str, int]:
    """The printable sign that stands for each byte, as all such tokenizers have it, to the byte."""
    alphabet = set(pre_tokenizers.ByteLevel.alphabet())
    plain = {sign: ord(sign) for sign in alphabet if ord(sign) < 256}
    rest = sorted(set(range(256)) - set(plain.values()))
    # The bytes that can't be printed are given signs in their order.
    return plain | dict(zip(sorted(alphabet - plain.keys()), rest, strict=True))


def _filled(pending: bytes) -> str | None:
    """A character that begins with some bytes; None where none does."""
    for first in (0x80, 0x90, 0xA0):
        for length in (2, 3, 4):
            rest = [first, *[0x80] * 3][: length - len(pending)]
            try:
                return (pending + bytes(rest)).decode()
            except UnicodeDecodeError:
                continue
    return None


class Held:
    """The rows of a batch that are kept to a language, while they write one turn."""

    def __init__(self, writing: Writing, languages: Sequence[Language | None]) -> None:
        """`languages` has each row's; None for one that writes freely."""
        self._writing = writing
        self._nodes = [None if language is None else writing.begin(language) for language in languages]
        self._due = [False] * len(self._nodes)
        """Whether the way to an end is taken, which is left at the end of a line."""

    def token(self, row: int, drawn: int, left: int) -> tuple[int, bool]:
        """Go on with the token that was drawn, or with the way to an end where that may not follow.

        Args:
            row: which one.
            drawn: from the model's own distribution.
            left: tokens that may follow this one.

        Returns:
            the token that is written, and whether it is there because it was drawn.
        """
        node = self._nodes[row]
        if node is None:
            return drawn, True
        if not self._due[row] and (known := node.next.get(drawn)) and len(known.ending) < left:
            self._nodes[row] = known
            return drawn, True
        due = self._due[row] and node.ending[:1] not in (b"", b"\n")
        follows = not due and self._writing.may_follow(node, drawn, left)
        token = drawn if follows else self._writing.forced(node)
        self._due[row] = not follows
        if token not in self._writing.eos_ids:
            self._nodes[row] = self._writing.then(node, token, left)
        return token, follows


class ConstrainedProcessor(LogitsProcessor):
    """The same for `generate` of transformers: it draws the token itself, and leaves no other a chance.

    Hand it over with `logits_processor=LogitsProcessorList([...])`; the temperature is its own, and what
    `generate` does to the scores afterwards changes nothing. Not for beams.
    """

    def __init__(
        self,
        writing: Writing,
        languages: Sequence[Language],
        prompt_tokens: int,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        """Args:
        writing: of the model's tokenizer.
        languages: one for each row.
        prompt_tokens: what the prompts are padded to.
        max_new_tokens: as `generate` has it.
        temperature: of the softmax; 0 takes the likeliest accepted token.
        generator: on the CPU; None for the global one.

        Raises:
            ValueError: there are too few tokens for the shortest text.
        """
        fewest = max(map(writing.fewest, languages))
        if max_new_tokens < fewest:
            raise ValueError(f"a text takes {fewest} tokens at least, not {max_new_tokens}")
        self._writing = writing
        self._nodes = [writing.begin(language) for language in languages]
        self._prompt, self._limit = prompt_tokens, max_new_tokens
        self._temperature, self._generator = temperature, generator

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores, of shape (rows, vocabulary), minus infinity but for one token of each row."""
        drawn = self._drawn(scores)
        for row, written in enumerate(input_ids[:, self._prompt :].tolist()):
            node = self._reached(row, written)
            if node is None:  # It has ended.
                continue
            token = self._writing.held(node, drawn[row], self._limit - len(written) - 1)
            scores[row] = float("-inf")
            scores[row, token] = 0.0
        return scores

    def _reached(self, row: int, written: Sequence[int]) -> Node | None:
        node = self._nodes[row]
        for token in written:
            if node is None or token in self._writing.eos_ids:
                return None
            node = self._writing.then(node, token, self._limit)
        return node

    def _drawn(self, scores_BV: Tensor) -> list[int]:
        if self._temperature == 0:
            return scores_BV.argmax(-1).tolist()
        chances_BV = (scores_BV.float() / self._temperature).softmax(-1).cpu()
        return torch.multinomial(chances_BV, 1, generator=self._generator)[:, 0].tolist()
