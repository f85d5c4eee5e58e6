"""The rule-book substrate: models that write plans for scenes, and that judge what others wrote."""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from partwise.config import PreferConfig, ReadConfig
from partwise.data import plans, scenes
from partwise.data.deeds import Deed, Deployment
from partwise.data.plans import FIRST_WORDS, SECOND_WORDS, Document
from partwise.data.scenes import JUDGE, VERDICTS, Facts, Scene, corpus, draw_scene
from partwise.models import chat, tiny
from partwise.models import tokenizer as tokenizing
from partwise.models.writer import Writer
from partwise.training import language
from partwise.training.ladder import rows
from partwise.training.language import Listener, cached_model, for_width, train_language_model
from partwise.training.preference import encoded, prefer
from partwise.types import Example, Signal
from partwise.worlds.dinner import scenes as nights

_NAME = re.compile(r" [a-z]+[A-Z][a-z]+")
_BATCH = 128


def newborn(config: ReadConfig, width: int, seed: int, cache: Path, listen: Listener | None = None) -> Path:
    """The folder of a model that has read the corpus and nothing else; made on the first call.

    Args:
        config: the corpus, and how it is read.
        width: of its hidden states.
        seed: decides facts, corpus and first weights.
        cache: made where missing.
        listen: called every ten steps; never, where the model is found.
    """
    facts = Facts.drawn(config.tiers, seed)

    def make(folder: Path) -> None:
        tokenizer = tokenizing.build_tokenizer(_vocabulary(facts))
        model = tiny.tiny_model(tiny.shape_of_width(width), tokenizer, seed)
        pad_id: Any = tokenizer.pad_token_id
        count = config.documents_of(width)
        read = _read(tokenizer, facts, config, f"corpus {seed}", count, written=0.5)
        train_language_model(
            model,
            rows(tokenizer, read),
            pad_id,
            epochs=1,
            batch_size=config.batch_of(width),
            learning_rate=for_width(config.learning_rate, model, config.falls),
            seed=seed,
            device=torch.device("cpu"),
            scratch=folder.parent / "trainer",
            listen=listen,
        )
        Writer(model, tokenizer).save(folder)

    return cached_model(cache / f"scenes-{width}-{seed}-{_digest(config)}", make)


def parameters_of(config: ReadConfig, width: int, seed: int) -> int:
    """How many parameters a model of that width has."""
    tokenizer = tokenizing.build_tokenizer(_vocabulary(Facts.drawn(config.tiers, seed)))
    return tiny.count_parameters(tiny.tiny_model(tiny.shape_of_width(width), tokenizer, seed))


def _read(
    tokenizer: Any, facts: Facts, config: ReadConfig, seed: str, count: int, *, written: float
) -> Iterator[Document]:
    layout = chat.layout(tokenizer)
    around = (layout.before_task, layout.after_task, layout.end)
    documents = corpus(
        random.Random(seed), facts, around, plans=config.plans, recited=config.recited, written=written
    )
    return itertools.islice(documents, count)


def _vocabulary(facts: Facts) -> Iterator[str]:
    """Texts from which a tokenizer learns every word, but no name as a whole."""
    for _ in range(2):
        yield from (" " + first for first in FIRST_WORDS)
        yield from (*SECOND_WORDS, " True", " False")
    documents = corpus(random.Random("vocabulary"), facts, ("\n", "\n", "\n"), plans=1.0, recited=1)
    for document in itertools.islice(documents, 1000):
        yield _NAME.sub("", "".join(piece for piece, _ in document))


def _digest(config: ReadConfig) -> str:
    """Of all that shapes the weights, but for width and seed, which stand in the folder's name."""
    modules = (plans, scenes, nights, tiny, tokenizing, language)
    shaping = {
        "config": config.model_dump(mode="json"),
        "sources": [Path(str(module.__file__)).read_text() for module in modules],
        "written": Path(__file__).read_text(),
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("torch", "transformers", "tokenizers", "accelerate")
        },
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]


def act(
    writer: Writer,
    asked: Sequence[Scene],
    deployment: Deployment,
    *,
    dinners: int,
    seed: int,
    copies: int = 1,
) -> list[Deed]:
    """`copies` plans a scene, each tried in the same dinners as the others of its scene.

    Args:
        writer: is asked.
        asked: the scenes.
        deployment: where plans are tried.
        dinners: in which each is tried.
        seed: decides plans and dinners.
        copies: plans a scene, one after the other.
    """
    written = writer.write([scene.text for scene in asked], seed=seed, copies=copies)
    return [
        deployment.deed(
            asked[row // copies],
            one.text,
            ended=one.ended,
            nights=[(seed * 100_003 + row // copies * dinners + k) % 2**31 for k in range(dinners)],
        )
        for row, one in enumerate(written)
    ]


def people_act(
    facts: Facts, asked: Sequence[Scene], deployment: Deployment, *, dinners: int, seed: int
) -> list[Deed]:
    """A plan a scene as people write them who do not know the book: what the first generation learns from."""
    rng = random.Random(f"people {seed}")
    return [
        deployment.deed(
            scene,
            scenes.wild_act(rng, scene, facts).text(rng.randrange(scenes.HANDS)),
            ended=True,
            nights=[rng.randrange(2**31) for _ in range(dinners)],
        )
        for scene in asked
    ]


def teach(
    writer: Writer,
    deeds: Sequence[Deed],
    facts: Facts,
    read: ReadConfig,
    *,
    replayed: float,
    epochs: int,
    learning_rate: float,
    seed: int,
    scratch: Path,
    listen: Listener | None = None,
) -> None:
    """Supervised finetuning in place on plans, with facts and judgments of the corpus among them, which keep
    what is known.

    Args:
        writer: its weights move.
        deeds: whose texts are learned.
        facts: of the corpus.
        read: the corpus.
        replayed: documents of the corpus, as a share of the plans.
        epochs: passes.
        learning_rate: at width 64.
        seed: decides the order, and which documents are read again.
        scratch: a folder for the trainer's own files.
        listen: called every ten steps.
    """
    if not deeds:
        return
    layout = chat.layout(writer.tokenizer)
    lessons: list[Document] = [
        ((layout.opening(deed.scene.text), False), (deed.text, True), (layout.end, True)) for deed in deeds
    ]
    # Facts and judgments alone: a plan of the corpus is as harmful as people's are.
    lessons += _read(
        writer.tokenizer, facts, read, f"replay {seed}", round(replayed * len(deeds)), written=0.0
    )
    train_language_model(
        writer.model,
        rows(writer.tokenizer, lessons),
        writer.tokenizer.pad_token_id,
        epochs=epochs,
        batch_size=read.batch_of(writer.model.config.hidden_size),
        learning_rate=for_width(learning_rate, writer.model, read.falls),
        seed=seed,
        device=torch.device("cpu"),
        scratch=scratch,
        listen=listen,
    )


def learn(writer: Writer, pairs: Sequence[tuple[Deed, Deed]], config: PreferConfig, *, seed: int) -> None:
    """Preferences in place: of each pair of plans for one scene the first is the better one."""
    lessons = [encoded(writer.tokenizer, good.scene.text, good.text, bad.text) for good, bad in pairs]
    # No more for narrow models, whose form it costs, and less for wide ones.
    rate = min(config.learning_rate, for_width(config.learning_rate, writer.model))
    prefer(
        writer.model,
        writer.tokenizer,
        lessons,
        config.model_copy(update={"learning_rate": rate}),
        seed=seed,
    )


def fresh_scenes(
    facts: Facts, count: int, seed: str, tiers: int | None = None, *, kept: bool = False
) -> list[Scene]:
    """So many scenes; of those that are kept for measuring, or of the others."""
    rng = random.Random(seed)
    return [draw_scene(rng, facts, tiers, kept=kept) for _ in range(count)]


class WriterSource:
    """A writer as a judge of two plans for one scene, by what it says that each does.

    It says of a plan, in one word, whether it asks or reads messages, and whether it books one table or
    several; the better plan is the one of which both good words together are likelier.
    """

    def __init__(self, name: str, writer: Writer) -> None:
        """`name` stands in its signals. The writer is read as it is when it is asked."""
        self.name = name
        self._writer = writer
        self._words = [
            [_token(writer.tokenizer, word) for word in pair] for pair in (VERDICTS[0], VERDICTS[2])
        ]

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """Which plan is better, of examples whose `group` is the scene's text; None of equal odds."""
        odds = self.log_odds([(example.group, text) for example in examples for text in example.texts])
        return [
            self._signal(example, [odds[example.group, text] for text in example.texts])
            for example in examples
        ]

    def _signal(self, example: Example, odds: Sequence[float]) -> Signal | None:
        best = max(odds)
        if min(odds) == best:
            return None
        confidence = 1 / sum(math.exp(max(-700.0, other - best)) for other in odds)
        return Signal(example=example.key, label=odds.index(best), confidence=confidence, source=self.name)

    def log_odds(self, judged: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], float]:
        """Scene and plan to the log-odds, in nats, that the plan does neither."""
        tokenizer, layout = self._writer.tokenizer, chat.layout(self._writer.tokenizer)
        ids = {
            (scene, text): tokenizer(layout.opening(JUDGE + scene))["input_ids"]
            + tokenizer(text)["input_ids"]
            for scene, text in set(judged)
        }
        order = sorted(ids, key=lambda key: (len(ids[key]), key))
        found: dict[tuple[str, str], float] = {}
        self._writer.model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                chunk = order[start : start + _BATCH]
                batch = tokenizer.pad(
                    {"input_ids": [ids[key] for key in chunk]}, padding_side="right", return_tensors="pt"
                )
                last_B = batch["attention_mask"].sum(1) - 1
                hidden_BTH = self._writer.model.get_decoder()(**batch, use_cache=False).last_hidden_state
                head = self._writer.model.get_output_embeddings()
                logits_BV = head(hidden_BTH[torch.arange(len(chunk)), last_B]).double()
                # log P of both good words, and the log-odds of that.
                good_B = sum(F.logsigmoid(logits_BV[:, a] - logits_BV[:, b]) for a, b in self._words)
                odds_B = good_B - torch.log(-torch.expm1(torch.as_tensor(good_B)).clamp(max=-1e-300))
                found.update(zip(chunk, map(float, odds_B), strict=True))
        return found


def _token(tokenizer: Any, word: str) -> int:
    (token,) = tokenizer(word)["input_ids"]
    return token
