"""A causal language model of a folder, a hub or a package, which answers conversations on this machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from partwise.files import digests
from partwise.models.chat import between_turns, encode, first_prompt, written_turn
from partwise.models.chat_model import Asked, Chat, End, Reply, Style
from partwise.models.hub import load_causal_lm
from partwise.models.packaged import is_packaged, package_versions
from partwise.models.planner import positions
from partwise.models.sampling import Sampler

_AT_ONCE = 16_384
"""Tokens, read and to be written, of the conversations that are answered side by side."""
_SEEDS = 2**63
_T = TypeVar("_T")
_Row = tuple[list[int], _T]
"""A prompt, and what it is for."""
_SPELLINGS = (str.lower, str.capitalize, str.upper)


class LocalChat:
    """Answers side by side, and draws each answer by itself: by the conversation, its number and the seed.

    What else is asked beside it moves nothing but the last digits of its probabilities.
    """

    def __init__(self, model: Any, tokenizer: Any, identity: Mapping[str, str]) -> None:
        """Args:
        model: a causal language model of transformers.
        tokenizer: the model's.
        identity: see `ChatModel.identity`; its `model` is the name.
        """
        self._model, self._tokenizer = model, tokenizer
        self._identity = dict(identity)
        self._longest = positions(model.config)

    @classmethod
    def load(cls, name: str, *, device: str) -> LocalChat:
        """A model by the name of a folder, of a hub or of a package, to be asked and not trained.

        Raises:
            ModelError: see `load_causal_lm`.
        """
        model, tokenizer = load_causal_lm(name, lora_rank=0, device=device, trained=False)
        identity = {
            "model": name,
            "weights": _weights(name, model),
            "precision": f"{model.dtype} on {model.device.type}",
            **{each: importlib.metadata.version(each) for each in ("torch", "transformers")},
        }
        return cls(model, tokenizer, identity)

    @property
    def identity(self) -> Mapping[str, str]:
        """See `ChatModel`."""
        return self._identity

    def answer(self, asked: Sequence[Asked], heard: Callable[[Asked, Reply], None]) -> None:
        """See `ChatModel`. What has no room in the model's positions has failed."""
        for (style, copies), groups in _alike(asked).items():
            fitting: list[_Row[list[Asked]]] = []
            for same in groups:
                prompt = _prompt(self._tokenizer, same[0].chat)
                if self._longest is None or len(prompt) + style.longest <= self._longest:
                    fitting.append((prompt, same))
                    continue
                for each in same:
                    heard(each, Reply(text="", end=End.FAILED, tokens_read=len(prompt), tokens_written=0))
            for chunk in _chunks(fitting, copies, style.longest):
                self._write(chunk, copies, style, heard)

    def _write(
        self,
        chunk: Sequence[_Row[list[Asked]]],
        copies: int,
        style: Style,
        heard: Callable[[Asked, Reply], None],
    ) -> None:
        sampler = Sampler.of(self._model, self._tokenizer)
        each = [(prompt, one) for prompt, same in chunk for one in same]
        if shared := _shared([prompt for prompt, _ in chunk]):
            cursor = sampler.start([chunk[0][0][:shared]], len(each))
            sampler.insert(cursor, [prompt[shared:] for prompt, _ in each])
        else:
            cursor = sampler.start([prompt for prompt, _ in chunk], copies)
        draws_SR = _draws([one for _, one in each], style.longest)
        written = sampler.generate(cursor, style.longest, temperature=style.temperature, draws_SR=draws_SR)
        for (prompt, one), ids in zip(each, written, strict=True):
            ended = ids[-1] in sampler.eos_ids
            text = self._tokenizer.decode(ids[:-1] if ended else ids, skip_special_tokens=True)
            end = End.ENDED if ended else End.CUT
            heard(one, Reply(text=text, end=end, tokens_read=len(prompt), tokens_written=len(ids)))

    def lean(self, chats: Sequence[Chat], words: tuple[str, str]) -> list[float | None] | None:
        """See `ChatModel`: by the first token in which the words differ, each as it stands, with a capital
        and in capitals. None of all where they can't be told apart by one token.
        """
        sampler = Sampler.of(self._model, self._tokenizer)
        rows = [_beginnings(self._tokenizer, chat, words) for chat in chats]
        if any(first & second for _, (first, second) in rows):
            return None
        found: list[float | None] = []
        for chunk in _chunks(rows, 1, 1):
            logits_RV = _read(sampler, [prompt for prompt, _ in chunk])
            for logits_V, (_, (first, second)) in zip(logits_RV, chunk, strict=True):
                odds = logits_V[sorted(first)].logsumexp(0) - logits_V[sorted(second)].logsumexp(0)
                found.append(float(odds) if int(logits_V.argmax()) in first | second else None)
        return found


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """Tokens that all begin with, which are read once; one at least is left in each.

    What stands around the few lines that are asked about is most of a prompt.
    """
    alike = takewhile(lambda ids: len(set(ids)) == 1, zip(*prompts, strict=False))
    return min(sum(1 for _ in alike), min(map(len, prompts)) - 1)


def _read(sampler: Sampler, prompts: Sequence[Sequence[int]]) -> Tensor:
    """The logits after each prompt, logits_RV."""
    shared = _shared(prompts)
    if not shared:
        return sampler.start(prompts).context.first_logits_RV.float()
    context = sampler.start([prompts[0][:shared]], len(prompts)).context
    order = context.select(range(len(prompts)))
    logits_BV = context.extend([prompts[row][shared:] for row in order]).float()
    return logits_BV[torch.tensor(order, device=logits_BV.device).argsort()]


def _alike(asked: Iterable[Asked]) -> dict[tuple[Style, int], list[list[Asked]]]:
    """What is asked, by how it is drawn and how often: the answers to one conversation together."""
    by_chat: dict[tuple[Chat, Style], list[Asked]] = defaultdict(list)
    for each in asked:
        by_chat[each.chat, each.style].append(each)
    groups: dict[tuple[Style, int], list[list[Asked]]] = defaultdict(list)
    for (_, style), same in by_chat.items():
        groups[style, len(same)].append(same)
    return groups


def _prompt(tokenizer: Any, chat: Chat) -> list[int]:
    """The ids before an answer. Without a chat template a blank line ends each turn."""
    if not tokenizer.chat_template:
        bos_id = tokenizer.bos_token_id
        said = encode(tokenizer, "".join(f"{turn}\n\n" for turn in chat))
        return said if bos_id is None else [bos_id, *said]
    ids = first_prompt(tokenizer, chat[0])
    for place in range(1, len(chat), 2):
        ids += written_turn(tokenizer, chat[place - 1], chat[place], first=place == 1)
        ids += between_turns(tokenizer, chat[place + 1])
    return ids


def _turn(tokenizer: Any, chat: Chat, word: str) -> list[int]:
    """The ids of an answer of one word."""
    if not tokenizer.chat_template:
        return encode(tokenizer, word)
    return written_turn(tokenizer, chat[-1], word, first=len(chat) == 1)


def _beginnings(
    tokenizer: Any, chat: Chat, words: tuple[str, str]
) -> _Row[tuple[frozenset[int], frozenset[int]]]:
    """What stands before the token in which answers of the two words differ, and that token of each."""
    spelled = [[_turn(tokenizer, chat, spell(word)) for spell in _SPELLINGS] for word in words]
    # A template may open every answer alike, and a tokenizer every word.
    columns = zip(*(ids for turns in spelled for ids in turns), strict=False)
    shared = [ids[0] for ids in takewhile(lambda ids: len(set(ids)) == 1, columns)]
    first, second = (frozenset(ids[len(shared)] for ids in turns) for turns in spelled)
    return _prompt(tokenizer, chat) + shared, (first, second)


def _draws(asked: Sequence[Asked], steps: int) -> Tensor:
    """Uniform numbers, draws_SR: each row's follow from what it answers alone."""
    columns = [
        torch.rand(steps, generator=torch.Generator().manual_seed(one.seed(_SEEDS)), dtype=torch.float64)
        for one in asked
    ]
    return torch.stack(columns, dim=1)


def _chunks(rows: Sequence[_Row[_T]], copies: int, longest: int) -> Iterator[list[_Row[_T]]]:
    """Rows that are read side by side, in order; at least one."""
    chunk: list[_Row[_T]] = []
    for row in rows:
        widest = max(len(prompt) for prompt, _ in [*chunk, row])
        if chunk and (len(chunk) + 1) * copies * (widest + longest) > _AT_ONCE:
            yield chunk
            chunk = []
        chunk.append(row)
    if chunk:
        yield chunk


def _weights(name: str, model: Any) -> str:
    """What tells the weights from others of the same name."""
    if is_packaged(name):
        return package_versions(name)
    if not Path(name).is_dir():
        return str(getattr(model.config, "_commit_hash", None) or "")
    found = hashlib.sha256()
    for file, digest in sorted(digests(Path(name)).items()):
        found.update(f"{os.path.relpath(file, name)} {digest}\n".encode())
    return found.hexdigest()
