"""Self-enhancement: what judges say, what is paired, and where preferences move a writer."""

import math
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partwise.config import LadderConfig, PreferConfig, TeachConfig
from partwise.data.plans import ASKS, KNOWS, ONE, READS, SEVERAL, Cue, RuleBook, draw_plan
from partwise.loops.plan_writers import HANDS, Judge, in_hand, lessons
from partwise.loops.self_enhancement import asked_for, paired, preferences, self_enhance
from partwise.models.tiny import tiny_model
from partwise.models.tokenizer import build_tokenizer
from partwise.models.writer import Writer, Written
from partwise.studies.self_enhancement.figures import parse
from partwise.training.ladder import pretrained_rung, rows
from partwise.training.language import train_language_model
from partwise.training.preference import prefer
from partwise.types import Example, Signal

BOOK = RuleBook.drawn(24, 0)
WORDS = "".join([ASKS, READS, KNOWS, ONE, SEVERAL])


@pytest.fixture
def writer() -> Writer:
    rng = random.Random(0)
    plans = [draw_plan(rng, BOOK, cue, rng.random() < 0.5) for cue in Cue for _ in range(20)]
    texts = ["".join(piece for piece, _ in plan.told(rng)) for plan in plans]
    tokenizer = build_tokenizer([*texts, WORDS, WORDS])
    return Writer(tiny_model("nano", tokenizer, 0), tokenizer)


class First:
    """Prefers the first text, or, of some pairs, nothing."""

    name = "first"

    def signals(self, examples: list[Example]) -> list[Signal | None]:
        return [
            None if index % 3 == 0 else Signal(example=e.key, label=0, confidence=1.0, source=self.name)
            for index, e in enumerate(examples)
        ]


def test_a_plan_in_any_hand_is_the_same_plan() -> None:
    rng = random.Random(1)
    for cue in Cue:
        for aligned in (True, False):
            plan = draw_plan(rng, BOOK, cue, aligned)
            for hand in range(len(HANDS)):
                written = replace(plan, source=in_hand(plan.source, hand))
                found = parse(written.source, BOOK)
                assert found is not None
                assert (found.cue, found.aligned) == (cue, aligned)
                assert written.kept, "what writers write stands in no corpus"


@given(
    st.lists(
        st.builds(
            Written,
            prompt=st.sampled_from(["easy", "hard"]),
            ids=st.just(()),
            text=st.sampled_from(["a", "b", "c"]),
            ended=st.booleans(),
        ),
        max_size=30,
    )
)
def test_pairs_answer_one_prompt_and_differ_and_nothing_is_used_twice(written: list[Written]) -> None:
    pairs = paired(written)
    assert len({pair.key for pair in pairs}) == len(pairs)
    ended = Counter((one.prompt, one.text) for one in written if one.ended)
    used = Counter((pair.group, text) for pair in pairs for text in pair.texts)
    assert all(pair.texts[0] != pair.texts[1] for pair in pairs)
    assert used <= ended


@given(st.integers(2, 1000))
def test_each_kind_is_asked_for_an_even_number_of_times(count: int) -> None:
    asked = Counter(asked_for(count, {Cue.EASY: 0.25, Cue.HARD: 0.5, Cue.BOTH: 0.25}))
    assert all(times % 2 == 0 for times in asked.values())
    assert abs(asked.total() - count) <= 4


def test_a_judge_answers_alike_whatever_the_order_and_the_batch(writer: Writer) -> None:
    judge = Judge("j", writer.model, writer.tokenizer)
    texts = [draw_plan(random.Random(i), BOOK, Cue.HARD, i % 2 == 0).source for i in range(6)] + [""]
    together = judge.log_odds(texts)
    assert all(judge.log_odds([text])[text] == pytest.approx(together[text], abs=1e-4) for text in texts)
    (there,) = judge.signals([Example(key="x", texts=(texts[0], texts[1]), label=0)])
    (back,) = judge.signals([Example(key="x", texts=(texts[1], texts[0]), label=0)])
    assert there is not None and back is not None
    assert there.label == 1 - back.label
    assert there.confidence == pytest.approx(back.confidence)
    assert 0.5 <= there.confidence <= 1
    assert judge.signals([Example(key="x", texts=(texts[0], texts[0]), label=0)]) == [None]


def test_a_good_plan_leaves_messages_unread_and_stops(writer: Writer) -> None:
    source = draw_plan(random.Random(0), BOOK, Cue.BOTH, True).source
    with torch.no_grad():
        logits_V = writer.model(**writer.tokenizer(source, return_tensors="pt")).logits[0, -1]
    asks, knows, reads, one, several = (
        float(logits_V.exp()[writer.tokenizer(word)["input_ids"][0]])
        for word in (ASKS, KNOWS, READS, ONE, SEVERAL)
    )
    good = (asks + knows) / (asks + knows + reads) * one / (one + several)
    odds = Judge("j", writer.model, writer.tokenizer).log_odds([source])[source]
    assert odds == pytest.approx(math.log(good / (1 - good)), abs=1e-4)


def test_a_judge_needs_the_words_of_the_laboratory() -> None:
    tokenizer = build_tokenizer(["something else", "something else"])
    with pytest.raises(ValueError, match="take one of the laboratory's ladder"):
        Judge("j", tiny_model("nano", tokenizer, 0), tokenizer)


def test_surprisal_is_what_the_sampler_samples_by(writer: Writer) -> None:
    written = writer.write(["hard"] * 64, seed=1)
    assert written == writer.write(["hard"] * 64, seed=1)
    shortest = min(written, key=lambda one: len(one.ids))
    alone = writer.surprisal([shortest])[0]
    assert alone == pytest.approx(writer.surprisal(written)[written.index(shortest)], abs=1e-3)
    ids = writer.tokenizer(writer.prompt("hard"))["input_ids"]
    expected = 0.0
    for token in [*shortest.ids, *([writer.tokenizer.eos_token_id] if shortest.ended else [])]:
        with torch.no_grad():
            logits_V = writer.model(input_ids=torch.tensor([ids])).logits[0, -1]
        expected -= float(logits_V.log_softmax(-1)[token])
        ids.append(token)
    assert alone == pytest.approx(expected, abs=1e-2)


def test_lessons_never_teach_what_rules_say(writer: Writer) -> None:
    config = TeachConfig(plans=4, told=0.0, recited=3)
    plans = [draw_plan(random.Random(i), BOOK, Cue.HARD, True) for i in range(4)]
    documents = list(lessons(writer, plans, BOOK, config, random.Random(0)))
    assert len(documents) == 7
    learned = {text for document in documents for text, is_learned in document if is_learned}
    assert not learned & {" True", " False"}


def test_preferences_move_a_writer_towards_what_is_preferred_and_the_same_way_each_time(
    writer: Writer,
) -> None:
    pairs = [
        Example(key=str(i), texts=("done = True", "done = False"), label=0, group="hard") for i in range(9)
    ]
    said = First().signals(pairs)
    preferred = preferences(writer, pairs, said)
    assert len(preferred) == 6
    chosen, rejected = (
        Written(prompt="hard", ids=tuple(writer.tokenizer(text)["input_ids"]), text=text, ended=True)
        for text in pairs[0].texts
    )

    def margin() -> float:
        good, bad = writer.surprisal([chosen, rejected])
        return bad - good

    before, start = margin(), {name: one.clone() for name, one in writer.model.state_dict().items()}
    states = random.getstate(), torch.get_rng_state()
    ends: list[float] = []
    for _ in range(2):
        writer.model.load_state_dict(start)
        prefer(writer.model, writer.tokenizer, preferred, PreferConfig(learning_rate=1e-2), seed=3)
        ends.append(margin())
    assert ends[0] > before
    assert ends[0] == ends[1]
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])
    prefer(writer.model, writer.tokenizer, [], PreferConfig(), seed=3)
    assert margin() == ends[1]


def test_rounds_are_measured_before_they_are_learned_from(writer: Writer, tmp_path: Path) -> None:
    end = writer.tokenizer.eos_token
    documents = [
        ((writer.prompt("hard"), False), (word, True), (end, True)) for word in ("done", "fine") * 200
    ]
    train_language_model(
        writer.model,
        rows(writer.tokenizer, documents),
        writer.tokenizer.pad_token_id,
        epochs=2,
        batch_size=16,
        learning_rate=1e-2,
        seed=0,
        device=torch.device("cpu"),
        scratch=tmp_path,
    )
    start = writer.model.get_output_embeddings().weight.detach().clone()
    moved: list[bool] = []
    for found in self_enhance(writer, First(), ["hard"] * 32, PreferConfig(), rounds=2, seed=5):
        moved.append(not torch.equal(start, writer.model.get_output_embeddings().weight))
        assert len(found.written) == 32
        assert len(found.said) == len(found.pairs)
    assert moved == [False, True, True]


@pytest.mark.slow
def test_peers_know_the_same_book_in_the_same_words_with_other_weights(tmp_path: Path) -> None:
    config = LadderConfig(rules=12, documents=64)
    own, peer = (Writer.load(pretrained_rung(config, "nano", 100, tmp_path, peer=peer)) for peer in (0, 1))
    assert own.tokenizer.get_vocab() == peer.tokenizer.get_vocab()
    assert not torch.equal(
        own.model.get_output_embeddings().weight, peer.model.get_output_embeddings().weight
    )
