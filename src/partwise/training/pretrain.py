"""The base planner: a tiny model from random weights, pretrained on a world's plans, good and bad alike."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from transformers import (
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from partwise.config import PlannerConfig
from partwise.models import chat, tiny
from partwise.models import tokenizer as tokenizing
from partwise.models.hub import resolve_device
from partwise.worlds.base import Demonstration, World

Listener = Callable[[int, int, float], None]
"""(steps done, steps in all, mean loss in nats a token since the last call)."""

_IGNORED = -100
_REPORT_EVERY = 10
"""Steps."""
_POOLED = 16
"""Batches sorted together."""
_PROBED = 64
"""Demonstrations that go into the digest, for worlds whose corpus depends on more than their own files."""


def pretrained_planner(
    world: World, config: PlannerConfig, cache: Path, listen: Listener | None = None
) -> Path:
    """The folder of a pretrained tiny planner, made on the first call and found in `cache` afterwards.

    `AutoModelForCausalLM` and `AutoTokenizer` open it. The folder is named by the digest of all that shapes
    the weights: size, settings, corpus, the source of the world and of what makes the model, libraries.
    It appears under its name complete or not at all. Every global random state is left as it was.

    Args:
        world: its `demonstrations` are the corpus.
        config: `size`, `device` and `pretrain` are read.
        cache: folder of pretrained planners; made where missing.
        listen: called every ten steps; never, where the planner is found.
    """
    folder = cache / f"{world.name}-{config.size}-{_digest(world, config)}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".pretraining-", dir=cache))
    try:
        with _own_randomness():
            _pretrain(world, config, scratch, listen)
        try:
            os.rename(scratch / "planner", folder)
        except OSError:
            # Someone else was faster: theirs has the same name, and so the same content.
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _pretrain(world: World, config: PlannerConfig, scratch: Path, listen: Listener | None) -> None:
    settings = config.pretrain
    corpus = list(itertools.islice(world.demonstrations(random.Random(settings.seed)), settings.examples))
    tokenizer = tokenizing.build_tokenizer(text for plan in corpus for text in _texts(plan))
    pad_id: Any = tokenizer.pad_token_id
    model = tiny.tiny_model(config.size, tokenizer, settings.seed)
    arguments = TrainingArguments(
        output_dir=str(scratch / "trainer"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=20,
        # The usual 0.999 averages over a thousand steps; there are a few hundred.
        adam_beta2=0.95,
        seed=settings.seed,
        use_cpu=resolve_device(config.device).type == "cpu",
        bf16=False,
        save_strategy="no",
        logging_steps=_REPORT_EVERY,
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = _PlannerTrainer(
        model=model,
        args=arguments,
        train_dataset=examples(tokenizer, corpus),  # type: ignore[arg-type]  # a list serves as a Dataset
        data_collator=_Collator(pad_id),
    )
    trainer.remove_callback(PrinterCallback)
    if listen is not None:
        trainer.add_callback(_Report(listen))
    trainer.train()
    model.save_pretrained(scratch / "planner")
    tokenizer.save_pretrained(scratch / "planner")


def _texts(plan: Demonstration) -> tuple[str, str, str, str]:
    return plan.statement, plan.decomposition, plan.partial_solutions, plan.composition


def examples(
    tokenizer: PreTrainedTokenizerBase, corpus: Sequence[Demonstration]
) -> list[dict[str, list[int]]]:
    """Conversations as ids, with labels on the planner's two turns and their ends alone.

    Each stretch is encoded by itself, exactly as `chat.first_prompt` and `chat.between_turns` do, so that the
    planner meets in training what it meets in a rollout.
    """
    around = chat.layout(tokenizer)

    def encode(texts: Iterable[str]) -> list[list[int]]:
        return tokenizer(list(texts), add_special_tokens=False)["input_ids"]

    stretches = zip(
        encode(around.before_task + plan.statement + around.after_task for plan in corpus),
        encode(plan.decomposition for plan in corpus),
        encode(around.before_parts + plan.partial_solutions + around.after_parts for plan in corpus),
        encode(plan.composition for plan in corpus),
        strict=True,
    )
    end: list[Any] = [tokenizer.eos_token_id]
    return [
        {
            "input_ids": [*task, *decomposition, *end, *parts, *composition, *end],
            "labels": [_IGNORED] * len(task)
            + decomposition
            + end
            + [_IGNORED] * len(parts)
            + composition
            + end,
        }
        for task, decomposition, parts, composition in stretches
    ]


class _Collator:
    """Pads a batch to its longest row, on the right."""

    def __init__(self, pad_id: int) -> None:
        self._pads = {"input_ids": pad_id, "labels": _IGNORED}

    def __call__(self, rows: list[dict[str, list[int]]]) -> dict[str, Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)
        # No attention mask: what is padded on the right is seen by padding alone, and a mask costs time.
        return {
            key: torch.tensor([row[key] + [pad] * (longest - len(row[key])) for row in rows])
            for key, pad in self._pads.items()
        }


class _Batches(Sampler[list[int]]):
    """Batches of rows of like lengths, in random order, so that little is padding.

    The sampler of transformers that groups by length runs from long to short again and again, and the loss
    swings with it.
    """

    drop_last = False

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self.batch_size = batch_size
        self._rng = random.Random(seed)

    def __len__(self) -> int:
        return -(-len(self._lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rows = self._rng.sample(range(len(self._lengths)), len(self._lengths))
        pool = self.batch_size * _POOLED
        ordered = [
            row
            for start in range(0, len(rows), pool)
            for row in sorted(rows[start : start + pool], key=self._lengths.__getitem__)
        ]
        batches = [ordered[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]
        self._rng.shuffle(batches)
        return iter(batches)


class _PlannerTrainer(Trainer):
    """Trainer of transformers, with a loss that computes logits only where there are labels.

    Not TRL's SFTTrainer: it computes logits, entropies and accuracies at every position, and here the
    vocabulary's matrix is the widest of the model while less than half of the tokens have labels.
    """

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches by `_Batches`."""
        rows: Any = self.train_dataset
        batches = _Batches(
            [len(row["input_ids"]) for row in rows], self.args.train_batch_size, self.args.seed
        )
        loader: DataLoader[Any] = DataLoader(rows, batch_sampler=batches, collate_fn=self.data_collator)
        return self.accelerator.prepare(loader)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Mean cross-entropy over the labelled tokens."""
        labels_BT = inputs["labels"][:, 1:]
        hidden_BTH = model.get_decoder()(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state[
            :, :-1
        ]
        labelled_BT = labels_BT != _IGNORED
        logits_NV = model.get_output_embeddings()(hidden_BTH[labelled_BT])
        loss = F.cross_entropy(logits_NV, labels_BT[labelled_BT])
        return (loss, {"logits": logits_NV}) if return_outputs else loss


class _Report(TrainerCallback):
    def __init__(self, listen: Listener) -> None:
        self._listen = listen

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Pass each logged loss on."""
        if logs and "loss" in logs:
            self._listen(state.global_step, state.max_steps, float(logs["loss"]))


@contextmanager
def _own_randomness() -> Generator[None]:
    """Trainer seeds Python, NumPy and torch; put their states back afterwards."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _digest(world: World, config: PlannerConfig) -> str:
    probe = itertools.islice(world.demonstrations(random.Random(config.pretrain.seed)), _PROBED)
    shaping = {
        "size": config.size,
        "pretrain": config.pretrain.model_dump(mode="json"),
        "world": world.name,
        "device": resolve_device(config.device).type,
        "corpus": [_texts(plan) for plan in probe],
        "sources": [path.read_text() for path in _sources(world)],
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("torch", "transformers", "tokenizers", "accelerate")
        },
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]


def _sources(world: World) -> list[Path]:
    """The world's package (or module), and the files that make and feed the model."""
    module = sys.modules[type(world).__module__]
    own = Path(inspect.getsourcefile(type(world)) or __file__)
    files = sorted(own.parent.rglob("*.py")) if hasattr(module, "__path__") else [own]
    return [*files, *(Path(str(part.__file__)) for part in (chat, tiny, tokenizing)), Path(__file__)]
