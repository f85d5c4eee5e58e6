"""A drawing of matplotlib's as part of a page: its colours are the page's, so that it follows dark mode."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from markupsafe import Markup

from partwise.report.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

_COLOURS = {
    GREEN: "var(--green)",
    ORANGE: "var(--orange)",
    GREY: "var(--grey)",
    BLUE: "var(--blue)",
    RED: "var(--red)",
    PURPLE: "var(--purple)",
    "#b0b0b0": "var(--grey)",
    "#cccccc": "var(--line)",
    "#000000": "currentColor",
}
_PAPER = "#ffffff"
_NUMBER = r"-?\d+(?:\.\d+)?"
_PLACE = re.compile(rf"translate\(({_NUMBER})[ ,]+({_NUMBER})\)")
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def inline(svg: str, name: str, label: str) -> Markup:
    """A picture that stands alone, made part of a page without style attributes and with ids of its own.

    Args:
        svg: as `drawing.svg_of` makes it.
        name: of the picture; no two on a page share one.
        label: what it shows, for those who hear the page.
    """
    root = ElementTree.fromstring(svg[svg.index("<svg") :])
    prefix = re.sub(r"[^a-z0-9]+", "-", name.lower())
    for parent in list(root.iter()):
        for child in list(parent):
            # Its rule for lines is given to the root below: pages have rules of their own.
            if _local(child.tag) in ("style", "metadata"):
                parent.remove(child)
    for axes in [element for element in root.iter() if element.get("id", "").startswith("axes_")]:
        _keep_on_raster(axes)
    for element in root.iter():
        _restyle(element, prefix)
    width, height = (root.get("viewBox") or "0 0 0 0").split()[2:]
    root.attrib = {
        "class": "drawn",
        "role": "img",
        "aria-label": label,
        "viewBox": root.get("viewBox", ""),
        # Points to pixels: text of 9 points stays what it is.
        "width": f"{float(width) * 4 / 3:.0f}",
        "height": f"{float(height) * 4 / 3:.0f}",
        "fill": "currentColor",
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _restyle(element: ElementTree.Element, prefix: str) -> None:
    """Names without name spaces, styles as attributes, colours as the page's, ids that are its own."""
    element.tag = _local(element.tag)
    attributes = {_local(name): value for name, value in element.attrib.items()}
    style = attributes.pop("style", "")
    # The paper behind the axes goes, a legend's and a hollow mark's become the page's; white text stays on
    # what it was put on.
    under = "none" if style == f"fill: {_PAPER}" else "var(--panel)"
    colours = _COLOURS | ({_PAPER: under} if element.tag in ("path", "use") else {})
    for rule in filter(None, (rule.strip() for rule in style.split(";"))):
        key, _, value = (part.strip() for part in rule.partition(":"))
        attributes[key] = colours.get(value, value)
    if "id" in attributes:
        attributes["id"] = f"{prefix}-{attributes['id']}"
    if attributes.get("href", "").startswith("#"):
        attributes["href"] = f"#{prefix}-{attributes['href'][1:]}"
    element.attrib = {name: re.sub(r"url\(#", f"url(#{prefix}-", value) for name, value in attributes.items()}


def _keep_on_raster(axes: ElementTree.Element) -> None:
    """A raster, whose colours do not change with the page's, keeps its paper and the text on it."""
    paper = next((element for element in axes.iter() if _local(element.tag) == "path"), None)
    box = None if paper is None else _box_of(paper)
    if paper is None or box is None or not any(_local(each.tag) == "image" for each in axes.iter()):
        return
    paper.set("style", "fill: #fefefe")
    for text in axes.iter():
        if text.get("id", "").startswith("text_"):
            for glyphs in text:
                place = _PLACE.search(glyphs.get("transform", ""))
                if place and _within(box, float(place[1]), float(place[2])):
                    text.set("fill", "#010101")


def _box_of(path: ElementTree.Element) -> Box | None:
    """The box of a path of straight lines."""
    numbers = [float(number) for number in re.findall(_NUMBER, path.get("d", ""))]
    xs, ys = numbers[::2], numbers[1::2]
    return (min(xs), min(ys), max(xs), max(ys)) if xs and ys else None


def _within(box: Box, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
