"""What a sequence classifier of transformers makes of texts: the same, whatever they are batched with.

A decoder's score is read at the last token that is not `config.pad_token_id`, as transformers reads it of a
text by itself. That setting is the model's own and stays as it is. Which token the *tokenizer* takes for
padding, and on which side, is of no account: batches are made here.

Suffixes: B texts of the batch, T tokens, K logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

_UNBOUNDED = 10**9
"""Tokenizers that know of no longest text say a number beyond this."""

_safe: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Model to whether padding on the right, masked, moves none of its logits."""


class TextError(ValueError):
    """A text that a model can't read; the message is one sentence that says why."""


class Encoder:
    """A text's token ids, as one model reads them."""

    def __init__(self, model: Any, tokenizer: Any, *, cut: int | None = None) -> None:
        """Args:
        model: a `PreTrainedModel`.
        tokenizer: the model's.
        cut: tokens that a longer text is cut to; None cuts nothing.
        """
        self._tokenizer, self._cut = tokenizer, cut
        self._known = int(model.get_input_embeddings().weight.shape[0])
        self.longest = longest_text(model, tokenizer)
        """Tokens of the longest text that the model can read; None where nothing bounds it."""
        self.shortened: set[str] = set()
        """Texts that were cut so far."""

    @classmethod
    def within(cls, model: Any, tokenizer: Any) -> Encoder:
        """One that cuts a text to what the model can read, which is all of most."""
        return cls(model, tokenizer, cut=longest_text(model, tokenizer))

    def __call__(self, text: str) -> list[int]:
        """The ids; none of an empty text. A sign of the beginning is read once, also where a chat template
        writes it and the tokenizer again.

        Raises:
            TextError: the text, cut or not, is longer than the model can read, or has tokens that it lacks.
        """
        ids = self._ids(text)
        if self._cut is not None and len(ids) > self._cut:
            ids = self._ids(text, truncation=True, max_length=self._cut)
            self.shortened.add(text)
        if self.longest is not None and len(ids) > self.longest:
            raise TextError(
                f"the text is {len(ids):,} tokens long and the model reads {self.longest:,} at most"
            )
        if ids and max(ids) >= self._known:
            raise TextError(
                f"the tokenizer gives the token {max(ids):,} and the model knows {self._known:,}: they do "
                "not belong together"
            )
        return ids

    def _ids(self, text: str, **how: Any) -> list[int]:
        ids: list[int] = self._tokenizer(text, verbose=False, **how)["input_ids"]
        first: Any = self._tokenizer.bos_token_id
        return ids[1:] if first is not None and ids[:2] == [first, first] else ids


def longest_text(model: Any, tokenizer: Any) -> int | None:
    """Tokens of the longest text that model and tokenizer both say they take; None where neither says."""
    # The positions of RoBERTa and its kin begin after that of padding.
    ahead = [
        module.padding_idx + 1
        for name, module in model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    return longest_stated(model.config, tokenizer, max(ahead, default=0))


def longest_stated(config: Any, tokenizer: Any, ahead: int = 0) -> int | None:
    """The same by the model's configuration alone, of whose positions so many `ahead` are no text's."""
    bounds = [int(tokenizer.model_max_length)]
    stated = getattr(config.get_text_config(), "max_position_embeddings", None)
    if isinstance(stated, int) and stated > 0:
        bounds.append(stated - ahead)
    told = [bound for bound in bounds if 0 < bound < _UNBOUNDED]
    return min(told, default=None)


def batch_of(rows: Sequence[Sequence[int]], device: Any = None) -> tuple[Tensor, Tensor]:
    """Rows of ids below each other and their mask, both of shape (B, T), with 0 behind the shorter ones."""
    longest = max(map(len, rows))
    ids_BT = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
    lengths_B1 = torch.tensor([[len(row)] for row in rows], device=device)
    return ids_BT, (torch.arange(longest, device=device) < lengths_B1).long()


def logits_of(model: Any, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """The logits of each row by itself, of shape (B, K), in float32; gradients flow as the caller has it.

    Rows are read together where that moves no logit, and else one by one: some architectures read their last
    token, padding or not, or mix padding into what stands beside it.

    Args:
        model: a `PreTrainedModel` for sequence classification, or one with adapters.
        ids_BT: as `batch_of` gives them; some row has a token, and what one without is worth means nothing.
        mask_BT: of the tokens that are there.
    """
    config = model.config.get_text_config()
    lengths = [int(length) for length in mask_BT.sum(1)]
    own, known = config.pad_token_id, int(model.get_input_embeddings().weight.shape[0])
    # Of a text by itself a model without padding reads the last token; so it must in a batch.
    pad = own if isinstance(own, int) and 0 <= own < known else _free(ids_BT[mask_BT.bool()], known)
    if len(lengths) > 1 and pad is not None and not getattr(config, "is_encoder_decoder", False):
        ids_BT = ids_BT.masked_fill(mask_BT == 0, pad)
        with _padded_with(model.config, pad):
            if min(lengths) == max(lengths) or _pads_safely(model, ids_BT, mask_BT, lengths):
                return _forward(model, ids_BT, mask_BT)
    rows = [
        _forward(model, ids_BT[row : row + 1, :length], mask_BT[row : row + 1, :length])
        for row, length in enumerate(max(1, length) for length in lengths)
    ]
    return torch.cat(rows)


def _free(ids_N: Tensor, known: int) -> int | None:
    """A token that none of the texts has; None where they have all."""
    used = {*ids_N.unique().tolist()}
    return next((token for token in range(known) if token not in used), None)


@contextmanager
def _padded_with(config: Any, pad: int) -> Generator[None]:
    """Has the model take a token for padding, for a moment."""
    text_config = config.get_text_config()
    before = text_config.pad_token_id
    text_config.pad_token_id = pad
    try:
        yield
    finally:
        text_config.pad_token_id = before


def _pads_safely(model: Any, ids_BT: Tensor, mask_BT: Tensor, lengths: Sequence[int]) -> bool:
    """Whether the shortest row reads the same with its padding as without: asked of each model once."""
    if model not in _safe:
        row = min((row for row, length in enumerate(lengths) if length), key=lengths.__getitem__)
        training = model.training
        model.eval()
        with torch.no_grad():
            padded, alone = (
                _forward(model, ids_BT[row : row + 1, :length], mask_BT[row : row + 1, :length])
                for length in (ids_BT.shape[1], lengths[row])
            )
        model.train(training)
        allowed = torch.finfo(next(iter(_floats(model.parameters()))).dtype).eps ** 0.5
        _safe[model] = bool((padded - alone).norm() <= allowed * alone.norm())
    return _safe[model]


def _floats(tensors: Iterable[Tensor]) -> Iterable[Tensor]:
    return (tensor for tensor in tensors if tensor.is_floating_point())


def _forward(model: Any, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    masked = "attention_mask" in inspect.signature(base.forward).parameters
    return model(input_ids=ids_BT, **({"attention_mask": mask_BT} if masked else {})).logits.float()


def conversation_of(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> str:
    """A conversation as the tokenizer's chat template writes it.

    Args:
        tokenizer: has a chat template.
        messages: each with a `role` and its `content`.

    Raises:
        TextError: the template fails, or refuses them as some do a system message or two users in a row.
    """
    try:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False))
    except Exception as error:  # a template is a program, and may fail like any
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        roles = ", ".join(message["role"] for message in messages)
        raise TextError(f"the model's chat template refuses a conversation of {roles}: {said}") from error
