"""How the planner's two turns stand in a conversation, in token ids.

The task is the user's first message and the decomposition the planner's answer; the partial solutions are
the user's second message and the composition the planner's second answer. What the planner has sampled is
never turned into text and back: only what stands between its turns is encoded, and that behind the token
that ended the turn, as a tokenizer may treat the start of a text otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from transformers import PreTrainedTokenizerBase

# Stand-ins of a message's content, found again in the rendered conversation.
_TASK, _ANSWER, _PARTS = "PartwiseTask", "PartwiseAnswer", "PartwiseParts"
_TRIMS: tuple[Callable[[str], str], ...] = (str, str.strip, str.lstrip, str.rstrip)
"""What a template may do to a message."""
_TRYING = " \n\t{} <b>&amp;</b> {{{{x}}}} \"a\" 'b' \\n — é\n\n    def f(): ...  \n "
"""Around a stand-in: what a template that escapes, trims or reformats would change."""
_DAY = {"%Y": "2025", "%y": "25", "%m": "01", "%d": "01", "%b": "Jan", "%B": "January", "%A": "Wednesday"}
_ONE_DAY = "{%- macro strftime_now(form) -%}{{- form XXX -}}{%- endmacro -%}".replace(
    "XXX", " ".join(f"| replace('{sign}', '{value}')" for sign, value in _DAY.items())
)
"""Some templates show today's date: a run that is resumed tomorrow must read the same."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The texts around the contents of a two-turn conversation."""

    before_task: str
    after_task: str
    end: str
    """The token that ends the planner's turn: what the template puts after an assistant's message, or the
    end of sequence where it puts none there; empty where there is none at all."""
    before_parts: str
    """From behind the end token."""
    after_parts: str
    ends: frozenset[str]
    """Tokens that end a turn wherever the planner writes them."""
    trim: Callable[[str], str] = str
    """What the template does to the user's messages."""
    adds_bos: bool = False
    """Whether the beginning of sequence is left to us."""
    lead: str = ""
    """What the template puts between the opening of an answer and the answer."""

    def opening(self, task: str) -> str:
        """What stands before the planner's first turn."""
        return self.before_task + self.trim(task) + self.after_task

    def between(self, partial_solutions: str) -> str:
        """What stands between the end of its first turn and its second."""
        return self.before_parts + self.trim(partial_solutions) + self.after_parts


def layout(tokenizer: PreTrainedTokenizerBase) -> Layout:
    """The tokenizer's own conversation layout, or a plain-text one where it has no chat template.

    Raises:
        ValueError: its chat template refuses such a conversation, or does not show the messages as they are;
            one sentence.
    """
    template = tokenizer.chat_template
    return _layout(tokenizer, template if isinstance(template, str) else str(template))


@lru_cache(maxsize=8)
def _layout(tokenizer: PreTrainedTokenizerBase, template: str) -> Layout:
    # `template` is part of the key only: a tokenizer's template can be replaced.
    eos: Any = tokenizer.eos_token
    declared = frozenset({str(eos)} if eos else ())
    if not tokenizer.chat_template:
        return Layout(
            before_task="Task: ",
            after_task="\n\nDecomposition:\n",
            end=str(eos or ""),
            before_parts="\n\nPartial solutions:\n",
            after_parts="\n\nComposition:\n",
            ends=declared,
            adds_bos=True,
        )
    opening = _render(tokenizer, [_TASK])
    whole, _, closing = _render(tokenizer, [_TASK, _ANSWER, _PARTS]).partition(_ANSWER)
    if opening.count(_TASK) != 1 or closing.count(_PARTS) != 1:
        raise ValueError("the tokenizer's chat template does not show each message once, as it is")
    before_task, _, after_task = opening.partition(_TASK)
    closing, _, after_parts = closing.partition(_PARTS)
    end, others = _end_of_turn(tokenizer, before_task, closing, declared)
    return Layout(
        before_task=before_task,
        after_task=after_task,
        end=end or str(eos or ""),
        before_parts=closing.partition(end)[2] if end else closing,
        after_parts=after_parts,
        ends=declared | others,
        trim=_trim(tokenizer, (before_task, after_task), (closing, after_parts)),
        # Where thoughts are opened for an answer, and forgotten later, nothing can be told.
        lead=whole.removeprefix(opening) if whole.startswith(opening) else "",
    )


def _end_of_turn(
    tokenizer: PreTrainedTokenizerBase, before_task: str, closing: str, declared: frozenset[str]
) -> tuple[str, frozenset[str]]:
    """The token that the template puts after an assistant's message, empty for none; all that it puts there.

    Args:
        tokenizer: has a chat template.
        before_task: what stands before the user's first message.
        closing: what stands between an assistant's message and the content of the user's next.
        declared: tokens that are known to end something.
    """
    added = (token.content for token in tokenizer.added_tokens_decoder.values())
    marks = frozenset(text for text in added if text.strip())
    # What opens a turn opens the first too.
    closers = declared | marks.difference(_in_order(before_task, marks))
    tail = _render(tokenizer, [_TASK, _ANSWER], prompted=False).partition(_ANSWER)[2]
    if tail == _render(tokenizer, [_TASK, _ANSWER], prompted=True).partition(_ANSWER)[2]:
        # The template may always open the next turn, and the token be of that.
        candidates = closers
    else:
        candidates = declared | marks
    last, within = _in_order(tail, candidates), _in_order(closing, declared | marks)
    shared = next((token for token in last if token in within), None)
    if shared is not None:
        return shared, frozenset({shared})
    # Some templates end the last turn otherwise than those before it, or only those before it.
    ended = last[:1] if last and last[0] in declared else []
    if within and (ended or within[0] in closers):
        return within[0], frozenset({within[0], *ended})
    return "", frozenset(ended)


def _in_order(text: str, tokens: frozenset[str]) -> list[str]:
    """The tokens in `text`, in order of appearance."""
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.findall("|".join(map(re.escape, longest_first)), text) if tokens else []


def _trim(
    tokenizer: PreTrainedTokenizerBase, around_task: tuple[str, str], around_parts: tuple[str, str]
) -> Callable[[str], str]:
    """What the template does to a user's message.

    Raises:
        ValueError: more than taking away white space at its ends.
    """
    task, parts = _TRYING.format(_TASK), _TRYING.format(_PARTS)
    opening = _render(tokenizer, [task])
    closing = _render(tokenizer, [task, _ANSWER, parts]).partition(_ANSWER)[2]
    for trim in _TRIMS:
        if opening == trim(task).join(around_task) and closing == trim(parts).join(around_parts):
            return trim
    raise ValueError("the tokenizer's chat template rewrites messages, and so would rewrite programs")


def _render(tokenizer: PreTrainedTokenizerBase, contents: Sequence[str], *, prompted: bool = True) -> str:
    """User and assistant in turns, and the assistant's next turn opened where `prompted`."""
    messages: list[Mapping[str, str]] = [
        {"role": "assistant" if index % 2 else "user", "content": content}
        for index, content in enumerate(contents)
    ]
    try:
        template = tokenizer.get_chat_template()
        rendered = tokenizer.apply_chat_template(
            messages,  # type: ignore[arg-type]  # mappings serve as dictionaries
            chat_template=_ONE_DAY + template if "strftime_now" in template else template,
            tokenize=False,
            add_generation_prompt=prompted,
            # Reasoning models would spend their tokens thinking; other templates ignore the switch.
            enable_thinking=False,
        )
    except Exception as error:  # a template is a program, and may fail like any
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        roles = ", ".join(message["role"] for message in messages)
        raise ValueError(f"its chat template refuses a conversation of {roles}: {said}") from error
    return str(rendered)


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The ids of `text`, and nothing added to them."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _encode_opening(tokenizer: PreTrainedTokenizerBase, text: str, lead: str) -> list[int]:
    """The ids of a text that an answer follows, as they are where it does.

    Some tokenizers take the line breaks at the end of a text together that they part before a word.
    """
    alone = encode(tokenizer, text)
    followed = text + lead + _ANSWER
    if encode(tokenizer, followed)[: len(alone)] == alone or not tokenizer.is_fast:
        return alone
    found = tokenizer(followed, add_special_tokens=False, return_offsets_mapping=True)
    count = sum(end <= len(text) for _, end in found["offset_mapping"])
    across = count < len(found["offset_mapping"]) and found["offset_mapping"][count][0] < len(text)
    return alone if across else list(found["input_ids"][:count])


def end_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The tokens that end a turn."""
    return frozenset(id for end in layout(tokenizer).ends for id in encode(tokenizer, end)[-1:])


def first_prompt(tokenizer: PreTrainedTokenizerBase, message: str) -> list[int]:
    """The ids that stand before the planner's first turn.

    Args:
        tokenizer: the planner's.
        message: the user's first message: the task, and what else the planner is told.
    """
    around = layout(tokenizer)
    ids = _encode_opening(tokenizer, around.opening(message), around.lead)
    bos_id: Any = tokenizer.bos_token_id
    if around.adds_bos and bos_id is not None:
        ids.insert(0, bos_id)
    return ids


def between_turns(
    tokenizer: PreTrainedTokenizerBase, partial_solutions: str, *, ended: bool = True
) -> list[int]:
    """The ids that stand between the end token of the planner's first turn, as sampled, and its second turn.

    They are what the template puts there also where the planner ended its turn by another token: no turn is
    ended twice.

    Args:
        tokenizer: the planner's.
        partial_solutions: source text, shown as the user's second message, or that message.
        ended: whether the first turn's ids end with its end token, which is then not repeated.
    """
    around = layout(tokenizer)
    ids = _encode_opening(tokenizer, around.end + around.between(partial_solutions), around.lead)
    return ids[len(encode(tokenizer, around.end)) :] if around.end and ended else ids


def written_turn(tokenizer: PreTrainedTokenizerBase, message: str, answer: str, *, first: bool) -> list[int]:
    """The ids that a planner writes which answers so, to the token that ends its turn.

    Args:
        tokenizer: the planner's.
        message: of the user's, before the turn.
        answer: what the planner says.
        first: whether it is the first turn.
    """
    around = layout(tokenizer)
    before = around.opening(message) if first else around.end + around.between(message)
    ids, end = _encode_opening(tokenizer, before, around.lead), encode(tokenizer, around.end)
    whole = encode(tokenizer, before + around.lead + answer + around.end)
    # Where the answer's first letters are taken together with what stands before, it is encoded by itself.
    cut = whole[: len(ids)] == ids and whole[-len(end) :] == end
    return whole[len(ids) :] if cut else encode(tokenizer, around.lead + answer) + end
