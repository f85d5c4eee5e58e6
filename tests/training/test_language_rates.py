"""How a learning rate follows from a model's width."""

from types import SimpleNamespace

import pytest

from partwise.training.language import for_width


def rate(width: int, power: float) -> float:
    return for_width(1.0, SimpleNamespace(config=SimpleNamespace(hidden_size=width)), power)


def test_it_falls_with_a_power_of_the_width_and_rises_with_the_root_below():
    assert rate(64, 0.5) == rate(64, 1.0) == 1
    assert rate(256, 0.5) == pytest.approx(0.5) and rate(256, 1.0) == pytest.approx(0.25)
    assert rate(16, 0.5) == rate(16, 1.0) == pytest.approx(2)
