"""The one style sheet: enough contrast in both themes, and nothing from elsewhere."""

import re
from pathlib import Path

import pytest

import partwise.console
from partwise.report.look import page_css

STATIC = Path(partwise.console.__file__).parent / "static"
CSS = page_css() + (STATIC / "console.css").read_text()
TEXTS = ("ink", "muted", "first", "second", "good", "bad", *(f"c-{n}" for n in ("word", "text", "number")))
TEXTS = (*TEXTS, "c-name", "c-note", "c-own")


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


LIGHT = colours(CSS[: CSS.index("@media (prefers-color-scheme: dark)")])
DARK = LIGHT | colours(CSS[CSS.index("@media (prefers-color-scheme: dark)") : CSS.index("* { box-sizing")])


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read(theme: dict[str, str]):
    pairs = [(text, ground) for text in TEXTS for ground in ("page", "panel", "code", "mark")]
    pairs += [("panel", "first"), ("panel", "second")]  # a button, and the number of plans
    too_faint = {pair: round(contrast(theme[pair[0]], theme[pair[1]]), 2) for pair in pairs}
    assert {pair: value for pair, value in too_faint.items() if value < 4.5} == {}
    marks = ("green", "orange", "grey", "blue", "red", "purple", "teal", "pink")
    faint = {mark: contrast(theme[mark], theme["panel"]) for mark in marks}
    assert {mark: value for mark, value in faint.items() if value < 3} == {}  # lines and points of pictures
    assert contrast(theme["focus"], theme["page"]) >= 3 and contrast(theme["strong"], theme["panel"]) >= 1.5
    assert LIGHT["ink"] != DARK["ink"]


def test_nothing_comes_from_elsewhere():
    assert "url(" not in CSS and "@import" not in CSS
    script = (STATIC / "console.js").read_text()
    assert not re.search(r"https?:|eval\(|innerHTML|new Function|\.style\b", script)
    assert (
        "2.0.11" in (STATIC / "README.md").read_text()
        and 'version:"2.0.11"' in (STATIC / "htmx.min.js").read_text()
    )
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE").read_text()
