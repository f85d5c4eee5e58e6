"""One server for the tests that don't kill it, and a store of its own for each that does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.console.fixture_browser import ARGUMENTS, CHROMIUM
from tests.console.fixture_console import Server

from partwise.oversight.feedback import FeedbackStore


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the tests of a module share."""
    running = Server(tmp_path_factory.mktemp("console")).start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[FeedbackStore]:
    """The store of that server."""
    with FeedbackStore(server.store) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a server of its own keeps everything."""
    return tmp_path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path).start()
    yield running
    running.kill()
