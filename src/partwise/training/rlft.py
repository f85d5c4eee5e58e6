"""RLFT: the planner's weights move by GRPO or RLOO, on TRL's GRPOTrainer.

The only file that touches TRL's `rollout_func`, which TRL marks experimental (pinned: trl 1.16).

RLOO is reached through the same trainer. With G rollouts a task, the leave-one-out advantage is
r_i - mean of the others = G/(G-1) (r_i - mean), and with `loss_type="dr_grpo"` the on-policy gradient is
sum_i A_i sum_t grad log p(token_t) over a constant: REINFORCE with a leave-one-out baseline up to a factor
that Adam cancels (Ahmadian et al. 2024, equation 6). TRL's own RLOOTrainer has no hook for two turns.

What was sampled is what is trained on. TRL pads prompts on the left and gives no positions, so that models
with learned ones would read every prompt at another place; therefore all prompts are handed over cut to the
shortest, and what is cut off leads the completion, masked. Padding then stands on the right alone, where no
causal model sees it. Each step compares the log-probabilities of the tokens with those of sampling.

Nothing is computed twice, or for nothing: a planner that has settled writes the same plan in many rows of a
group. Like rows share a micro-batch; each distinct one goes through the model once, cut to the longest of
these, and rows whose advantage is 0 do not at all. Of tiny models even what distinct rows begin with is
computed once (`models/trie.py`). The gradient is that of all rows, up to rounding.

Where a launcher has started several processes, each has a trainer to itself, of as many steps, on its share
of a step's tasks. Before a step is taken the gradients are averaged, so that all take the same one.
"""

from __future__ import annotations

import copy
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import add_fused_lm_head, nanstd, split_tensor_dict

from partwise.config import RlftConfig
from partwise.models.architectures import OWN_HEAD
from partwise.models.drafts import Drafts
from partwise.models.errors import ModelError
from partwise.models.fast import is_supported
from partwise.models.processes import Processes, processes
from partwise.models.trie import row_logps
from partwise.training.divergence import refuse_divergence
from partwise.training.placement import NoTelemetry, checkpoints, keep_on, kept_whole, restore, unswept
from partwise.training.reward import quiet
from partwise.training.rollout import RolloutEngine, Tokens
from partwise.training.steps import Seen, Step, step_of
from partwise.types import Rollout, Task

RewardFunction = Callable[[Sequence[Rollout]], list[float]]
"""What a rollout earns; one figure a rollout, in order."""
_APART = {torch.float32: 0.02, torch.bfloat16: 0.5, torch.float16: 0.5}
"""Most that training and sampling may differ by, in nats a token on average: rounding is far below."""
_NO_ADVANTAGE = 1e-6
"""Rounding leaves less than this of the advantage of a row that earned what its group did."""
_ADDED = 1e-4
"""What TRL adds to a standard deviation before it divides by it."""


def rlft(
    engine: RolloutEngine,
    tasks: Sequence[Task],
    reward: RewardFunction,
    config: RlftConfig,
    *,
    seed: int,
    listen: Callable[[Step], None],
) -> None:
    """P <- RLFT(P, reward): `config.steps` steps over `tasks`, in order, in place.

    `tasks` holds `config.steps * config.tasks_per_step` training tasks. Equal seeds give equal weights on the
    same machine with the same number of threads and of processes, all of which call this alike.

    Raises:
        ValueError: the number of tasks is another.
        ModelError: the model gives tokens other probabilities in training than it did in sampling; or the
            tasks of a step can't be shared out evenly among the processes.
        Diverged: its weights are no longer finite.
    """
    if len(tasks) != config.steps * config.tasks_per_step:
        raise ValueError(
            f"{config.steps} steps of {config.tasks_per_step} tasks need as many tasks, not {len(tasks)}"
        )
    together = processes()
    refuse_uneven(config, together.count)
    together.same_weights(engine.planner.model)
    tasks = [
        task
        for start in range(0, len(tasks), config.tasks_per_step)
        for task in together.share(tasks[start : start + config.tasks_per_step])
    ]
    generator = torch.Generator().manual_seed(together.seed(seed))
    # New in every call, like the generator: a run that goes on after an interruption ends the same.
    drafts = Drafts()
    steps: list[Step] = []
    spread = _Spread()

    def roll_out(prompts: list[str], _trainer: Any) -> dict[str, Any]:
        """TRL's hook. A prompt is a position in `tasks`, repeated once a rollout of its group."""
        start = time.perf_counter()
        positions = [int(prompt) for prompt in prompts[:: config.group_size]]
        rollouts, tokens = engine.roll_out(
            [tasks[position] for position in positions],
            config.group_size,
            temperature=config.temperature,
            generator=generator,
            drafts=drafts,
        )
        rewards = reward(rollouts)
        seen = together.gather(
            [Seen.of(rollout, earned) for rollout, earned in zip(rollouts, rewards, strict=True)]
        )
        spread.note(rewards, [row.reward for row in seen])
        steps.append(step_of(len(steps), seen, time.perf_counter() - start))
        listen(steps[-1])
        return {**_columns(tokens), "earned": rewards}

    with tempfile.TemporaryDirectory() as scratch:
        trainer = _trainer(engine, config, len(tasks), scratch, seed, roll_out)
        trainer.together, trainer.spread = together, spread
        with unswept():
            trainer.train()
    restore(engine.planner.model)
    refuse_divergence(engine.planner.model, "rlft.learning_rate", "the planner's")


def refuse_uneven(config: RlftConfig, count: int) -> None:
    """Refuse a number of processes among which the tasks of a step can't be shared out.

    Raises:
        ModelError: it is such.
    """
    if config.tasks_per_step % count:
        raise ModelError(
            f"{config.tasks_per_step} tasks a step (`rlft.tasks_per_step`) can't be shared out evenly among "
            f"{count} processes; set it to a multiple of {count}"
        )


class _Spread:
    """The spread of a step's rewards, where TRL divides by that of this process' share of them."""

    def __init__(self) -> None:
        self.factor = 1.0

    def note(self, ours: Sequence[float], all_of_them: Sequence[float]) -> None:
        """By what the advantages of this process are to be multiplied."""
        if len(ours) < len(all_of_them):
            own, whole = (float(nanstd(torch.tensor(each))) for each in (ours, all_of_them))
            self.factor = (own + _ADDED) / (whole + _ADDED)


def _columns(tokens: Sequence[Tokens]) -> dict[str, Any]:
    """Rollouts as TRL takes them, all prompts of one length: see the top of this file."""
    shared = min(len(row.prompt) for row in tokens)
    return {
        "prompt_ids": [row.prompt[:shared] for row in tokens],
        "completion_ids": [row.prompt[shared:] + row.completion for row in tokens],
        "env_mask": [[0] * (len(row.prompt) - shared) + row.written for row in tokens],
        "logprobs": [[0.0] * (len(row.prompt) - shared) + row.logps for row in tokens],
    }


def _earned(*, earned: list[float | None], **_: Any) -> list[float | None]:
    """The reward function that TRL calls: the rewards were computed with the rollouts."""
    return earned


def _by_the_model(
    model: Any, tokens_BT: Tensor, mask_BT: Tensor, kept: int, temperature: float, at_once: int
) -> tuple[Tensor, Tensor, None]:
    """Log-probabilities and entropies, of shape (B, kept), from logits that the model computes itself.

    TRL multiplies the last hidden states by the head's matrix, which is not all that some heads do.
    """
    logps: list[Tensor] = []
    entropies: list[Tensor] = []
    for tokens, mask in zip(tokens_BT.split(at_once), mask_BT.split(at_once), strict=True):
        logits = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits[:, -kept - 1 : -1]
        all_logps = (logits.float() / temperature).log_softmax(-1)
        logps.append(all_logps.gather(-1, tokens[:, -kept:, None])[..., 0])
        entropies.append(-(all_logps.detach().exp() * all_logps.detach()).sum(-1))
    return torch.cat(logps), torch.cat(entropies), None


def _alike_together(batches: Sequence[dict[str, Any]], *, by_length: bool) -> list[dict[str, Any]]:
    """The rows of all micro-batches in as many, those that begin alike or are as long side by side.

    TRL weighs the rows of a step alike whichever micro-batch they are in, for the losses that are used here.
    """
    rows = {
        key: torch.cat([batch[key] for batch in batches])
        if isinstance(value, Tensor) and value.ndim
        else value
        for key, value in batches[0].items()
    }
    # Prompts first: those of one task differ from another's early.
    tokens_BT = torch.cat([rows["prompt_ids"], rows["completion_ids"]], dim=1)
    rank_B = torch.unique(tokens_BT, dim=0, return_inverse=True)[1]
    length_B = rows["completion_mask"].sum(-1) if by_length else torch.zeros_like(rank_B)
    order_B = (length_B * len(rank_B) + rank_B).argsort()
    arranged = {
        key: value[order_B] if isinstance(value, Tensor) and value.ndim else value
        for key, value in rows.items()
    }
    return split_tensor_dict(arranged, len(batches))


class _Trainer(NoTelemetry, GRPOTrainer):
    """TRL's, which computes each distinct row once, and looks whether it sees what was sampled."""

    model: Any
    args: Any
    together: Processes
    spread: _Spread
    _buffered_inputs: Any
    _written_BT: Tensor | None = None
    """What of the completions moves the weights, while a micro-batch's loss is computed; None for all."""
    _seen: Tensor

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        before = self._buffered_inputs
        inputs = super()._prepare_inputs(generation_batch)
        if self._buffered_inputs is not before:
            if self.scale_rewards == "batch":
                for batch in self._buffered_inputs:
                    batch["advantages"] = batch["advantages"] * self.spread.factor
            self._buffered_inputs = _alike_together(
                self._buffered_inputs, by_length=not is_supported(self.model)
            )
            inputs = self._buffered_inputs[self._step % self.args.steps_per_generation]
        return inputs

    def training_step(self, *arguments: Any, **named: Any) -> Any:
        """Gradients of a micro-batch; with the last one of a step, the mean over all processes."""
        loss = super().training_step(*arguments, **named)
        if self.accelerator.sync_gradients:
            self.together.mean_gradients(self.model)
        return loss

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, **options: Any
    ) -> Any:
        written_BT = attention_mask if self._written_BT is None else self._written_BT
        written_BT = F.pad(written_BT[:, -logits_to_keep:], (input_ids.shape[1] - logits_to_keep, 0))
        moving_B = written_BT.any(-1)
        all_of_it = torch.stack([input_ids, attention_mask, written_BT.long()], dim=-1)[moving_B].flatten(1)
        distinct, row_A = torch.unique(all_of_it, dim=0, return_inverse=True)
        tokens_UT, mask_UT, written_UT = distinct.unflatten(1, (-1, 3)).unbind(-1)
        longest = int(mask_UT.sum(-1).max())  # padding stands on the right alone
        beyond = input_ids.shape[1] - longest
        kept = logits_to_keep - beyond
        read = (tokens_UT[:, :longest], mask_UT[:, :longest])
        if is_supported(model):
            logps_UT = row_logps(model, *read, written_UT[:, :longest], self.temperature)[:, -kept:]
            # Only told, never trained on: of what was sampled, an estimate without bias.
            entropies_UT, rest = -logps_UT.detach(), None
        else:
            logps_UT, entropies_UT, rest = self._read(model, *read, kept, options)

        def spread(found_UT: Tensor) -> Tensor:
            found_AT = F.pad(found_UT, (0, beyond))[row_A]
            return found_UT.new_zeros(len(input_ids), logits_to_keep).index_put((moving_B,), found_AT)

        logps_BT = spread(logps_UT)
        self._seen = logps_BT.detach()
        return logps_BT, None if entropies_UT is None else spread(entropies_UT), rest

    def _read(
        self, model: Any, tokens_BT: Tensor, mask_BT: Tensor, kept: int, options: dict[str, Any]
    ) -> tuple[Tensor, Tensor | None, Any]:
        """Log-probabilities and entropies of the last `kept` tokens, of shape (B, kept)."""
        if self.model.config.model_type in OWN_HEAD:
            at_once = options.get("batch_size") or len(tokens_BT)
            return _by_the_model(model, tokens_BT, mask_BT, kept, self.temperature, at_once)
        found: Any = super()._get_per_token_logps_and_entropies(model, tokens_BT, mask_BT, kept, **options)
        return found

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        moving_B = inputs["advantages"].abs() > (-1 if self.beta else _NO_ADVANTAGE)
        moving_B[0] |= not moving_B.any()  # of nothing there is no loss
        written = (inputs["completion_mask"] * inputs["tool_mask"]).bool() & moving_B[:, None]
        self._written_BT = written
        try:
            loss = super()._compute_loss(model, inputs)
        finally:
            self._written_BT = None
        apart = (self._seen.float() - inputs["sampling_per_token_logps"])[written].abs().mean().item()
        most = _APART.get(next(model.parameters()).dtype, max(_APART.values()))
        # Not `apart > most`: nothing compares with NaN.
        if written.any() and not apart <= most:
            raise ModelError(
                f"the planner ({self.model.config.model_type}) gives the tokens that it sampled other "
                f"probabilities in training, {apart:.2g} nats apart on average: its weights have diverged, "
                "or its architecture can't be trained here"
            )
        return loss


def _trainer(
    engine: RolloutEngine,
    config: RlftConfig,
    count: int,
    scratch: str,
    seed: int,
    roll_out: Callable[..., Any],
) -> _Trainer:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    model, device = engine.planner.model, engine.planner.device
    # TRL would open the model anew from where it was first loaded, which is the planner as the round began
    # in the first round alone. With adapters it copies these.
    reference = None if not config.kl or hasattr(model, "peft_config") else copy.deepcopy(model)
    batch = count // config.steps * config.group_size
    micro_batch = math.gcd(batch, config.micro_batch)
    arguments = GRPOConfig(
        output_dir=scratch,
        max_steps=config.steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=batch // micro_batch,
        num_generations=config.group_size,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant",
        temperature=config.temperature,
        beta=0.0 if reference is not None else config.kl,
        loss_type="dr_grpo" if config.algorithm == "rloo" else "grpo",
        scale_rewards="none" if config.algorithm == "rloo" else config.scale,
        max_completion_length=1024,
        shuffle_dataset=False,
        # What routers of experts lose by is no part of the reward.
        router_aux_loss_coef=0.0,
        seed=seed,
        data_seed=seed,
        use_cpu=device.type == "cpu",
        **(quiet() | checkpoints(model)),
    )
    with kept_whole(model):
        trainer = _Trainer(
            model=model,
            reward_funcs=_earned,
            args=keep_on(arguments, device),
            train_dataset=Dataset.from_dict({"prompt": [str(position) for position in range(count)]}),
            processing_class=engine.planner.tokenizer,
            rollout_func=roll_out,
        )
    trainer.remove_callback(PrinterCallback)
    if reference is not None:
        add_fused_lm_head(reference, temperature=config.temperature)
        trainer.beta = config.kl
        trainer.ref_model = trainer.accelerator.prepare_model(
            reference.eval().requires_grad_(False), evaluation_mode=True
        )
    return trainer
