"""What a trainer of transformers or TRL leaves as it is: where a model is, what it keeps, computes, tells."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from accelerate.utils import DistributedType
from transformers import TrainingArguments

_REFERENCE = "ref"
"""TRL's name for a frozen copy of the adapters."""
Arguments = TypeVar("Arguments", bound=TrainingArguments)


class NoTelemetry:
    """A trainer of TRL that keeps to itself: left alone, each tells its makers of model, data and machine."""

    def _send_telemetry(self) -> None:
        pass


def keep_on(arguments: Arguments, device: torch.device) -> Arguments:
    """Hold a trainer to one device, that of its model.

    Left to itself, a trainer moves every model to the first GPU, and spreads it over all GPUs that are
    visible (`DataParallel`), which TRL refuses. Under a distributed launcher nothing is changed.

    Args:
        arguments: made with `use_cpu=device.type == "cpu"`: what is told of the CPU later comes too late.
        device: where the model is.

    Returns:
        The same arguments.
    """
    state = arguments.distributed_state
    if device.type == "cpu" or state is None or state.distributed_type is not DistributedType.NO:
        return arguments
    if device.type == "cuda":
        if str(device) == "cuda":
            device = torch.device("cuda", torch.cuda.current_device())
        torch.cuda.set_device(device)
    # A private field and a cached property: there is no other way in. The trainer's tensors go where `state`
    # says.
    vars(arguments).update(_n_gpu=1, _setup_devices=device)
    state.device = device
    return arguments


def checkpoints(model: Any) -> dict[str, Any]:
    """A trainer's settings by which a model goes on to recompute activations, or not to: they overrule it."""
    # As transformers tells it of a model; the name of its property is another from version to version.
    if not any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
        return {"gradient_checkpointing": False}
    # Reentrant checkpoints would give adapters no gradient below the first of them.
    return {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}}


def restore(model: Any) -> None:
    """Take away what a trainer of TRL has put on a model, which it would do again the next time."""
    adapted = hasattr(model, "peft_config")
    if adapted and _REFERENCE in model.peft_config:
        model.delete_adapter(_REFERENCE)
    vars(model.get_base_model() if adapted else model).pop("forward", None)
    model.eval()


@contextmanager
def kept_whole(model: Any) -> Generator[None]:
    """Keep what is trained as precise as it is while a trainer of TRL is made.

    Above a model in four bits TRL rounds adapters and heads to bfloat16, in which they would lose the steps
    of a usual learning rate, and what they have learned before.
    """
    before = {weight: weight.data for weight in model.parameters() if weight.requires_grad}
    yield
    for weight, data in before.items():
        weight.data = data


@contextmanager
def unswept() -> Generator[None]:
    """Keep what there is by now out of the sweeps of memory with which a trainer begins.

    Such a sweep looks at every object of the process. Where models are trained again and again for a second,
    with thousands of plans about, it takes longer than some of the steps.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
