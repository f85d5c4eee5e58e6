"""Peak memory of a run by what it does, from the sizes of its models.

What is held is counted: weights, gradients, Adam's two averages, caches. What is computed on the way is a
formula, for layers with gated feed-forward nets and attention that keeps no table of scores, which
`bench/estimate.py` holds to what runs took.
"""

from __future__ import annotations

from dataclasses import dataclass

from partwise.config import AlignConfig
from partwise.estimate.size import ModelSize
from partwise.estimate.texts import Plans

_AT_ONCE = 250
"""Rollouts that are measured together, as in `measure/evaluate.py`."""
_FLOAT = 4
"""Bytes."""
_KEPT_WIDTHS = 18
"""Vectors of a model's width that a layer keeps of a token for its gradients. Measured on SmolLM2's
architecture with adapters on a CPU, with what the allocator keeps: 768 tokens took 1.74 GB."""
_KEPT_INNER = 4
"""Vectors of a layer's inner width: two projections, what is squashed, and their product."""
_LOGITS = 3
"""Copies of a batch's logits: as computed, as probabilities, and their gradients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes, beside what a process holds anyway."""

    first_training: int
    """Pretraining, or the warm start."""
    sampling: int
    training: int
    """A step of RLFT."""
    aligning: int
    """The proxy learns from people."""
    measuring: int
    """At the end, or around a warm start, where two planners are held."""

    @property
    def peak(self) -> int:
        """Where it takes most."""
        return max(self.first_training, self.sampling, self.training, self.aligning, self.measuring)


def memory(config: AlignConfig, size: ModelSize, plans: Plans, proxy: ModelSize, longest: float) -> Memory:
    """Peak memory of a run.

    Args:
        config: of the run.
        size: of the planner.
        plans: how long conversations are.
        proxy: size of its reward model.
        longest: tokens of the longest text that it reads.
    """
    rlft, checkpointing = config.rlft, config.planner.checkpointing
    held, judge = _held(size), _held(proxy) + _moved(proxy)
    moved = _moved(size)
    reference = size.weights if rlft.kl and not size.adapted else 0
    first = _first_batch(config)
    labels = first * plans.mean.written
    step = min(rlft.micro_batch, rlft.tasks_per_step * rlft.group_size)
    rows = rlft.tasks_per_step * rlft.group_size
    # The rows of a tiny planner are not padded.
    read = step * (plans.longest if config.planner.model else plans.mean.whole)
    judged = 2 * config.proxy.reward.at_once * longest
    measured = _AT_ONCE // config.measure.best_of * config.measure.best_of
    measured = min(measured, config.measure.heldout_tasks * config.measure.best_of)
    return Memory(
        first_training=held
        + moved
        + _kept(size, first * plans.longest, checkpointing)
        + round(_LOGITS * labels * size.vocabulary * _FLOAT)
        if first
        else 0,
        sampling=held + moved + reference + judge + _sampled(size, rows, plans),
        training=held + moved + reference + judge + _kept(size, read, checkpointing),
        aligning=held + judge + _kept(proxy, judged, config.proxy.reward.checkpointing),
        # The planner as it was before, beside the one that is trained.
        measuring=2 * held + judge + _sampled(size, measured, plans),
    )


def _held(size: ModelSize) -> int:
    """All weights, and adapters beside them."""
    return size.weights + (size.trained * _FLOAT if size.adapted else 0)


def _moved(size: ModelSize) -> int:
    """Gradients and two averages of them."""
    return size.trained * 3 * _FLOAT


def _first_batch(config: AlignConfig) -> int:
    planner = config.planner
    if planner.model is None:
        return planner.pretrain.batch_size
    return planner.warm_start.batch_size if planner.warm_start.examples else 0


def _kept(size: ModelSize, tokens: float, checkpointing: bool) -> int:
    """Activations that gradients are computed from; with checkpoints of one layer, and each layer's input."""
    layer = _KEPT_WIDTHS * size.width + 2 * (size.queries + size.cached) + _KEPT_INNER * size.inner
    numbers = layer + size.layers * size.width if checkpointing else size.layers * layer
    return round(tokens * numbers * size.weight_bytes)


def _sampled(size: ModelSize, rows: int, plans: Plans) -> int:
    """Keys and values of rows, twice while they are laid out anew, and the logits of a step."""
    cache = rows * plans.longest * size.layers * size.cached * size.weight_bytes
    return round(cache + cache / size.layers + _LOGITS * rows * size.vocabulary * _FLOAT)
