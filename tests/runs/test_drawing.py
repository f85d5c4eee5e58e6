"""Pictures show few seeds as points, nothing that is undefined, and in a page the page's colours."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import pytest

from partwise.report.drawing import (
    BLUE,
    FEW,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    bars,
    drawing,
    line,
    means,
    reaching,
    shares_canvas,
    svg_of,
)
from partwise.report.inline import inline

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


def test_within_a_page_a_picture_has_the_pages_colours_and_no_style_of_its_own():
    with drawing():
        canvas, axes = shares_canvas(1, 2, 4, 2)
        for place, colour in enumerate((GREEN, ORANGE, GREY, BLUE, RED, PURPLE)):
            line(axes[0, place % 2], [0, 1], [of([0.2, 0.4]), of([0.5])], colour, f"<b> {place}", "--o")
            axes[0, place % 2].axhline(0.5, color=colour)
        canvas.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center")
        svg = svg_of(canvas)
    first, second = inline(svg, "one", "What it <shows>."), inline(svg, "two", "Another.")
    for text in (first, second):
        named = re.findall(r'(?:href="|url\()#([^")]+)', text)
        assert text.count("#") == len(named), "a colour of its own"
        assert "style" not in text and "<!--" not in text and "<metadata" not in text
        root = ElementTree.fromstring(text)
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert set(named) <= set(ids) and len(set(ids)) == len(ids)
    assert not {*re.findall(r' id="([^"]+)"', first)} & {*re.findall(r' id="([^"]+)"', second)}
    root = ElementTree.fromstring(first)
    assert root.get("aria-label") == "What it <shows>." and root.get("role") == "img"
    drawn = set(re.findall(r"var\(--(\w+)\)", first))
    assert (
        drawn == {"green", "orange", "grey", "blue", "red", "purple", "panel", "line"}
        and "currentColor" in first
    )


def test_a_raster_keeps_its_paper_and_the_text_on_it():
    with drawing():
        canvas, axes = shares_canvas(1, 1, 2, 2)
        axes[0, 0].imshow([[0.1, 0.9]], cmap="BrBG_r", extent=(0, 1, 0, 1))
        axes[0, 0].text(0.25, 0.5, "dark", color="black")
        axes[0, 0].text(0.75, 0.5, "light", color="white")
        axes[0, 0].set_title("above")
        root = ElementTree.fromstring(inline(svg_of(canvas), "raster", "A raster."))
    texts = [each for each in root.iter("g") if "-text_" in each.get("id", "")]
    assert [each.get("fill") for each in texts].count("#010101") == 2  # not the title, nor the ticks
    assert sum(each.get("fill") == "#ffffff" for each in root.iter("g")) == 1
    assert sum(each.get("fill") == "#fefefe" for each in root.iter("path")) == 1
