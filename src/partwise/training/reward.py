"""A reward model from pairwise answers, by TRL's RewardTrainer (Bradley-Terry)."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PrinterCallback
from transformers.modeling_outputs import SequenceClassifierOutput
from trl import RewardConfig, RewardTrainer

from partwise.config.reward import STEP
from partwise.models.classifier import Encoder, logits_of
from partwise.models.processes import processes
from partwise.training.divergence import Diverged, refuse_divergence
from partwise.training.placement import NoTelemetry, checkpoints, keep_on, kept_whole, unswept
from partwise.types import Answer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


_RISING = 5
"""Steps over which the learning rate rises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One answer in TRL's preference columns."""

    prompt: str
    chosen: str
    rejected: str
    round: int = 0
    """When it was said."""

    @property
    def pair(self) -> frozenset[str]:
        """What was compared, whichever was chosen."""
        return frozenset((self.chosen, self.rejected))


def preferences(answers: Iterable[Answer], round: int = 0) -> list[Preference]:
    """What the answers say, in the order given; a tie says nothing here, nor does "can't tell"."""
    return [
        Preference(
            round=round,
            prompt=answer.item.question,
            chosen=answer.item.options[answer.preferred].text,
            rejected=answer.item.options[1 - answer.preferred].text,
        )
        for answer in answers
        if answer.preferred is not None
    ]


def replayed(
    history: Sequence[Preference],
    most: int,
    *,
    fresh: Sequence[Preference],
    round: int,
    before: int,
    half_life: float | None,
    rng: random.Random,
) -> list[Preference]:
    """Old answers, at most `most`, to learn again beside new ones, so that unchanged values are kept.

    With a half-life, in rounds, an answer from before the round `before`, in which values were found to have
    moved, is kept with probability 2 ** (-age / half_life): it may no longer hold. It is dropped at once
    where the same two texts have been compared since, in `history` or among the `fresh` answers.
    """
    if half_life is None:
        return rng.sample(history, min(most, len(history)))
    compared = {old.pair for old in (*history, *fresh) if old.round >= before}
    kept = [
        old
        for old in history
        if old.round >= before
        or (rng.random() < 0.5 ** ((round - old.round) / half_life) and old.pair not in compared)
    ]
    return rng.sample(kept, min(most, len(kept)))


def fit_reward_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    data: Sequence[Preference],
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    micro_batch: int = STEP,
) -> float:
    """Move `model` towards the preferences, in place; the mean loss, in nats a preference.

    Loss: -log sigmoid(score(chosen) - score(rejected)), plus a weak pull of the mean score to 0 that keeps
    repeated rounds from drifting. The text that is scored stands for itself, without the question. A step
    learns from `STEP` preferences.

    Args:
        model: a sequence classifier of one label; of one with adapters these and its head are trained.
        tokenizer: the model's.
        data: the preferences.
        epochs: passes over them.
        learning_rate: at its highest; it rises from 0 over five steps, where there are more than five, and
            falls to 0 along a cosine.
        seed: decides their order.
        micro_batch: most preferences whose gradients are computed at once: it bounds memory and changes
            nothing else.

    Raises:
        ValueError: there are no preferences.
        Diverged: the loss or the weights are no longer finite.
    """
    if not data:
        raise ValueError("a reward model needs at least one preference to learn from")
    encode = Encoder.within(model, tokenizer)
    ids = {text: encode(text) for row in data for text in (row.chosen, row.rejected)}
    dataset = Dataset.from_dict(
        {
            "chosen_ids": [ids[row.chosen] for row in data],
            "rejected_ids": [ids[row.rejected] for row in data],
        }
    )
    steps = epochs * math.ceil(len(data) / STEP)
    with tempfile.TemporaryDirectory() as scratch:
        config = RewardConfig(
            output_dir=scratch,
            num_train_epochs=epochs,
            learning_rate=learning_rate,
            per_device_train_batch_size=STEP,
            max_length=None,  # TRL would leave out what is longer, unsaid
            lr_scheduler_type="cosine",
            # The first step of a rising rate moves nothing: few answers would not be learned from at all.
            warmup_steps=_RISING if steps > _RISING else 0,
            center_rewards_coefficient=0.01,
            seed=seed,
            data_seed=seed,
            use_cpu=model.device.type == "cpu",
            **(quiet() | checkpoints(model)),
        )
        keep_on(config, model.device)
        with kept_whole(model), _padding_kept(model, tokenizer):
            trainer = _Trainer(
                micro_batch, model=model, args=config, train_dataset=dataset, processing_class=tokenizer
            )
        trainer.remove_callback(PrinterCallback)
        with unswept():
            loss = trainer.train().training_loss
    if not math.isfinite(loss):
        raise Diverged(f"Training diverged: the proxy's mean loss is {loss}; lower proxy.learning_rate.")
    refuse_divergence(model, "proxy.learning_rate", "the proxy's")
    processes().same_weights(model)  # each has learned the same, up to the rounding of some GPUs
    return loss


class _Trainer(NoTelemetry, RewardTrainer):
    """TRL's, which takes a step's gradients from a few rows at a time and reads texts as a judge does."""

    def __init__(self, micro_batch: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._micro_batch, self._share = micro_batch, 1.0

    def training_step(self, model: Any, inputs: dict[str, Tensor], *others: Any, **named: Any) -> Tensor:
        """The gradients of a step, summed over its micro-batches; its mean loss."""
        rows = len(inputs["input_ids"]) // 2  # the preferred texts stand above the others
        losses: list[Tensor] = []
        for start in range(0, rows, self._micro_batch):
            few = torch.arange(start, min(rows, start + self._micro_batch))
            both = torch.cat([few, few + rows])
            longest = int(inputs["attention_mask"][both].sum(1).max())
            part = {name: tensor[both, :longest] for name, tensor in inputs.items()}
            self._share = len(few) / rows
            losses.append(super().training_step(model, part, *others, **named))
        return torch.stack(losses).sum()

    def compute_loss(self, model: Any, inputs: Any, *others: Any, **named: Any) -> Any:
        """TRL's mean over the rows, as much of it as they are of a step."""

        def read(input_ids: Tensor, attention_mask: Tensor, **_: Any) -> SequenceClassifierOutput:
            return SequenceClassifierOutput(logits=logits_of(model, input_ids, attention_mask))

        mean: Any = super().compute_loss(cast(Any, read), inputs, *others, **named)
        return mean * self._share


@contextmanager
def _padding_kept(model: Any, tokenizer: Any) -> Generator[None]:
    """Leave the padding of model and tokenizer as it was: TRL writes a token into both, which they may lack.

    Which token that is has no say in what is read (`models.classifier`), so that any will do.
    """
    config = model.config.get_text_config()
    before = config.pad_token_id, tokenizer.pad_token
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)
    try:
        yield
    finally:
        config.pad_token_id, tokenizer.pad_token = before


def quiet() -> dict[str, Any]:
    """Settings that every TRL trainer here shares: full precision, nothing saved, reported or drawn."""
    return {
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
