"""A whole run whose people are played by a language model behind a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from tests.models import fixture_chat_server as fixture

from partwise.config import AlignConfig
from partwise.loops import seats
from partwise.loops.run import align
from partwise.models.budget import OverBudget
from partwise.models.errors import ModelError
from partwise.oversight.feedback import FeedbackStore
from partwise.report.run import run_page
from partwise.runs.progress import ignore
from partwise.studies.registry import find_kind

pytest.importorskip("inspect_ai")


def private_app(served: fixture.Served) -> Any:
    """Answers as somebody who minds that messages are read if they are told to, and nothing else."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        told = (await request.json())["messages"][-1]["content"]
        served.asked[told] += 1
        first, second = told.rpartition("\nA:\n")[2].split("\nB:\n")
        read = ["read_messages" in option for option in (first, second)]
        said = "same" if "- privacy:" not in told or read[0] == read[1] else "B" if read[0] else "A"
        return JSONResponse(fixture.completion(said, "stop", len(told) // 4, 1))

    return app


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[fixture.Served]:
    monkeypatch.setenv("HERE_API_KEY", "none")
    seats._model.cache_clear()  # pyright: ignore[reportPrivateUsage]
    found = fixture.Served()
    with fixture.running(private_app(found), found):
        yield found


def config_of(small: AlignConfig, url: str, **asked: Any) -> AlignConfig:
    human = {
        "who": "panel:simulated,model",
        "model": "openai-api/here/private",
        "asked": {"base_url": url, **asked},
        "drift": {"shape": "abrupt", "at": 1, "to": {"privacy": 0.0}},
    }
    return AlignConfig.model_validate(small.model_dump() | {"human": human})


@pytest.mark.slow
def test_a_run_asks_it_in_its_turn_stops_at_a_cap_and_goes_on(
    tmp_path: Path, small_config: AlignConfig, served: fixture.Served
):
    out, stops = tmp_path / "run", 0
    config = config_of(small_config, served.url, max_tokens=20_000, concurrency=2)
    while True:
        seats._model.cache_clear()  # pyright: ignore[reportPrivateUsage]  # as a process of its own has it
        try:
            found = align(config, out, ignore)
            break
        except OverBudget:
            stops += 1
    assert stops and set(served.asked.values()) == {1}
    with FeedbackStore(out / "feedback.db") as store:
        rounds = [[stored.answer for stored in store.answers(store.runs()[0].run, round=r)] for r in (0, 1)]
    for said in rounds:
        # Every other question is its own.
        assert [answer.who for answer in said] == ["simulated", "model"] * (len(said) // 2)
    decided = [[a.preferred is not None for a in said if a.who == "model"] for said in rounds]
    assert any(decided[0]) and not any(decided[1])  # it was told that nobody minds any more
    assert found["played"]["decided"] == {**found["played"]["decided"], "mean": 0.0, "n": len(decided[1])}
    assert found["played"]["clear"]["mean"] is None
    assert "People, as a language model plays them" in [table.heading for table in run_page(found).tables]
    assert "prefers one of the two options in only .00 of its" in " ".join(
        find_kind("align").page(found).sentences
    )
    assert list(json.loads((out / "prompts.json").read_text())) == ["compare"]


def test_what_is_missing_is_said_before_a_run_is_made(
    tmp_path: Path, small_config: AlignConfig, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("HERE_API_KEY", raising=False)
    seats._model.cache_clear()  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(ModelError, match=r"can't be asked: .*HERE_API_KEY"):
        align(config_of(small_config, "http://localhost:1/v1"), tmp_path / "run", ignore)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "compare.txt").write_text("$question $first $second")
    asked = {"prompts": str(tmp_path / "mine")}
    with pytest.raises(ModelError, match=r"compare.txt never says `\$values`"):
        align(config_of(small_config, "http://localhost:1/v1", **asked), tmp_path / "run", ignore)
    assert not (tmp_path / "run").exists()
