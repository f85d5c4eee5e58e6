"""Feedback stores in SQLite and in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import new_database, postgres_server

from partwise.oversight.feedback import FeedbackStore


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is no store yet."""
    if request.param == "sqlite":
        return str(tmp_path / "feedback.db")
    return new_database(request.getfixturevalue("server"))


@pytest.fixture
def store(where: str) -> Iterator[FeedbackStore]:
    with FeedbackStore(where) as store:
        yield store
