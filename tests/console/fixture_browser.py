"""Headless Chromium, and people who sit before it."""

from __future__ import annotations

import shutil
import time
from typing import Any

import pytest
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
