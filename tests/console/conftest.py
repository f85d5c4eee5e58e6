"""One server for the tests that don't kill it, and a store of its own for each that does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
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
