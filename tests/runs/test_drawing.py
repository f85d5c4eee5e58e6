"""Pictures show each seed where there are few, and nothing that is undefined."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from partwise.report.drawing import FEW, GREEN, bars, drawing, line, means, reaching, shares_canvas, svg_of

WAYS: list[Callable[..., None]] = [lambda *given: line(*given, "-o"), bars]


def points(axes: Any) -> list[tuple[float, float]]:
    """What is drawn without a line through it or a name in the legend, in the coordinates of the data."""
    found = [each for each in axes.lines if each.get_marker() == "o" and each.get_label().startswith("_")]
    return [point for each in found for point in zip(*each.get_data(), strict=True)]


def of(by_seed: list[float | None]) -> dict[str, Any]:
    known = [value for value in by_seed if value is not None]
    return {"mean": sum(known) / len(known) if known else None, "ci95": None, "n": 1, "by_seed": by_seed}


@pytest.mark.parametrize("way", WAYS)
def test_few_seeds_are_points_and_many_are_not(way: Callable[..., None]):
    split = [0.9, 0.9, 0.9, 0.9, 0.1]
    with drawing():
        canvas, axes = shares_canvas(1, 1, 2, 2)
        way(axes[0, 0], [0, 1, 2], [of(split), of([None, 0.3]), None], GREEN, "an arm")
        drawn = points(axes[0, 0])
        way(axes[0, 0], [0], [of([0.5] * FEW)], GREEN, "another")
        way(axes[0, 0], [0], [{"mean": 0.5, "ci95": [0.4, 0.6], "n": 5}], GREEN, "a third")
        assert points(axes[0, 0]) == drawn
        svg = svg_of(canvas)
    seeds = [(0, value) for value in split] + [(1, 0.3)]
    assert sorted(drawn) == sorted(seeds if way is not bars else [(value, row) for row, value in seeds])
    assert len(re.findall(r"fill-opacity: 0.5", svg)) >= len(seeds)


def test_points_of_one_line_are_not_upon_those_of_another():
    with drawing():
        _, axes = shares_canvas(1, 1, 2, 2)
        for name in ("one", "another"):
            line(axes[0, 0], [0], [of([0.2, 0.4])], GREEN, name, "-o")
        first, second = (each for each in axes[0, 0].lines if each.get_label().startswith("_"))
        moved = [each.get_transform().transform((0, 0))[0] for each in (first, second)]
    assert moved[0] < moved[1]


def test_a_caption_speaks_of_points_where_there_are_some():
    assert "points" in means(5) and "points" not in means(1) and "points" not in means(FEW)


def test_an_axis_reaches_as_far_as_its_seeds():
    assert reaching(0.4, 1.0, [of([0.5, 0.6]), None]) == (0.4, 1.0)
    assert reaching(0.4, 1.0, [of([0.1, 1.3])]) == pytest.approx((0.08, 1.32))
    assert reaching(0.4, 1.0, [{"mean": 0.2}]) == pytest.approx((0.18, 1.0))
