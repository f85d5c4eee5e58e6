"""Runs with a language model in the proxy's seats: stopped by a cap, resumed, equal to one that was not."""

from __future__ import annotations

import json
import re
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
from partwise.runs.progress import ignore
from partwise.worlds.registry import load_world

pytest.importorskip("inspect_ai")
WORLD = load_world("dinner")


def knowing_app(served: fixture.Served) -> Any:
    """Answers as one that knows the world: by bodies of the catalogue, and no to what reads messages."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        body = await request.json()
        told = body["messages"][-1]["content"]
        served.asked[json.dumps([told, body.get("seed")])] += 1
        said = _body(told, body["seed"]) if "Write this function" in told else _word(told)
        return JSONResponse(fixture.completion(said, "stop", len(told) // 4, len(said)))

    return app


def _body(told: str, seed: int) -> str:
    name = re.findall(r"def (\w+)\(", told)[-1]
    if name not in WORLD.catalogue:
        return "I don't know that one."
    bodies = WORLD.catalogue[name].implementations
    return f"Here it is:\n```python\n{bodies[seed % len(bodies)].source}\n```"


def _word(told: str) -> str:
    about = told.rpartition("Look at this")[2]
    return "no" if "read_messages" in about else "yes" if "def " in about else "I can't tell"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[fixture.Served]:
    monkeypatch.setenv("HERE_API_KEY", "none")
    seats._model.cache_clear()  # pyright: ignore[reportPrivateUsage]
    found = fixture.Served()
    with fixture.running(knowing_app(found), found):
        yield found


def config_of(small: AlignConfig, served: fixture.Served, **asked: Any) -> AlignConfig:
    proxy = small.proxy.model_dump() | {
        "model": "openai-api/here/knowing",
        "solver": "model",
        "judge": "both",
        "asked": {"base_url": served.url, "copies": 3, **asked},
    }
    return AlignConfig.model_validate(small.model_dump() | {"proxy": proxy})


@pytest.mark.slow
def test_a_run_that_a_cap_stops_goes_on_and_ends_as_one_without(
    small_config: AlignConfig, served: fixture.Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = config_of(small_config, served, max_tokens=40_000)
    stops, out = 0, tmp_path / "cut"
    while True:
        seats._model.cache_clear()  # pyright: ignore[reportPrivateUsage]  # as a process of its own has it
        try:
            found = align(config, out, ignore)
            break
        except OverBudget:
            stops += 1
    assert stops > 1
    asked = sum(served.asked.values())
    assert set(served.asked.values()) == {1}
    # From the answers that are kept alone, in one go; then from none.
    seats._model.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert align(config, tmp_path / "again", ignore) == found
    assert sum(served.asked.values()) == asked
    for name in ("transcripts.jsonl", "rounds/001/measured.jsonl", "rounds/001/answers.jsonl"):
        assert (out / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    _check(found, json.loads((out / "rounds" / "001" / "round.json").read_text()))
    prompts = json.loads((out / "prompts.json").read_text())
    assert list(prompts) == ["solve", "judge"]


def _check(found: dict[str, Any], last: dict[str, Any]) -> None:
    written = found["bodies"]["after"]["catalogue"]
    # One of the catalogue's bodies is beyond what a proxy may write.
    assert set(written["came"]) == {"body", "too complex"}
    assert sum(written["came"].values()) == written["program"]["n"] == 3 * len(WORLD.catalogue)
    assert written["program"]["mean"] == written["came"]["body"] / written["program"]["n"] > 0.9
    assert list(last["judges"]) == ["reward", "word", "both"]
    # Most bodies differ in other things than messages: of these its word is the same.
    assert 0 < last["judges"]["word"]["decided"]["mean"] < 1
    assert last["judges"]["word"]["clear"]["mean"] > 0.9
    assert last["judges"]["reward"]["agreement"]["n"] > last["judges"]["word"]["agreement"]["n"]


def test_seats_and_model_go_together_and_what_is_missing_is_said_before_a_run_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llama_folder: Path
):
    for proxy in ({"model": "m"}, {"solver": "model"}, {"judge": "word"}):
        with pytest.raises(ValueError, match="`model` and a seat for it go together"):
            AlignConfig.model_validate({"proxy": proxy})
    for asked, reason in (
        ({"max_dollars": 1.0}, r"needs `price.read` and `price.written`"),
        ({"base_url": "localhost:8000"}, "an address such as http"),
        ({"base_url": "http://me:key@here/v1"}, "keys do not stand in settings"),
    ):
        with pytest.raises(ValueError, match=reason):
            AlignConfig.model_validate({"proxy": {"model": "m", "judge": "word", "asked": asked}})
    monkeypatch.delenv("HERE_API_KEY", raising=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "judge.txt").write_text("Is it good? $options")
    for proxy, reason in (
        ({"model": "openai-api/here/m", "judge": "word"}, "can't be asked: .*HERE_API_KEY"),
        ({"model": str(tmp_path / "none"), "solver": "model"}, "there is no folder"),
        (
            {"model": str(llama_folder), "judge": "word", "asked": {"prompts": str(tmp_path / "mine")}},
            r"judge.txt has no field `\$options`",
        ),
    ):
        with pytest.raises(ModelError, match=reason):
            align(AlignConfig.model_validate({"proxy": proxy}), tmp_path / "run", ignore)
        assert not (tmp_path / "run").exists()
