"""What is trained here is nobody else's business."""

from importlib import import_module
from typing import Any

import pytest
from trl.trainer import base_trainer

from partwise.config import PreferConfig
from partwise.models.tiny import shape_of_width, tiny_model
from partwise.models.tokenizer import build_tokenizer
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


@pytest.mark.parametrize("module", ["preference", "reward", "rlft"])
def test_each_of_them_has_that_undone(module: str) -> None:
    trainer: Any = vars(import_module(f"partwise.training.{module}"))["_Trainer"]
    left_alone: Any = vars(base_trainer)["_BaseTrainer"]
    assert issubclass(trainer, left_alone)
    assert trainer._send_telemetry is not left_alone._send_telemetry
