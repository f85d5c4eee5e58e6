"""A reward model from pairwise answers, by TRL's RewardTrainer (Bradley-Terry)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from transformers import PrinterCallback
from trl import RewardConfig, RewardTrainer

from partwise.types import Answer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def fit_reward_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    answers: Sequence[Answer],
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> float:
    """Move `model` towards the answers, in place; the mean loss, in nats an answer.

    Loss: -log sigmoid(score(chosen) - score(rejected)), plus a weak pull of the mean score to 0 that keeps
    repeated rounds from drifting.

    Raises:
        ValueError: there are no answers.
    """
    if not answers:
        raise ValueError("a reward model needs at least one answer to learn from")
    ids = {text: tokenizer(text)["input_ids"] for answer in answers for text in _texts(answer)}
    rows = [_texts(answer) for answer in answers]
    data = Dataset.from_dict(
        {
            "chosen_ids": [ids[chosen] for chosen, _ in rows],
            "rejected_ids": [ids[rejected] for _, rejected in rows],
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
            **quiet(),
        )
        trainer = RewardTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer)
        trainer.remove_callback(PrinterCallback)
        return trainer.train().training_loss


def _texts(answer: Answer) -> tuple[str, str]:
    """The text chosen and the text rejected."""
    options = answer.item.options
    return options[answer.choice].text, options[1 - answer.choice].text


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

