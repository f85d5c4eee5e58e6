"""Headless Chromium, and people who sit before it."""

from __future__ import annotations

import io
import itertools
import shutil
import time
from typing import Any

import pytest
from PIL import Image
from tests.console.fixture_console import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MARKS = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]
SHOWN = "() => document.querySelector('#answer [name=question]')?.value ?? ''"


class Person:
    """Somebody with a browser of their own, who may only reach the console."""

    def __init__(self, chromium: Any, server: Server, name: str, *, link: str = "", **options: Any) -> None:
        """By the address with the token and a name, or by a `link` that an owner made."""
        self.server, self.name = server, name
        self.context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.elsewhere: list[str] = []
        self.context.route(lambda url: not url.startswith(server.url), self._refuse)
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog {dialog.message}"))
        self.page.goto(link or f"{server.url}/?token={server.token}")
        if not link:
            self.page.keyboard.type(name)  # the field has the focus
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/judge")

    def _refuse(self, route: Any) -> None:
        self.elsewhere.append(route.request.url)
        route.abort()

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def go(self, path: str) -> Any:
        self.page.goto(self.server.url + path)
        return self.page

    def shown(self) -> str:
        """Id of the question on the screen; empty without one."""
        return self.page.evaluate(SHOWN)

    def press(self, key: str, timeout: float = 10_000) -> str:
        """Press a key and wait until another question, or none, is there; what the page says of it."""
        before = self.shown()
        self.page.keyboard.press(key)
        return self.wait(before, timeout)

    def wait(self, before: str, timeout: float = 10_000) -> str:
        self.until(f"({SHOWN})() !== {before!r}", timeout)
        return self.page.locator("#status").inner_text()

    def until(self, what: str, timeout: float = 10_000) -> None:
        """Wait until an expression holds. Playwright's own way is eval, which the page's policy forbids."""
        end = time.monotonic() + timeout / 1000
        while not self.page.evaluate(what):
            assert time.monotonic() < end, f"not within {timeout / 1000} s: {what}"
            self.page.wait_for_timeout(20)

    def leave(self, *, troubles: bool = False) -> None:
        """Close, after a look at what went wrong."""
        self.context.close()
        assert self.elsewhere == [] and (troubles or self.troubles == []), self.elsewhere + self.troubles


WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""How many pixels a page scrolls sideways."""
BEYOND = """() => [...document.querySelectorAll('main *')]
    .filter(e => !e.closest('.scroll, pre, svg') && e.checkVisibility()
        && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.outerHTML.slice(0, 90))"""
"""What reaches beyond the window, but for boxes that are meant to scroll."""
FAINT = """() => {
    const numbers = c => (c.match(/[\\d.]+/g) || []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = e => {
        for (; e; e = e.parentElement) {
            const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
            if (a === 1) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const shown = e => e.checkVisibility() && !e.closest('.unseen, .skip');
    const raster = e => e.closest('svg') && [...e.closest('svg').querySelectorAll('image')].length > 0;
    const words = [...document.querySelectorAll('body *')].filter(e => shown(e) && !e.closest('svg')
        && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
    const drawn = [...document.querySelectorAll('svg text, svg.drawn use')]
        .filter(e => shown(e) && !raster(e) && !e.closest('defs') && getComputedStyle(e).fill !== 'none'
            && (e.tagName === 'text' || /text_/.test(e.parentElement.parentElement.id)));
    const coloured = words.map(e => [e, getComputedStyle(e).color]);
    return [...coloured, ...drawn.map(e => [e, getComputedStyle(e).fill])]
        .map(([e, c]) => {
            const [a, b] = [light(numbers(c)), light(ground(e))].sort((x, y) => y - x);
            return [e.outerHTML.slice(0, 80), (a + 0.05) / (b + 0.05)];
        })
        .filter(([, ratio]) => ratio < 4.5);
}"""
"""Texts, those in drawings too, whose contrast with what is behind them is below 4.5 (WCAG AA)."""
SMALLEST = """() => Math.min(99, ...[...document.querySelectorAll('svg text')].map(t =>
    parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.getScreenCTM().a))"""
"""The smallest text of a chart, in pixels."""
HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(h => h.checkVisibility())
    .map(h => Number(h.tagName[1]))"""
UNNAMED = """() => [...document.querySelectorAll('svg, img')]
    .filter(e => !e.closest('[aria-hidden=true]') && !(e.getAttribute('aria-label') || e.alt))
    .map(e => e.outerHTML.slice(0, 80))"""


def check_look(page: Any, where: str) -> None:
    """What holds of every page: it fits, can be read, and tells all to those who hear it."""
    page.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
    assert page.evaluate(WIDER) == 0, f"{where} scrolls sideways"
    assert page.evaluate(BEYOND) == [], f"{where} reaches beyond the window"
    assert page.evaluate(FAINT) == [], f"{where} has text that can hardly be read"
    assert page.evaluate(SMALLEST) >= 9, f"{where} has a chart whose text is too small"
    assert page.evaluate(UNNAMED) == [], f"{where} has a drawing without words"
    levels = page.evaluate(HEADINGS)
    assert levels[0] == 1 and levels.count(1) == 1, f"{where} has no heading, or several of the first level"
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels)), f"{where} skips a heading"


def check_cues(page: Any, where: str) -> int:
    """Hold that each box that hides something is shaded at that edge, and no longer once it is at its end.

    Returns how many such boxes there are.
    """
    boxes = [box for box in page.locator(".scroll").all() if box.is_visible()]
    hiding = [box for box in boxes if box.evaluate("e => e.scrollWidth > e.clientWidth + 1")]
    for box in hiding:
        # Its upper edge, below what stays at the top of the page: a box may be taller than the window.
        box.evaluate("e => window.scrollBy(0, e.getBoundingClientRect().top - 120)")
        box.evaluate("e => e.scrollLeft = 0")
        more = _edge(page, box)
        box.evaluate("e => e.scrollLeft = e.scrollWidth")
        assert _apart(more, _edge(page, box)) > 12, f"{where}: nothing says that there is more to the right"
    return len(hiding)


def _edge(page: Any, box: Any) -> tuple[int, ...]:
    """The colour at the right end of a box's upper edge, where no text stands."""
    place = box.bounding_box()
    clip = {"x": place["x"] + place["width"] - 5, "y": place["y"] + 3, "width": 1, "height": 1}
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as image:
        return image.convert("RGB").getpixel((0, 0))


def _apart(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    return max(abs(a - b) for a, b in zip(first, second, strict=True))
