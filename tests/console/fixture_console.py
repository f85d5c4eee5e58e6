"""A real server on a free port of this machine, a browser's manners over HTTP, and a store with questions."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from tests.fixture_headings import check_headings

from partwise.oversight.feedback import FeedbackStore
from partwise.oversight.items import PartItems
from partwise.types import JudgmentItem, Option, Purpose
from partwise.worlds.registry import load_world

ROOT = Path(__file__).parents[2]


class Server:
    """`partwise console`, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.store, self.runs, self._options = folder / "feedback.db", folder / "runs", options
        self.runs.mkdir(exist_ok=True)
        self._log = folder / "server.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.token = ""
        """Of the address that it printed; empty where it takes passwords."""
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "partwise", "console", "--store", str(self.store)]
        command += ["--runs", str(self.runs), "--port", str(self.port), *self._options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        before = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + 30
        while "Stop it by" not in (said := self.said()[before:]):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the console did not start: {said}")
            time.sleep(0.05)
        token = re.search(r"\?token=(\S+)", said)
        self.token = token[1] if token else ""
        return self

    def kill(self) -> None:
        """As `kill -9` does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def said(self) -> str:
        """All that it has printed."""
        return self._log.read_text()


def _check_outline(answer: httpx.Response) -> None:
    """Of whole pages; a part of one has no outline by itself."""
    answer.read()
    if answer.text.lower().startswith("<!doctype"):
        check_headings(answer.text, str(answer.url))


class Browser:
    """An HTTP client that keeps cookies and reads forms, as a browser without scripts would.

    Whatever page it is shown, in whatever state, has an outline that skips no level.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        hooks = {"response": [_check_outline]}
        self.http = httpx.Client(base_url=server.url, timeout=20, event_hooks=hooks)

    def enter(self, name: str) -> Browser:
        """By the address with the token, and a name."""
        self.http.get("/", params={"token": self._server.token})
        page = self.http.get("/sign-in")
        done = self.http.post("/sign-in", data={"csrf": csrf_of(page.text), "name": name})
        assert done.status_code == 303, done.text
        return self

    def get(self, path: str) -> httpx.Response:
        """A page."""
        return self.http.get(path)

    def swap(self, path: str) -> httpx.Response:
        """A part of a page, as htmx asks for it."""
        return self.http.get(path, headers={"HX-Request": "true"})

    def send(self, path: str, data: dict[str, Any], **headers: str) -> httpx.Response:
        """A form, as htmx sends it."""
        return self.http.post(path, data=data, headers={"HX-Request": "true", **headers})

    def form(self) -> dict[str, str]:
        """The hidden fields of the question on the judge page."""
        page = self.get("/judge").text
        return fields_of(page)

    def answer(self, pick: str, **changes: Any) -> httpx.Response:
        """Answer the question that is shown."""
        return self.send("/judge/answer", {**self.form(), "pick": pick, "seconds": "4.5", **changes})


def csrf_of(page: str) -> str:
    """The word that a page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return found[1]


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of the answer's form."""
    form = re.search(r'<form id="answer".*?</form>', page, re.DOTALL)
    assert form, page
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))


def dinner_items(count: int, seed: int = 0) -> list[JudgmentItem]:
    """Real items of the dinner world."""
    return PartItems(load_world("dinner")).asked(random.Random(seed), count)


def plain_item(number: int, first: str = "", second: str = "", **more: str) -> JudgmentItem:
    """An item of two texts."""
    options = tuple(
        Option(text=text or f"def f(x):\n    return {place}", consequences={}, useful=0.5, **more)
        for place, text in enumerate((first, second))
    )
    return JudgmentItem(key=f"item {number}", question=f"Question {number}?", options=options, complexity=3)


def ask(
    store: FeedbackStore, items: Sequence[JudgmentItem], *, run: str = "mine", round: int = 0, **more: Any
):
    """Put items to people."""
    return store.ask(run, round, items, purposes=[Purpose.QUERY] * len(items), version="now", **more)


def submission() -> str:
    """A fresh identifier, as each form has one."""
    return str(uuid.uuid4())
