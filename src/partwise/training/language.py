"""Next-token training of tiny language models, with a loss where there are labels.

What the planner's pretraining and the laboratory's have in common, and the cache of what they make.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from partwise.files import made_whole
from partwise.runs.rundir import plain_errors
from partwise.training.divergence import refuse_divergence
from partwise.training.placement import checkpoints, keep_on, unswept

Listener = Callable[[int, int, float], None]
"""(steps done, steps in all, mean loss in nats a token since the last call)."""
Row = dict[str, list[int]]
"""`input_ids` and `labels` of one text; `IGNORED` where nothing is to be learned."""

IGNORED = -100
_REPORT_EVERY = 10
"""Steps."""
_PLAIN_HEAD = frozenset({"llama", "qwen2"})
"""Architectures whose logits are their last hidden states times one matrix."""
_POOLED = 16
"""Batches sorted together."""
_WIDTH = 64
"""At which learning rates are stated."""


def for_width(learning_rate: float, model: Any, power: float = 0.5) -> float:
    """A learning rate at width 64 for a model of another width.

    With one rate for all, the widest models lose the form of their plans where the narrow ones learn. So it
    falls with a power of the width above 64, and rises with the root below.
    """
    wider = model.config.hidden_size / _WIDTH
    return learning_rate * wider ** -(power if wider > 1 else 0.5)


def train_language_model(
    model: Any,
    rows: Sequence[Row],
    pad_id: int,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    device: torch.device,
    scratch: Path,
    listen: Listener | None = None,
    schedule: Literal["cosine", "linear"] = "cosine",
    setting: str = "its learning rate",
) -> None:
    """Train a causal language model in place.

    Every global random state is left as it was.

    Args:
        model: of transformers.
        rows: the corpus.
        pad_id: stands where a row is shorter than its batch.
        epochs: passes over the rows.
        batch_size: rows a step.
        learning_rate: at its highest.
        seed: decides the order of the rows.
        device: where it is trained, and is afterwards.
        scratch: a folder for the trainer's own files.
        listen: called every ten steps.
        schedule: of the learning rate: a rise in 20 steps and a cosine to 0, for weights drawn at random,
            which in fewer steps never comes to its highest (short passes of a ladder are set with that); or
            a straight line to 0 from the start.
        setting: what to call the learning rate where it was too high.

    Raises:
        Diverged: the weights are no longer finite.
    """
    arguments = TrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=epochs,
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        lr_scheduler_type=schedule,
        warmup_steps=20 if schedule == "cosine" else 0,
        # The usual 0.999 averages over a thousand steps; there are a few hundred.
        adam_beta2=0.95,
        seed=seed,
        use_cpu=device.type == "cpu",
        bf16=False,
        save_strategy="no",
        logging_steps=_REPORT_EVERY,
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **checkpoints(model),
    )
    with _own_randomness():
        trainer = _LabelledTrainer(
            model=model,
            args=keep_on(arguments, device),
            train_dataset=rows,  # type: ignore[arg-type]  # a list serves as a Dataset
            data_collator=_Collator(pad_id),
        )
        trainer.remove_callback(PrinterCallback)
        if listen is not None:
            trainer.add_callback(_Report(listen))
        with unswept():
            trainer.train()
    refuse_divergence(model, setting)


def cached_model(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder of a model, made on the first call and found afterwards; see `files.made_whole`.

    Args:
        folder: named by all that shapes the model.
        make: writes the model into the folder that it is given.

    Raises:
        RunError: the disk is full, or may not be written.
    """
    with plain_errors(folder.parent, then="try again, or set PARTWISE_CACHE to another folder"):
        return made_whole(folder, make)


class _Collator:
    """Pads a batch to its longest row, on the right."""

    def __init__(self, pad_id: int) -> None:
        self._pads = {"input_ids": pad_id, "labels": IGNORED}

    def __call__(self, rows: list[Row]) -> dict[str, Tensor]:
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


class _LabelledTrainer(Trainer):
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
        labelled_BT = labels_BT != IGNORED
        logits_NV = _logits(model, inputs["input_ids"], labelled_BT)
        loss = F.cross_entropy(logits_NV, labels_BT[labelled_BT])
        return (loss, {"logits": logits_NV}) if return_outputs else loss


def _logits(model: Any, tokens_BT: Tensor, labelled_BS: Tensor) -> Tensor:
    """The logits after each token that has a label behind it, logits_NV; S is one less than T."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if base.config.model_type in _PLAIN_HEAD:
        hidden_BTH = model.get_decoder()(input_ids=tokens_BT, use_cache=False).last_hidden_state
        return model.get_output_embeddings()(hidden_BTH[:, :-1][labelled_BS])
    # Elsewhere more may come after the last hidden states than one matrix: scales, caps, layers.
    known = inspect.signature(base.forward).parameters
    kept_P = labelled_BS.any(0).nonzero()[:, 0]
    if "logits_to_keep" in known:
        logits_BPV = model(input_ids=tokens_BT, use_cache=False, logits_to_keep=kept_P).logits
    else:
        logits_BPV = model(input_ids=tokens_BT, use_cache=False).logits[:, kept_P]
    return logits_BPV[labelled_BS[:, kept_P]]


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
