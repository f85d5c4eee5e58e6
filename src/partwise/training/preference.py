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
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl import DPOConfig, DPOTrainer

from partwise.config import PreferConfig
from partwise.models.chat import first_prompt, written_turn
from partwise.models.processes import processes
from partwise.training.divergence import refuse_divergence
from partwise.training.placement import NoTelemetry, checkpoints, keep_on, kept_whole, restore, unswept
from partwise.training.reward import quiet


class Preferred(TypedDict):
    """One answer that is preferred over another, in token ids, as TRL names them."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]


def encoded(tokenizer: PreTrainedTokenizerBase, asked: str, better: str, worse: str) -> Preferred:
    """Of two answers to what is asked, the better one, in the ids that a `Writer` reads and writes.

    TRL would encode texts by itself: otherwise, where a tokenizer takes letters together across the end of a
    prompt, and without the token that ends a turn, where that is not the one that ends a text.
    """
    answers = [written_turn(tokenizer, asked, text, first=True) for text in (better, worse)]
    return Preferred(
        prompt_ids=first_prompt(tokenizer, asked), chosen_ids=answers[0], rejected_ids=answers[1]
    )


class _Trainer(NoTelemetry, DPOTrainer):
    """TRL's, which is given ids."""

    def _prepare_dataset(self, dataset: Any, *arguments: Any, **named: Any) -> Any:
        return dataset


def prefer(
    model: Any, tokenizer: Any, preferred: Sequence[Preferred], config: PreferConfig, *, seed: int
) -> None:
    """DPO in place, equation 7, with the model as it is now for a reference; of nothing, nothing moves.

    Equal arguments give equal weights. Every global random state is left as it was.

    Args:
        model: a causal language model of transformers; of one with adapters these alone are trained.
        tokenizer: the model's.
        preferred: what is learned.
        config: how.
        seed: decides the order.

    Raises:
        Diverged: the weights are no longer finite.
    """
    if not preferred:
        return
    disable_progress_bars()
    states = random.getstate(), np.random.get_state()
    # TRL would open the model anew from where it was first loaded. Adapters it copies.
    reference = None if hasattr(model, "peft_config") else copy.deepcopy(model)
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
            # What routers of experts lose by is no preference.
            router_aux_loss_coef=0.0,
            seed=seed,
            data_seed=seed,
            use_cpu=model.device.type == "cpu",
            **(quiet() | checkpoints(model)),
        )
        with kept_whole(model):
            trainer = _Trainer(
                model=model,
                ref_model=reference,
                args=keep_on(arguments, model.device),
                train_dataset=Dataset.from_list([dict(one) for one in preferred]),
                processing_class=tokenizer,
            )
        trainer.remove_callback(PrinterCallback)
        with unswept():
            trainer.train()
    restore(model)
    random.setstate(states[0])
    np.random.set_state(states[1])
    refuse_divergence(model, "prefer.learning_rate")
    processes().same_weights(model)
