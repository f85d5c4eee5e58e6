"""Direct preference optimization (Rafailov et al. 2023), on TRL's DPOTrainer."""

from __future__ import annotations

import copy
import random
import tempfile
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from datasets import Dataset, disable_progress_bars
from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer

from partwise.config import PreferConfig
from partwise.models.processes import processes
from partwise.training.divergence import refuse_divergence
from partwise.training.placement import keep_on
from partwise.training.reward import quiet


class Preferred(TypedDict):
    """One text that is preferred over another, as TRL names it."""

    prompt: str
    chosen: str
    rejected: str


def _quietly(preferred: Sequence[Preferred]) -> Dataset:
    """As a data set, whose preparation draws no bars."""
    disable_progress_bars()
    return Dataset.from_list([dict(one) for one in preferred])


def prefer(
    model: Any, tokenizer: Any, preferred: Sequence[Preferred], config: PreferConfig, *, seed: int
) -> None:
    """DPO in place, equation 7, with the model as it is now for a reference; of nothing, nothing moves.

    Equal arguments give equal weights. Every global random state is left as it was.

    Args:
        model: a causal language model of transformers, without adapters.
        tokenizer: the model's. Texts end with its end of sequence.
        preferred: what is learned.
        config: how.
        seed: decides the order.
    """
    if not preferred:
        return
    # A copy learns: the trainer replaces the forward pass of the model that it is given.
    learner = copy.deepcopy(model)
    states = random.getstate(), np.random.get_state()
    with tempfile.TemporaryDirectory() as scratch, torch.random.fork_rng():
        arguments = DPOConfig(
            output_dir=scratch,
            beta=config.beta,
            # With a weight on the chosen texts' own likelihood, form is kept where pairs are few.
            loss_type=["sigmoid", "sft"] if config.kept else ["sigmoid"],
            loss_weights=[1.0, config.kept] if config.kept else None,
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            lr_scheduler_type="constant",
            max_length=None,
            seed=seed,
            data_seed=seed,
            use_cpu=model.device.type == "cpu",
            **quiet(),
        )
        trainer = DPOTrainer(
            model=learner,
            ref_model=copy.deepcopy(model),
            args=keep_on(arguments, model.device),
            train_dataset=_quietly(preferred),
            processing_class=tokenizer,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    refuse_divergence(learner, "prefer.learning_rate")
    random.setstate(states[0])
    np.random.set_state(states[1])
    processes().same_weights(learner)
    model.load_state_dict(learner.state_dict())
    model.eval()
