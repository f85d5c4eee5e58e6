"""RewardBench: against a published model, where it is undefined, and scores that padding can't move."""

import math
import random
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

from partwise.measure.rewardbench import SECTIONS, reward_bench, sequence_scores
from partwise.types import Example

CODE = {"Code": {"go": 1, "js": 1}}
WON = {
    "alpacaeval-easy": (50, 100), "alpacaeval-length": (56, 95), "alpacaeval-hard": (67, 95),
    "mt-bench-easy": (16, 28), "mt-bench-med": (29, 40), "mt-bench-hard": (20, 37),
    "math-prm": (132, 447), "refusals-dangerous": (97, 100), "refusals-offensive": (100, 100),
    "llmbar-natural": (52, 100), "llmbar-adver-neighbor": (58, 134), "llmbar-adver-GPTInst": (36, 92),
    "llmbar-adver-GPTOut": (22, 47), "llmbar-adver-manual": (17, 46), "xstest-should-refuse": (154, 154),
    "xstest-should-respond": (71, 250), "donotanswer": (112, 136), "hep-cpp": (103, 164),
    "hep-go": (104, 164), "hep-java": (116, 164), "hep-js": (109, 164), "hep-python": (90, 164),
    "hep-rust": (106, 164),
}  # fmt: skip
"""Wins and comparisons of PKU-Alignment/beaver-7b-v1.0-cost, from the README of allenai/reward-bench."""


def comparisons(outcomes: dict[str, Sequence[float]]) -> list[Example]:
    """Texts that are their own score: the better one is the margin, the other 0, in a random order."""
    rng, examples = random.Random(0), list[Example]()
    for subset, margins in outcomes.items():
        for margin in margins:
            label = rng.randrange(2)
            texts = (str(margin), "0") if label == 0 else ("0", str(margin))
            examples.append(Example(key=f"{subset} {len(examples)}", texts=texts, label=label, group=subset))
    rng.shuffle(examples)
    return examples


def score(texts: Sequence[str]) -> list[float]:
    return [float(text) for text in texts]


def test_a_published_model():
    outcomes = {subset: [1.0] * won + [-1.0] * (n - won) for subset, (won, n) in WON.items()}
    found = reward_bench(comparisons(outcomes), score)
    for subset, (won, n) in WON.items():
        measure = found.subsets[subset]
        assert measure.mean == pytest.approx(won / n) and measure.n == n
        assert measure.ci95 is not None and measure.ci95[0] <= won / n <= measure.ci95[1]
    # What the published scorer makes of these subsets.
    published = {"Chat": 0.608939, "Chat Hard": 0.449561, "Safety": 0.721622, "Reasoning": 0.466757}
    for section, expected in published.items():
        measure = found.sections[section]
        assert measure.mean == pytest.approx(expected, abs=1e-6)
        assert measure.ci95 is not None and measure.ci95[0] < expected < measure.ci95[1]
    assert found.overall.mean == pytest.approx(sum(published.values()) / 4, abs=1e-6)
    assert found.overall.n == 2985 and found.ties == 0


def test_mathematics_counts_as_much_as_code():
    code = [subset for subset in SECTIONS["Reasoning"] if subset.startswith("hep-")]
    outcomes: dict[str, Sequence[float]] = {subset: [1.0] * 5 for subset in code}
    found = reward_bench(comparisons(outcomes | {"math-prm": [-1.0] * 3}), score)
    assert found.sections["Reasoning"].mean == pytest.approx(0.5)


def test_a_tie_is_lost_and_counted():
    found = reward_bench(comparisons({"hep-go": [0.0, 0.0, 1.0, -1.0]}), score)
    assert found.subsets["hep-go"].mean == 0.25 and found.ties == 2


def test_the_best_of_several_must_beat_all_others():
    texts = (("1", "3", "2"), ("3", "3", "1"), ("1", "2", "3"))
    examples = [Example(key=str(i), texts=t, label=1, group="hep-go") for i, t in enumerate(texts)]
    found = reward_bench(examples, score)
    assert found.subsets["hep-go"].mean == pytest.approx(1 / 3) and found.ties == 1


def test_what_was_not_tried_is_undefined_not_zero():
    found = reward_bench(comparisons({"hep-go": [1.0, -1.0], "donotanswer": [-1.0]}), score)
    assert found.sections["Chat"].mean is None and found.sections["Chat"].n == 0
    assert found.subsets["hep-cpp"].mean is None and found.overall.mean is None
    # A section of which a subset was not tried has no mean, and says how many there were.
    assert found.sections["Reasoning"].mean is None and found.sections["Reasoning"].n == 2
    assert found.sections["Safety"].mean is None and found.overall.n == 3
    assert found.subsets["hep-go"].mean == 0.5 and found.subsets["donotanswer"].mean == 0
    nothing = reward_bench([], score)
    assert nothing.overall.mean is None and nothing.overall.n == 0 and len(nothing.subsets) == 23


def test_an_interval_that_cannot_tell_is_undefined():
    alone = reward_bench(comparisons({"go": [1.0, -1.0] * 9, "js": [1.0]}), score, sections=CODE)
    assert alone.sections["Code"].mean == 0.75 and alone.sections["Code"].ci95 is None
    perfect = reward_bench(comparisons({"go": [1.0] * 9, "js": [1.0] * 5}), score, sections=CODE)
    assert perfect.sections["Code"].mean == 1 and perfect.sections["Code"].ci95 is None


def test_the_interval_of_one_subset_is_about_wilsons_and_covers():
    rng, share, covered = random.Random(1), 0.7, 0
    for _ in range(100):
        margins = [1.0 if rng.random() < share else -1.0 for _ in range(200)]
        found = reward_bench(comparisons({"go": margins}), score, sections={"Code": {"go": 1}})
        section, subset = found.sections["Code"].ci95, found.subsets["go"].ci95
        assert section is not None and section == pytest.approx(subset, abs=0.02)
        covered += section[0] <= share <= section[1]
    assert covered >= 88


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(WON)), st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=9)
    ),
    st.randoms(use_true_random=False),
)
def test_neither_the_order_of_comparisons_nor_of_texts_matters(
    outcomes: dict[str, list[float]], rng: random.Random
):
    examples = comparisons(dict(outcomes))
    turned = [Example(key=e.key, texts=e.texts[::-1], label=1 - e.label, group=e.group) for e in examples]
    rng.shuffle(turned)
    assert reward_bench(examples, score) == reward_bench(turned, score)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="nothing to compare"):
        reward_bench([Example(key="x", texts=("1",), label=0, group="hep-go")], score)


def test_a_subset_of_ones_own_is_scored_by_itself():
    outcomes: dict[str, Sequence[float]] = {subset: [1.0, -1.0] for subset in WON}
    known = reward_bench(comparisons(dict(outcomes)), score)
    mixed = reward_bench(comparisons(outcomes | {"mine": [1.0, 1.0, 1.0, -1.0], "alone": [0.0]}), score)
    assert mixed.subsets["mine"].mean == 0.75 and mixed.subsets["mine"].n == 4
    assert mixed.subsets["alone"].mean == 0 and mixed.subsets["alone"].n == 1 and mixed.ties == 1
    assert mixed.sections == known.sections and mixed.overall == known.overall
    assert list(mixed.subsets)[-2:] == ["alone", "mine"]


def test_what_has_no_finite_score_is_named_and_counts_nowhere():
    bad = [
        Example(key=str(value), texts=(str(value), "2"), label=label, group="hep-go")
        for label, value in enumerate([math.nan, math.inf, -math.inf])
        if label < 2
    ]
    good = comparisons({"hep-go": [1.0, -1.0]})
    found = reward_bench([*bad, *good], score)
    assert found.unscored == ["nan", "inf"] and found.to_json()["unscored"] == 2
    assert found.subsets == reward_bench(good, score).subsets and found.ties == 0


def test_other_data_brings_its_own_sections():
    sections = {"Plans": {"easy": 1, "hard": 3}}
    found = reward_bench(comparisons({"easy": [1.0, 1.0], "hard": [-1.0, -1.0]}), score, sections=sections)
    assert found.sections["Plans"].mean == found.overall.mean == 0.25


TEXTS = [
    "short",
    "a text of some length",
    "a",
    "the longest of all these texts, by far: " + "word " * 20,
    "short!",
]


def classifier(pad: int | None, labels: int = 1) -> LlamaForSequenceClassification:
    config = LlamaConfig(
        vocab_size=258,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_labels=labels,
        pad_token_id=pad,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForSequenceClassification(config)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("padding", ["own", "end", "none", "model's"])
def test_padding_moves_no_score(byte_tokenizer: PreTrainedTokenizerFast, padding: str, side: str):
    """The tokenizer may have a token for padding, or use the end for it, or know none; so may the model."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer.backend_tokenizer, eos_token="</s>", padding_side=side
    )
    if padding == "own":
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
    elif padding == "end":
        tokenizer.pad_token = tokenizer.eos_token
    model = classifier(257 if padding == "model's" else tokenizer.pad_token_id)
    with torch.inference_mode():
        alone = [
            float(model.eval()(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).logits)
            for text in TEXTS
        ]
    assert len({round(value, 4) for value in alone}) == len(TEXTS)
    for size in (1, 2, 5):
        assert sequence_scores(model, tokenizer, batch_size=size)(TEXTS) == pytest.approx(alone, abs=1e-5)
    turned = sequence_scores(model, tokenizer)(TEXTS[::-1])
    assert turned[::-1] == pytest.approx(alone, abs=1e-5)
    assert model.config.pad_token_id == (257 if padding == "model's" else tokenizer.pad_token_id)


def test_no_text_is_cut_off(byte_tokenizer: PreTrainedTokenizerFast):
    model = classifier(None)
    model.config.max_position_embeddings = 14
    scores = sequence_scores(model, byte_tokenizer)
    short, long = scores(["short and mor", "short and more"])
    assert short != pytest.approx(long, abs=1e-5) and scores([]) == []
    with pytest.raises(ValueError, match="the text is 15 tokens long and the model reads 14 at most"):
        scores(["short", "short and more!"])


def test_a_sign_of_the_beginning_is_read_once(byte_tokenizer: PreTrainedTokenizerFast):
    from tokenizers.processors import TemplateProcessing

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer.backend_tokenizer, eos_token="</s>", bos_token="<s>"
    )
    first = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("<s> $A", special_tokens=[("<s>", first)])
    assert tokenizer("<s>a")["input_ids"][:2] == [first, first]
    scores = sequence_scores(classifier(None), tokenizer)(["a text", "<s>a text"])
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_a_model_and_a_text_that_give_no_score(byte_tokenizer: PreTrainedTokenizerFast):
    with pytest.raises(ValueError, match="one label, not 2; load it with num_labels=1"):
        sequence_scores(classifier(None, labels=2), byte_tokenizer)
    with pytest.raises(ValueError, match="the text '' has no tokens"):
        sequence_scores(classifier(None), byte_tokenizer)(["a", ""])


def test_a_reward_model_that_is_a_model(byte_tokenizer: PreTrainedTokenizerFast):
    """End to end: a model with random weights wins about half, whatever its texts are batched with."""
    rng = random.Random(0)
    examples = [
        Example(
            key=str(i),
            texts=tuple("".join(rng.choices("abcdef ", k=rng.randint(3, 40))) for _ in range(2)),
            label=i % 2,
            group=rng.choice(sorted(WON)),
        )
        for i in range(200)
    ]
    model = classifier(256)
    few, many = (
        reward_bench(examples, sequence_scores(model, byte_tokenizer, batch_size=size)) for size in (3, 64)
    )
    assert few == many and few.overall.mean == pytest.approx(0.5, abs=0.15)
