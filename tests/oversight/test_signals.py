"""Whoever supervises: what each source promises of its signals, and that none has seen the true answer."""

import copy
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForSequenceClassification

from partwise.models.classifier import TextError
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.signals import (
    Flipped,
    HumanSource,
    ModelSource,
    Persona,
    PromptedPersona,
    Recorded,
    Source,
    TrueLabels,
)
from partwise.types import Answer, Choice, Example, JudgmentItem, Option, Purpose, Signal
from partwise.values import ValueProfile

GOOD = Option(text="ask", consequences={"privacy": 0.0}, useful=1.0)
BAD = Option(text="spy", consequences={"privacy": 1.0}, useful=1.0)
TEXTS = st.text(alphabet="abc ", min_size=1, max_size=30)
EXAMPLES = [Example(key=f"x{i}", texts=("ask", "spy"), label=i % 2) for i in range(600)]


def item(key: str, first: Option = GOOD, second: Option = BAD) -> JudgmentItem:
    return JudgmentItem(key=key, question="?", options=(first, second), complexity=3)


def labels(signals: Sequence[Signal | None]) -> list[int | None]:
    return [None if signal is None else signal.label for signal in signals]


@pytest.fixture(scope="module")
def tokenizer(byte_tokenizer: Any) -> Any:
    padded = copy.deepcopy(byte_tokenizer)
    padded.pad_token = padded.eos_token
    return padded


def llama(tokenizer: Any, num_labels: int) -> LlamaForSequenceClassification:
    """A random classifier whose opinions differ from text to text."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=num_labels,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForSequenceClassification(config)
        torch.nn.init.normal_(model.score.weight, std=0.3)
    return model


@pytest.fixture(scope="module")
def classifier(tokenizer: Any) -> LlamaForSequenceClassification:
    return llama(tokenizer, 3)


@pytest.fixture(scope="module")
def scorer(tokenizer: Any) -> LlamaForSequenceClassification:
    return llama(tokenizer, 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(TEXTS, min_size=2, max_size=4), min_size=2, max_size=6))
def test_a_model_answers_the_same_alone_and_in_company(
    tokenizer: Any, classifier: Any, scorer: Any, texts: list[list[str]]
):
    several = [Example(key=str(i), texts=tuple(row), label=0) for i, row in enumerate(texts)]
    single = [
        Example(key=f"{i} {j}", texts=(t,), label=0) for i, r in enumerate(texts) for j, t in enumerate(r)
    ]
    for model, examples in ((scorer, several), (classifier, single)):
        together = ModelSource("m", model, tokenizer).signals(examples)
        alone = [ModelSource("m", model, tokenizer, batch_size=1).signals([e])[0] for e in examples]
        for example, one, other in zip(examples, together, alone, strict=True):
            assert one is not None and other is not None
            assert one.confidence == pytest.approx(other.confidence, abs=1e-5)
            # Where two are as good, neither is likelier than not, and rounding decides.
            assert one.label == other.label or one.confidence < 0.5 + 1e-4
            assert one.source == "m" and one.cost == 0 and one.example == example.key


def test_a_model_s_confidence_is_the_softmax_of_its_own_logits(tokenizer: Any, classifier: Any, scorer: Any):
    def logits(model: Any, text: str) -> torch.Tensor:
        with torch.inference_mode():
            return model.eval()(**tokenizer(text, return_tensors="pt")).logits[0]

    one = Example(key="1", texts=("abc cab",), label=0)
    two = Example(key="2", texts=("a", "bb b", "c a"), label=0)
    expected = {
        "1": logits(classifier, "abc cab").softmax(0),
        "2": torch.cat([logits(scorer, text) for text in two.texts]).softmax(0),
    }
    for model, example in ((classifier, one), (scorer, two)):
        (signal,) = ModelSource("m", model, tokenizer).signals([example])
        assert signal is not None and signal.label == int(expected[example.key].argmax())
        assert signal.confidence == pytest.approx(float(expected[example.key].max()), abs=1e-5)


def test_a_model_has_no_answer_to_a_text_without_a_token(tokenizer: Any, scorer: Any):
    examples = [Example(key="1", texts=("", "a"), label=0), Example(key="2", texts=("b", "a"), label=0)]
    nothing, something = ModelSource("m", scorer, tokenizer).signals(examples)
    assert nothing is None and something is not None
    assert ModelSource("m", scorer, tokenizer).signals([]) == []


def test_a_model_that_diverged_has_no_answer(tokenizer: Any):
    model = llama(tokenizer, 2)
    model.score.weight.data.fill_(math.nan)
    assert ModelSource("m", model, tokenizer).signals([Example(key="1", texts=("a",), label=0)]) == [None]


def test_texts_are_cut_where_it_is_asked_for(tokenizer: Any, classifier: Any):
    def told(text: str, longest: int | None) -> float:
        source = ModelSource("m", classifier, tokenizer, longest=longest)
        (signal,) = source.signals([Example(key="1", texts=(text,), label=0)])
        assert signal is not None
        return signal.confidence

    assert told("abccccc", 3) == pytest.approx(told("abc", None), abs=1e-6)
    assert told("abccccc", None) != pytest.approx(told("abc", None), abs=1e-6)


@pytest.mark.parametrize("pad", [None, 0, 256, -1, 9999])
def test_whatever_padding_the_model_names_it_answers_as_alone(
    pad: int | None, byte_tokenizer: Any, classifier: Any
):
    """The tokenizer names none. Where the model's is a letter's, that letter is not read at the end."""
    model = copy.deepcopy(classifier)
    model.config.pad_token_id = pad
    texts = ["a", "abc cab", "bb</s>", "c a b", "\x00", f"a{chr(0)}{chr(0)}"]
    for size in (1, 2, 6):
        source = ModelSource("m", model, byte_tokenizer, batch_size=size)
        found = source.signals([Example(key=text, texts=(text,), label=0) for text in texts])
        for text, signal in zip(texts, found, strict=True):
            with torch.inference_mode():
                alone = (
                    model(input_ids=torch.tensor([byte_tokenizer(text)["input_ids"]])).logits[0].softmax(0)
                )
            assert signal is not None and signal.confidence == pytest.approx(float(alone.max()), abs=1e-5)
    assert model.config.pad_token_id == pad


def test_a_text_that_is_too_long_is_named_before_anything_is_done(tokenizer: Any, classifier: Any):
    model = copy.deepcopy(classifier)
    model.config.max_position_embeddings = 8
    examples = [Example(key=str(n), texts=("a" * n,), label=0) for n in (3, 8, 9)]
    with pytest.raises(
        TextError, match=r"'m' can't read the text that begins 'aaaaaaaaa': .* 9 tokens .* 8 at"
    ):
        ModelSource("m", model, tokenizer).check(examples)
    cut = ModelSource("m", model, tokenizer, longest=8)
    cut.check(examples)
    assert cut.shortened(examples) == 1 and cut.shortened(examples[:2]) == 0


def test_one_text_wants_classes_and_several_want_a_score(tokenizer: Any, classifier: Any, scorer: Any):
    for model, texts in ((scorer, ("a",)), (classifier, ("a", "b"))):
        with pytest.raises(ValueError, match="num_labels"):
            ModelSource("m", model, tokenizer).signals([Example(key="1", texts=texts, label=0)])


class Scripted:
    """A human who says what is written, item by item; several answers, or none, where so it is written."""

    def __init__(self, says: dict[str, list[Choice]]) -> None:
        self.says, self.asked = says, list[str]()

    def answer(
        self, items: Sequence[JudgmentItem], *, round: int, purpose: Purpose = Purpose.CONTROL
    ) -> list[Answer]:
        self.asked += [asked.key for asked in items]
        return [
            Answer(item=asked, choice=said, who="ana") for asked in items for said in self.says[asked.key]
        ]


def test_people_answer_what_has_an_item_and_each_answer_costs_one():
    says = {
        "first": [Choice.FIRST],
        "second": [Choice.SECOND, Choice.FIRST],
        "tie": [Choice.TIE],
        "unsure": [Choice.UNSURE],
        "silent": [],
    }
    examples = [Example(key=key, texts=("a", "b"), label=0) for key in ("second", "no item", *says)]
    human = Scripted(says)
    source = HumanSource("ana", human, {key: item(key) for key in says}, confidence=0.8)
    signals = source.signals(examples)
    assert labels(signals) == [1, None, 0, 1, None, None, None]
    assert [s.cost for s in signals if s is not None] == [2, 1, 2]
    assert {s.confidence for s in signals if s is not None} == {0.8}
    assert human.asked == ["second", "first", "tie", "unsure", "silent"]


def test_simulated_people_answer_by_their_values():
    human = SimulatedHuman(ValueProfile(), rationality=6.0, readable=60, seed="0")
    source = HumanSource("h", human, {e.key: item(e.key) for e in EXAMPLES})
    assert labels(source.signals(EXAMPLES)).count(0) > 0.98 * len(EXAMPLES)


def persona(profile: ValueProfile | None = None, *, rationality: float = 1.0, seed: str = "0") -> Persona:
    options = {e.key: (GOOD, BAD) for e in EXAMPLES}
    return Persona("p", profile or ValueProfile(), options, rationality=rationality, seed=seed, cost=0.5)


def test_a_persona_chooses_with_boltzmann_noise_and_does_not_know_of_its_slips():
    signals = persona(rationality=0.7).signals(EXAMPLES)
    expected = 1 / (1 + math.exp(-0.7 * 2))  # utilities 1 and -1
    assert labels(signals).count(0) / len(signals) == pytest.approx(expected, abs=0.05)
    assert {round(s.confidence, 9) for s in signals if s} == {round(expected, 9)}
    assert {s.cost for s in signals if s} == {0.5}


def test_a_persona_s_bias_is_in_its_weights():
    careless = persona(ValueProfile().but({"privacy": 0.0}), rationality=50.0)
    strict = persona(rationality=50.0)
    assert set(labels(strict.signals(EXAMPLES))) == {0}
    assert 0.4 < labels(careless.signals(EXAMPLES)).count(0) / len(EXAMPLES) < 0.6


def test_personas_of_other_seeds_or_names_slip_elsewhere():
    one = persona(rationality=0.5)
    others = [persona(rationality=0.5, seed="1"), replace(one, name="q")]
    for other in others:
        said, told = labels(one.signals(EXAMPLES)), labels(other.signals(EXAMPLES))
        both_slip = sum(a == b == 1 for a, b in zip(said, told, strict=True)) / len(EXAMPLES)
        assert both_slip == pytest.approx((1 / (1 + math.e)) ** 2, abs=0.04)


def test_a_persona_knows_only_what_it_has_options_for():
    assert persona().signals([Example(key="new", texts=("a", "b"), label=0)]) == [None]


def test_a_prompted_persona_is_read_to_the_letter():
    prompts: list[tuple[str, str]] = []

    def ask(system: str, prompt: str) -> str:
        prompts.append((system, prompt))
        return {"one": " B\n", "two": "B.", "three": "b", "four": "A"}[prompt.split()[1]]

    examples = [Example(key=t, texts=(t, "other"), label=0) for t in ("one", "two", "three", "four")]
    source = PromptedPersona("nurse", "You are a nurse.", ask, ("A", "B"), cost=0.1)
    signals = source.signals(examples)
    assert labels(signals) == [1, None, None, 0]
    assert signals[0] == Signal(example="one", label=1, confidence=0.9, source="nurse", cost=0.1)
    assert all(system == "You are a nurse." for system, _ in prompts)
    assert "A:\none" in prompts[0][1] and "B:\nother" in prompts[0][1]
    with pytest.raises(ValueError, match="one option a text"):
        source.signals([Example(key="k", texts=("a", "b", "c"), label=0)])
    single = PromptedPersona("n", "", lambda _, prompt: prompt[:3], ("yes", "no "))
    assert labels(single.signals([Example(key="k", texts=("yes, this",), label=0)])) == [0]


@settings(deadline=None)
@given(st.floats(0, 1), st.text("abc", max_size=3), st.integers(2, 5), st.randoms(use_true_random=False))
def test_what_is_flipped_does_not_depend_on_the_batch(p: float, seed: str, classes: int, random: Any):
    examples = [Example(key=f"x{i}", texts=("t",), label=i % classes) for i in range(20)]
    source = Flipped(TrueLabels(), p, seed=seed, classes=classes)
    shuffled = random.sample(examples, 10)
    whole = dict(zip(examples, source.signals(examples), strict=True))
    assert source.signals(shuffled) == [whole[example] for example in shuffled]
    assert all(s is not None and 0 <= s.label < classes and s.source == source.name for s in whole.values())


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_flipped_stays_flipped_at_a_higher_rate(p: float, q: float):
    truth = [e.label for e in EXAMPLES[:50]]
    less, more = (
        labels(Flipped(TrueLabels(), rate, seed="0").signals(EXAMPLES[:50])) for rate in sorted((p, q))
    )
    assert all(b == a for a, b, true in zip(less, more, truth, strict=True) if a != true)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_the_rate_of_flipping(p: float):
    said = labels(Flipped(TrueLabels(), p, seed="0").signals(EXAMPLES))
    share = sum(label != example.label for label, example in zip(said, EXAMPLES, strict=True)) / len(said)
    assert share == p if p in (0, 1) else share == pytest.approx(p, abs=0.06)


def test_a_flipped_label_goes_to_every_other_class_alike():
    four = [Example(key=str(i), texts=tuple("abcd"), label=2) for i in range(900)]
    counts = Counter(labels(Flipped(TrueLabels(), 1.0, seed="0").signals(four)))
    assert set(counts) == {0, 1, 3} and min(counts.values()) > 250


def test_flips_of_two_sources_are_independent_and_confidence_stays():
    said = [Signal(example=e.key, label=0, confidence=0.7, source="s", cost=2.0) for e in EXAMPLES]
    one, other = (
        Flipped(Recorded(name, said), 0.5, seed="0").signals(EXAMPLES) for name in ("teacher", "other")
    )
    same = sum(a == b for a, b in zip(labels(one), labels(other), strict=True)) / len(said)
    assert same == pytest.approx(0.5, abs=0.07)
    assert {(s.confidence, s.cost, s.source) for s in one if s} == {
        (0.7, 2.0, "teacher flipped 50% (seed 0)")
    }


def test_no_answer_stays_none_when_flipped():
    source = Flipped(Recorded("r", [None]), 1.0, seed="0")
    assert source.signals(EXAMPLES[:3]) == [None, None, None]


def test_flips_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        Flipped(TrueLabels(), 1.5, seed="0")
    with pytest.raises(ValueError, match="2 classes or more"):
        Flipped(TrueLabels(), 0.5, seed="0", classes=1)
    with pytest.raises(ValueError, match="set classes"):
        Flipped(TrueLabels(), 0.5, seed="0").signals([Example(key="k", texts=("a",), label=2)])


def test_recorded_signals_are_given_back_as_they_are():
    said = [Signal(example=key, label=1, confidence=0.6, source="old") for key in ("x1", "x3")]
    assert Recorded("r", said).signals(EXAMPLES[:4]) == [None, said[0], None, said[1]]


def test_only_true_labels_reads_the_true_label(tokenizer: Any, scorer: Any):
    recorded = Recorded("r", [Signal(example="x2", label=1, confidence=0.6, source="r")])
    human = SimulatedHuman(ValueProfile(), rationality=1.0, readable=60, seed="0")
    sources: list[Source] = [
        ModelSource("m", scorer, tokenizer),
        HumanSource("h", human, {e.key: item(e.key) for e in EXAMPLES}),
        persona(),
        PromptedPersona("pp", "", lambda _, prompt: "AB"[len(prompt) % 2], ("A", "B")),
        recorded,
        Flipped(recorded, 0.5, seed="0"),
    ]
    shown = EXAMPLES[:20]
    relabelled = [replace(example, label=1 - example.label) for example in shown]
    for source in sources:
        assert source.signals(shown) == source.signals(relabelled), source.name
    assert labels(TrueLabels().signals(shown)) == [example.label for example in shown]
