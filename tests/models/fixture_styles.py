"""Tokenizers and chat templates after the commonest families, made from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "Task: dinner for two people at four places.\n\nDecomposition:\nask(user)\nbook(r)\n\n"
    "def ask(u): return message(u)\n\n    prefs = {}\nfor u in users: ask(u)\n<|user|> assistant model\n"
] * 20
_BYTES = [f"<0x{number:02X}>" for number in range(256)]


def byte_level(corpus: Sequence[str], merged: int, *, prefix_space: bool = False) -> Tokenizer:
    """GPT-2, Llama 3, Qwen: bytes as letters, and so many tokens of several."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + merged, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def sentencepiece(kind: str, corpus: Sequence[str], merged: int) -> Tokenizer:
    """Spaces as low lines; one more before a text (`first`), each stretch (`always`, `legacy`) or `never`."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    if kind == "legacy":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=kind, split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    # Line breaks are bytes there, and merge with nothing.
    lines = [line for text in corpus for line in text.splitlines()]
    alphabet = sorted({letter for line in lines for letter in line} - {" "} | {"▁"})
    trainer = trainers.BpeTrainer(
        vocab_size=len(_BYTES) + 1 + len(alphabet) + merged,
        special_tokens=["<unk>", *_BYTES],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


@dataclass(frozen=True, kw_only=True)
class Style:
    """A tokenizer and its chat template, and what must be found out about them."""

    base: str
    """`bytes`, `bytes after a space`, or a kind of sentencepiece."""
    template: str | None
    marks: tuple[str, ...] = ()
    """Its special tokens, beside the following."""
    bos: str | None = None
    eos: str | None
    ends: frozenset[str]
    """Tokens that end a turn."""
    thinks: bool = False
    """Whether an answer is opened otherwise than the template shows it later."""
    rstrip: bool = False
    """Whether its special tokens swallow the white space behind them, as those of Phi-3 do."""
    closes: bool = True
    """Whether the template ends a turn with a token."""

    def make(self, corpus: Sequence[str] = CORPUS, merged: int = 150) -> PreTrainedTokenizerFast:
        """The tokenizer, with `merged` tokens of several letters that it has learned from a corpus."""
        if self.base.startswith("bytes"):
            bare = byte_level(corpus, merged, prefix_space=self.base != "bytes")
        else:
            bare = sentencepiece(self.base, corpus, merged)
        names = {name for name in (self.bos, self.eos) if name}
        marks = [*names, *(mark for mark in self.marks if mark not in names)]
        bare.add_special_tokens(
            [AddedToken(mark, special=True, normalized=False, rstrip=self.rstrip) for mark in sorted(marks)]
        )
        made = PreTrainedTokenizerFast(tokenizer_object=bare, bos_token=self.bos, eos_token=self.eos)
        made.chat_template = self.template
        return made


_CHATML = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_INSTRUCT = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('take turns') }}{% endif %}"
    "{% if m.role == 'user' %}{{ '[INST] ' + m.content.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)

STYLES: Mapping[str, Style] = {
    "ChatML (Qwen)": Style(
        base="bytes",
        template=_CHATML,
        marks=("<|im_start|>", "<|im_end|>"),
        eos="<|endoftext|>",
        ends=frozenset({"<|im_end|>", "<|endoftext|>"}),
    ),
    "Llama 2": Style(base="legacy", template=_INSTRUCT, bos="<s>", eos="</s>", ends=frozenset({"</s>"})),
    "Llama 3": Style(
        base="bytes",
        template="{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + "
        "'<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
        marks=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        bos="<|begin_of_text|>",
        eos="<|end_of_text|>",
        ends=frozenset({"<|eot_id|>", "<|end_of_text|>"}),
    ),
    "Gemma": Style(
        base="never",
        template="{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}{% for m in messages %}{{ '<start_of_turn>' + (m.role if m.role == 'user' else 'model') "
        "+ '\n' + m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        marks=("<start_of_turn>", "<end_of_turn>"),
        bos="<bos>",
        eos="<eos>",
        ends=frozenset({"<end_of_turn>", "<eos>"}),
    ),
    "Phi-3": Style(
        base="legacy",
        template="{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
        marks=("<|user|>", "<|assistant|>", "<|end|>"),
        eos="<|endoftext|>",
        ends=frozenset({"<|end|>", "<|endoftext|>"}),
        rstrip=True,
    ),
    "Mistral": Style(base="first", template=_INSTRUCT, bos="<s>", eos="</s>", ends=frozenset({"</s>"})),
    "Zephyr": Style(
        base="always",
        template="{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
        bos="<s>",
        eos="</s>",
        ends=frozenset({"</s>"}),
    ),
    "DeepSeek, thinking": Style(
        base="bytes",
        template="{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
        "{{ '<｜User｜>' + m.content }}{% else %}"
        "{{ '<｜Assistant｜>' + m.content.split('</think>')[-1] + '<｜end▁of▁sentence｜>' }}"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}"
        "{% if not enable_thinking %}{{ '\n</think>\n\n' }}{% endif %}{% endif %}",
        marks=("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"),
        bos="<｜begin▁of▁sentence｜>",
        eos="<｜end▁of▁sentence｜>",
        ends=frozenset({"<｜end▁of▁sentence｜>"}),
        thinks=True,
    ),
    "Qwen 3, thinking": Style(
        base="bytes",
        # Thoughts of earlier answers are forgotten, and the last answer is shown with its own, if empty.
        template="{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
        "{% if m.role == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
        "{{ m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% if not enable_thinking | default(true) %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
        "{% endif %}",
        marks=("<|im_start|>", "<|im_end|>", "<think>", "</think>"),
        eos="<|endoftext|>",
        ends=frozenset({"<|im_end|>", "<|endoftext|>"}),
        thinks=True,
    ),
    "Harmony (gpt-oss)": Style(
        base="bytes",
        template="{{ '<|start|>system<|message|>' + strftime_now('%Y-%m-%d') + '<|end|>' }}"
        "{% for m in messages %}{{ '<|start|>' + m.role + '<|message|>' + m.content }}"
        "{{ '<|return|>' if loop.last and m.role == 'assistant' else '<|end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start|>assistant<|message|>' }}{% endif %}",
        marks=("<|start|>", "<|message|>", "<|end|>", "<|call|>"),
        eos="<|return|>",
        ends=frozenset({"<|end|>", "<|return|>"}),
    ),
    "GPT-2, plain headings": Style(
        base="bytes",
        template="{% for m in messages %}{{ m.role + ': ' + m.content + eos_token + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
        eos="<|endoftext|>",
        ends=frozenset({"<|endoftext|>"}),
    ),
    "bytes after a space": Style(
        base="bytes after a space",
        template=_CHATML.replace("<|im_end|>", "</s>").replace("im_start", "start"),
        marks=("<|start|>",),
        eos="</s>",
        ends=frozenset({"</s>"}),
    ),
    "no end of turn": Style(
        base="first",
        template="{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
        marks=("<|user|>", "<|assistant|>"),
        eos="</s>",
        ends=frozenset({"</s>"}),
        closes=False,
    ),
    "no end, next turn always opened": Style(
        base="bytes",
        template="{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}"
        "{{ '<|assistant|>' if loop.last and m.role == 'user' else '' }}{% endfor %}",
        marks=("<|user|>", "<|assistant|>"),
        eos="</s>",
        ends=frozenset({"</s>"}),
        closes=False,
    ),
    "own end, no opening": Style(
        base="bytes",
        template="{% for m in messages %}{{ m.content }}<|end|>\n{% endfor %}",
        marks=("<|end|>",),
        eos="</s>",
        ends=frozenset({"<|end|>", "</s>"}),
    ),
    "own end between turns alone": Style(
        base="first",
        template="{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}"
        "{{ '' if loop.last else '<|end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|end|><|assistant|>' }}{% endif %}",
        marks=("<|user|>", "<|assistant|>", "<|end|>"),
        bos="<s>",
        eos="</s>",
        ends=frozenset({"<|end|>", "</s>"}),
    ),
    "no end, next turn always opened alike": Style(
        base="bytes",
        template="{% for m in messages %}{{ '<|turn|>' + m.role + '\n' + m.content }}"
        "{{ '<|turn|>assistant\n' if loop.last and m.role == 'user' else '' }}{% endfor %}",
        marks=("<|turn|>",),
        eos="</s>",
        ends=frozenset({"</s>"}),
        closes=False,
    ),
    "no template": Style(
        base="always", template=None, bos="<s>", eos="</s>", ends=frozenset({"</s>"}), closes=False
    ),
}
