"""How the planner's two turns stand in a conversation, in token ids.

The task is the user's first message and the decomposition the planner's answer; the partial solutions are
the user's second message and the composition the planner's second answer. What the planner has sampled is
never turned into text and back: only what stands between its turns is encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from transformers import PreTrainedTokenizerBase

# Stand-ins of a message's content, found again in the rendered conversation. Letters only, since
# templates strip white space and may escape marks.
_TASK, _ANSWER, _PARTS = "PARTWISETASK", "PARTWISEANSWER", "PARTWISEPARTS"


@dataclass(frozen=True, slots=True)
class Layout:
    """The texts around the contents of a two-turn conversation."""

    before_task: str
    after_task: str
    end_of_turn: str
    """From the end of the planner's first turn to its end token, included; empty where turns have none."""
    before_parts: str
    after_parts: str


_PLAIN = Layout("Task: ", "\n\nDecomposition:\n", "", "\n\nPartial solutions:\n", "\n\nComposition:\n")
"""For models without a chat template."""


def layout(tokenizer: PreTrainedTokenizerBase) -> Layout:
    """The tokenizer's own conversation layout, or a plain-text one where it has no chat template.

    Raises:
        ValueError: its chat template does not show the messages as they are.
    """
    template = tokenizer.chat_template
    return _layout(tokenizer, template if isinstance(template, str) else str(template))


@lru_cache(maxsize=8)
def _layout(tokenizer: PreTrainedTokenizerBase, template: str) -> Layout:
    # `template` is part of the key only: a tokenizer's template can be replaced.
    if not tokenizer.chat_template:
        return _PLAIN
    user, assistant = "user", "assistant"
    opening = _render(tokenizer, [{"role": user, "content": _TASK}])
    whole = _render(
        tokenizer,
        [
            {"role": user, "content": _TASK},
            {"role": assistant, "content": _ANSWER},
            {"role": user, "content": _PARTS},
        ],
    )
    between = whole.partition(_ANSWER)[2]
    if opening.count(_TASK) != 1 or between.count(_PARTS) != 1:
        raise ValueError("the tokenizer's chat template does not show each message once, as it is")
    before_task, _, after_task = opening.partition(_TASK)
    closing, _, after_parts = between.partition(_PARTS)
    end, before_parts = "", closing
    eos: Any = tokenizer.eos_token
    if eos and eos in closing:
        ahead, end, before_parts = closing.partition(eos)
        end = ahead + end
    return Layout(before_task, after_task, end, before_parts, after_parts)


def _render(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]]) -> str:
    # Reasoning models would spend their tokens thinking; other templates ignore the switch.
    rendered = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    return str(rendered)


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The ids of `text`, and nothing added to them."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def first_prompt(
    tokenizer: PreTrainedTokenizerBase, statement: str, instructions: str | None = None
) -> list[int]:
    """The ids that stand before the planner's first turn.

    Args:
        tokenizer: the planner's.
        statement: of the task.
        instructions: what comes before the task; None for planners that learned the world from its corpus.
    """
    around = layout(tokenizer)
    task = statement if instructions is None else f"{instructions}\n\n{statement}"
    ids = encode(tokenizer, around.before_task + task + around.after_task)
    bos_id: Any = tokenizer.bos_token_id
    if around is _PLAIN and bos_id is not None:
        ids.insert(0, bos_id)
    return ids


def between_turns(
    tokenizer: PreTrainedTokenizerBase, partial_solutions: str, *, ended: bool = True
) -> list[int]:
    """The ids that stand between the planner's first turn, as sampled, and its second.

    Args:
        tokenizer: the planner's.
        partial_solutions: source text, shown as the user's second message.
        ended: whether the first turn's ids end with the end-of-sequence token, which is then not repeated.
    """
    around = layout(tokenizer)
    end = "" if ended else around.end_of_turn
    return encode(tokenizer, end + around.before_parts + partial_solutions + around.after_parts)
