"""Weak-to-strong generalization: a student learns from signals that may be wrong.

After Burns et al. 2023, "Weak-to-Strong Generalization: Eliciting Strong Capabilities With Weak Supervision",
section 4.3 and appendix A.4. Nothing here reads the true answer of an example.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from partwise.config import FitConfig, Loss, Trained
from partwise.models.classifier import Encoder, batch_of, logits_of
from partwise.training.divergence import Diverged, refuse_divergence
from partwise.training.placement import keep_on, unswept
from partwise.types import Example, Signal

Listener = Callable[[int, int], None]
"""(steps done, steps in all), after each step."""


def targets(
    examples: Sequence[Example], signals: Sequence[Signal | None], classes: int
) -> list[Tensor | None]:
    """What the signals say of each answer, as probabilities of shape (classes,); None without a signal.

    The confidence goes to the label, and what is left of it to the other answers, in equal parts. For
    examples of several texts `classes` is their number.

    Raises:
        ValueError: a signal is about another example, or its label is out of range.
    """
    said: list[Tensor | None] = []
    for example, signal in zip(examples, signals, strict=True):
        if signal is None:
            said.append(None)
            continue
        if signal.example != example.key or not 0 <= signal.label < classes:
            raise ValueError(
                f"{signal.source}'s signal on {signal.example} says {signal.label}: signals come in the "
                f"order of their examples, with labels from 0 to {classes - 1}"
            )
        told_K = torch.full((classes,), (1 - signal.confidence) / max(1, classes - 1))
        told_K[signal.label] = signal.confidence
        said.append(told_K)
    return said


def cross_entropy(logits_BK: Tensor, weak_BK: Tensor) -> Tensor:
    """Mean of -sum_k weak_k log student_k, in nats."""
    return F.cross_entropy(logits_BK, weak_BK)


def confidence_loss(logits_BK: Tensor, weak_BK: Tensor, weight: float) -> Tensor:
    """(1 - weight) CE(student, weak) + weight CE(student, hardened student), in nats (Burns et al., eq. 1).

    Of two classes, the student is hardened at the threshold that calls as large a share of the batch class 1
    as the weak signals do on average; with balanced signals that is the median, as in their appendix A.4. Of
    more classes, at the likeliest. No gradient flows through what is hardened.
    """
    student_BK = logits_BK.detach().softmax(-1)
    if logits_BK.shape[-1] == 2:
        share = (1 - weak_BK[:, 1].mean()).clamp(0, 1)
        hard_B = (student_BK[:, 1] > torch.quantile(student_BK[:, 1], share)).long()
    else:
        hard_B = student_BK.argmax(-1)
    return (1 - weight) * F.cross_entropy(logits_BK, weak_BK) + weight * F.cross_entropy(logits_BK, hard_B)


def product_loss(logits_BK: Tensor, weak_BK: Tensor, weight: float) -> Tensor:
    """CE(student, normalised weak * student ** weight), in nats: student and weak signal as two opinions.

    Their product is what somebody believes who holds them to be independent. No gradient flows through it.
    """
    both_BK = (weak_BK.clamp_min(1e-6).log() + weight * logits_BK.detach().log_softmax(-1)).softmax(-1)
    return F.cross_entropy(logits_BK, both_BK)


def fit(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    said: Sequence[Tensor | None],
    config: FitConfig,
    *,
    seed: int,
    listen: Listener | None = None,
) -> None:
    """Move a sequence classifier towards the signals, in place. Examples without a signal are left out.

    Where the head alone is to move, the rest of the model stays frozen afterwards.

    Args:
        model: of transformers; one logit a class for examples of one text, one logit for those of several.
        tokenizer: the model's.
        examples: what is learned on.
        said: from `targets`.
        config: loss, passes, rates.
        seed: decides the order of the examples. Torch's random state is left as it was; Python's and NumPy's
            are seeded, as by any `Trainer` of transformers.
        listen: called after each step, when the model may be measured, in evaluation mode or not.

    Raises:
        ValueError: there is no signal at all, or a text is longer than the model reads
            (`models.classifier.TextError`).
        Diverged: the loss or the weights are no longer finite.
    """
    encode = Encoder(model, tokenizer, cut=config.longest)
    rows = [
        {"ids": [encode(text) for text in example.texts], "target": told}
        for example, told in zip(examples, said, strict=True)
        if told is not None
    ]
    if not rows:
        raise ValueError("a student needs at least one signal to learn from")
    if config.trained is Trained.HEAD:
        model.base_model.requires_grad_(False)
    steps = math.ceil(len(rows) / config.batch_size) * config.epochs
    with tempfile.TemporaryDirectory() as scratch, torch.random.fork_rng():
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            lr_scheduler_type="cosine",
            # With fewer steps than that it would never come to what was set.
            warmup_steps=config.warmup if steps > config.warmup else 0,
            seed=seed,
            data_seed=seed,
            use_cpu=model.device.type == "cpu",
            remove_unused_columns=False,
            bf16=False,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        trainer = _Student(
            config,
            model=model,
            args=keep_on(arguments, model.device),
            train_dataset=rows,  # type: ignore[arg-type]
            data_collator=_collated,
        )
        trainer.remove_callback(PrinterCallback)
        if listen is not None:
            trainer.add_callback(_Steps(listen))
        with unswept():
            trainer.train()
    refuse_divergence(model, "fit.learning_rate")


def _collated(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Texts of a batch below each other, with the targets."""
    ids_BT, mask_BT = batch_of([ids for row in rows for ids in row["ids"]])
    targets_BK = torch.stack([row["target"] for row in rows])
    return {"ids_BT": ids_BT, "mask_BT": mask_BT, "target_BK": targets_BK}


class _Student(Trainer):
    """Trainer of transformers with the losses above."""

    def __init__(self, config: FitConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._fit = config

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The configured loss; the student's own opinion counts more and more at first, and then stays."""
        target_BK = inputs["target_BK"]
        # (B, K) with a logit a class; (B * K, 1) with a logit a text.
        logits_BK = logits_of(model, inputs["ids_BT"], inputs["mask_BT"]).reshape(target_BK.shape)
        rising = min(1.0, self.state.global_step / max(1.0, self._fit.rise * self.state.max_steps))
        weight = self._fit.own * rising
        match self._fit.loss:
            case Loss.CROSS_ENTROPY:
                loss = cross_entropy(logits_BK, target_BK)
            case Loss.CONFIDENCE:
                loss = confidence_loss(logits_BK, target_BK, weight)
            case Loss.PRODUCT:
                loss = product_loss(logits_BK, target_BK, weight)
        if not loss.isfinite():
            raise Diverged(
                f"Training diverged: the loss of step {self.state.global_step + 1} is {loss.item()}; lower "
                "fit.learning_rate."
            )
        return (loss, {"logits": logits_BK}) if return_outputs else loss


class _Steps(TrainerCallback):
    def __init__(self, listen: Listener) -> None:
        self._listen = listen

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Pass each step on."""
        self._listen(state.global_step, state.max_steps)
