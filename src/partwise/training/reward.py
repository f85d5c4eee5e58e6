"""A reward model from pairwise answers, by TRL's RewardTrainer (Bradley-Terry)."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from transformers import PrinterCallback
from trl import RewardConfig, RewardTrainer

from partwise.models.processes import processes
from partwise.training.divergence import Diverged, refuse_divergence
from partwise.training.placement import keep_on
from partwise.types import Answer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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
) -> float:
    """Move `model` towards the preferences, in place; the mean loss, in nats a preference.

    Loss: -log sigmoid(score(chosen) - score(rejected)), plus a weak pull of the mean score to 0 that keeps
    repeated rounds from drifting. The text that is scored stands for itself, without the question.

    Raises:
        ValueError: there are no preferences.
        Diverged: the loss or the weights are no longer finite.
    """
    if not data:
        raise ValueError("a reward model needs at least one preference to learn from")
    ids = {text: tokenizer(text)["input_ids"] for row in data for text in (row.chosen, row.rejected)}
    dataset = Dataset.from_dict(
        {
            "chosen_ids": [ids[row.chosen] for row in data],
            "rejected_ids": [ids[row.rejected] for row in data],
        }
    )
    with tempfile.TemporaryDirectory() as scratch:
        config = RewardConfig(
            output_dir=scratch,
            num_train_epochs=epochs,
            learning_rate=learning_rate,
            per_device_train_batch_size=64,
            lr_scheduler_type="cosine",
            warmup_steps=5,
            center_rewards_coefficient=0.01,
            seed=seed,
            data_seed=seed,
            use_cpu=model.device.type == "cpu",
            **quiet(),
        )
        keep_on(config, model.device)
        trainer = RewardTrainer(model=model, args=config, train_dataset=dataset, processing_class=tokenizer)
        trainer.remove_callback(PrinterCallback)
        loss = trainer.train().training_loss
    if not math.isfinite(loss):
        raise Diverged(f"Training diverged: the proxy's mean loss is {loss}; lower proxy.learning_rate.")
    refuse_divergence(model, "proxy.learning_rate", "the proxy's")
    processes().same_weights(model)  # each has learned the same, up to the rounding of some GPUs
    return loss


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
