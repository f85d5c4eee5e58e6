"""A tokenizer over Python text, small enough for models of ten thousand parameters.

A name, an operator, a whole docstring or a line break with its indentation is one token each, so a
plan of two turns is about a hundred tokens long. Any other text falls back on substrings and bytes and
round-trips exactly. The result is a plain `PreTrainedTokenizerFast`: `AutoTokenizer` reopens it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"

# The order matters: a break with its indentation, a quoted string, a name, a digit, a run of operators
# and brackets, other white space. What none of them matches is a piece of its own.
_PIECES = "|".join(
    (
        r"\n[ \t]*",
        r' ?"(?:[^"\n\\]|\\.)*"',
        r" ?[\p{L}_][\p{L}\p{M}\p{N}_]*",
        r" ?\p{N}",
        r' ?[^\s"\p{L}\p{N}_]+',
        r"[ \t]+",
    )
)

# The marks around the assistant's text let `return_assistant_tokens_mask` find it.
_CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{{- '"
    + ASSISTANT
    + "' -}}{%- generation -%}{{- message['content'] + '"
    + END
    + "' -}}{%- endgeneration -%}"
    "{%- else -%}{{- '" + USER + "' + message['content'] -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '" + ASSISTANT + "' -}}{%- endif -%}"
)

_PIECE_SCORE = -1.0
_BYTE_SCORE = -10.0
"""So low that a segmentation takes bytes only where no known piece fits."""


def build_tokenizer(
    texts: Iterable[str], *, max_pieces: int = 2000, min_count: int = 2
) -> PreTrainedTokenizerFast:
    """A tokenizer whose vocabulary is the commonest pieces of `texts`, 256 bytes and four special tokens.

    Args:
        texts: the corpus; read once.
        max_pieces: most pieces longer than a byte; the most frequent are kept, ties by text.
        min_count: how often a piece must occur to get a token of its own.

    Returns:
        A tokenizer with `<|pad|>` as padding, `<|end|>` as end of sequence and a chat template that
        writes `<|user|>{content}<|assistant|>{content}<|end|>`. `decode(encode(text))` is `text`, for any
        text. The names of the four special tokens are special wherever they stand, also within `texts`.
    """
    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            # Maps each byte to one printable character, so that 256 entries cover any text.
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(piece for piece, _ in splitter.pre_tokenize_str(text))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    frequent = sorted(
        (-count, piece) for piece, count in counts.items() if count >= min_count and len(piece) > 1
    )
    pieces = [piece for _, piece in frequent[:max_pieces]]
    # Unigram, not WordLevel: it splits an unknown piece into known ones instead of giving it up.
    vocabulary = [(byte, _BYTE_SCORE) for byte in alphabet] + [(piece, _PIECE_SCORE) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=None, byte_fallback=False))
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    fast.chat_template = _CHAT_TEMPLATE
    return fast
