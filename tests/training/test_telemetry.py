"""What is trained here is nobody else's business."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from trl.trainer import base_trainer

from partwise import training
from partwise.config import PreferConfig
from partwise.models.tiny import shape_of_width, tiny_model
from partwise.models.tokenizer import build_tokenizer
from partwise.training.placement import NoTelemetry
from partwise.training.preference import encoded, prefer


def test_no_trainer_of_trl_tells_its_makers_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left alone, each sends model, data and machine to a server when it is made, but where CI is set."""
    told = list[str]()
    monkeypatch.delenv("CI", raising=False)

    def send(topic: str, **_: Any) -> None:
        told.append(topic)

    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", send)
    tokenizer = build_tokenizer(["a b c"])
    model = tiny_model(shape_of_width(8), tokenizer, 0)
    prefer(model, tokenizer, [encoded(tokenizer, "a", "b", "c")], PreferConfig(), seed=0)
    assert not told


def below(trainer: Any) -> Iterator[Any]:
    """The trainers that are made from one."""
    for made in trainer.__subclasses__():
        yield made
        yield from below(made)


def test_every_trainer_of_trl_here_has_that_undone() -> None:
    """Those that there are, and those that will be."""
    for module in pkgutil.iter_modules(training.__path__, "partwise.training."):
        import_module(module.name)
    ours = [
        one for one in below(vars(base_trainer)["_BaseTrainer"]) if one.__module__.startswith("partwise.")
    ]
    assert {one.__module__.rpartition(".")[2] for one in ours} >= {"preference", "reward", "rlft"}
    for trainer in ours:
        assert trainer._send_telemetry is NoTelemetry._send_telemetry
