"""How long a run takes on a device: what is computed, and what sampling reads from memory at each token.

It is arithmetic, good to a factor of two or so for large models; of tiny ones Python, the sandbox and the
simulated world take most of the time, which is not in it.
"""

from __future__ import annotations

from partwise.config import AlignConfig
from partwise.estimate.size import ModelSize
from partwise.estimate.table import Device
from partwise.estimate.texts import Plans
from partwise.estimate.tokens import Role, Schedule, Tokens

_AT_ONCE = 250


def hours(
    config: AlignConfig, work: Schedule, size: ModelSize, proxy: ModelSize, plans: Plans, device: Device
) -> float:
    """Hours of a run on one device, as if everything fitted.

    Args:
        config: of the run.
        work: its tokens.
        size: of the planner.
        proxy: size of its reward model.
        plans: how long conversations are.
        device: that it runs on.
    """
    rlft, tokens = config.rlft, work.whole
    flops = _flops(tokens, size, proxy, config.planner.checkpointing)
    group = rlft.tasks_per_step * rlft.group_size
    sampling = _sampling(tokens[Role.SAMPLED], group, size, plans, device)
    written = plans.mean.written / plans.mean.whole
    sampling += _sampling(tokens[Role.EVALUATED] * written, _AT_ONCE, size, plans, device)
    steps = config.loop.rounds * rlft.steps
    passes = steps * group / max(1, min(rlft.micro_batch, group))
    launched = 3 * passes * size.layers * device.launch
    return (flops / (device.flops * device.used) + sampling + launched) / 3600


def _flops(tokens: Tokens, size: ModelSize, proxy: ModelSize, checkpointing: bool) -> float:
    """Operations of all that is read and learned; sampling is counted apart."""
    read = 2 * size.active
    learned = _learned(size) + (read if checkpointing else 0)
    trained = tokens[Role.PRETRAINING] + tokens[Role.WARM_START] + tokens[Role.TRAINED]
    of_planner = learned * trained + read * (tokens[Role.READ] + tokens[Role.EVALUATED])
    judged = 2 * proxy.active * (tokens[Role.JUDGED] + tokens[Role.WRITTEN])
    return of_planner + judged + _learned(proxy) * tokens[Role.LEARNED]


def _learned(size: ModelSize) -> float:
    """Of a token: forwards, backwards to activations and, without adapters, to weights."""
    return 2 * size.active * (2 if size.adapted else 3)


def _sampling(tokens: float, rows: int, size: ModelSize, plans: Plans, device: Device) -> float:
    """Seconds: each step reads the weights and what is cached, or computes, whichever takes longer."""
    cached = rows * plans.mean.whole / 2 * size.layers * size.cached * size.weight_bytes
    read = (size.weights + cached) / (device.bandwidth * device.used)
    computed = 2 * size.active * rows / (device.flops * device.used)
    return tokens / rows * (max(read, computed) + size.layers * device.launch)
