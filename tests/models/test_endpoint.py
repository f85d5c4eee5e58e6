"""A provider's model, asked over HTTP: a real model's server on loopback, and a proxy that injects faults."""

from __future__ import annotations

import copy
import importlib.util
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from tests.models import fixture_chat_server as fixture

from partwise.models.budget import Budget, OverBudget
from partwise.models.chat_model import Asked, End, Style
from partwise.models.endpoint import Endpoint, is_provider
from partwise.models.errors import ModelError, Unanswered
from partwise.models.local_chat import LocalChat
from partwise.models.prompts import Prompts
from partwise.models.replies import Replies, ReplyStore
from partwise.oversight.word import Said, WordJudge

pytest.importorskip("inspect_ai")
NAME = "openai-api/here/small"
GREEDY = Style(temperature=0.0, longest=8)
STALL = 60.0
"""Seconds that a request may take: many times what a busy machine needs."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, byte_tokenizer: Any) -> Path:
    return fixture.taught(tmp_path_factory.mktemp("small"), copy.deepcopy(byte_tokenizer))


@pytest.fixture(scope="module")
def upstream(small: Path) -> Iterator[fixture.Served]:
    served = fixture.Served()
    with fixture.running(fixture.model_app(small, served), served):
        yield served


@pytest.fixture(scope="module")
def warm(upstream: fixture.Served) -> None:
    """One answer: the client's imports take longer than a request may."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HERE_API_KEY", "none")
        Endpoint(NAME, base_url=upstream.url).answer([Asked(("warm",), GREEDY)], lambda *_: None)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, warm: None) -> Callable[..., Endpoint]:
    monkeypatch.setenv("HERE_API_KEY", "none")

    def ask(served: fixture.Served, **settings: Any) -> Endpoint:
        given = {"concurrency": 32, "timeout": STALL, "patience": 60.0, "pause": 0.05} | settings
        return Endpoint(NAME, base_url=served.url, **given)

    return ask


def texts(count: int) -> list[str]:
    rng, found = random.Random(1), dict[str, None]()
    while len(found) < count:
        found[fixture.text(rng)] = None
    return list(found)


@pytest.mark.slow
@pytest.mark.long
def test_nothing_is_lost_or_doubled_between_faults_and_a_second_run_asks_nobody(
    tmp_path: Path, upstream: fixture.Served, ask: Callable[..., Endpoint]
):
    chats = [(text,) for text in texts(500)]
    served, before = fixture.Served(), dict(upstream.answered)
    with fixture.running(fixture.faulty_app(upstream.url, served, stall=2 * STALL), served):
        endpoint = ask(served, budget=Budget(max_tokens=200_000))
        found = Replies(endpoint, ReplyStore(tmp_path / "replies.db")).answer(chats, 1, GREEDY)
        assert all(reply.end is End.ENDED and reply.text for (reply,) in found)
        assert {reply.text for (reply,) in found} >= {"yes", "no"}
        # What was given up on still sleeps in the proxy.
        assert 16 < served.most_at_once <= 32 + served.faults["stall"]
        # Answered twice was at most what had been given up on a machine that was too busy.
        new = [upstream.answered[text] - before.get(text, 0) for (text,) in chats]
        late = endpoint.troubles["timeout"] - served.faults["stall"]
        assert all(new) and 500 <= sum(new) <= 500 + late
        # Every fault was met, and counted as what it is.
        assert set(served.faults) == set(fixture.FAULTS)
        assert sum(endpoint.troubles.values()) >= sum(served.faults.values())
        assert endpoint.troubles["rate limit"] == served.faults["429"]
        assert endpoint.troubles["server error"] == served.faults["500"] + served.faults["503"]
        assert endpoint.troubles["malformed"] == sum(
            served.faults[kind] for kind in ("text", "half", "empty")
        )
        # What the server says it took is counted, and of what timed out the most that it could have taken.
        took = sum(reply.tokens_read + reply.tokens_written for (reply,) in found)
        most = endpoint.most(Asked(chats[0], GREEDY)).total
        assert endpoint.budget.used.total == took + endpoint.troubles["timeout"] * most
        asked = sum(served.asked.values())
        again = Replies(ask(served), ReplyStore(tmp_path / "replies.db")).answer(chats, 1, GREEDY)
        assert again == found
        assert sum(served.asked.values()) == asked


def test_a_cap_stops_between_answers_and_a_second_start_goes_on_from_there(
    tmp_path: Path, upstream: fixture.Served, ask: Callable[..., Endpoint]
):
    chats = [(text,) for text in texts(24)]
    store = ReplyStore(tmp_path / "replies.db")
    before, stops, caps = upstream.tokens, 0, 200
    while stops < 30:
        endpoint = ask(upstream, concurrency=4, budget=Budget(max_tokens=caps))
        start = upstream.tokens
        try:
            found = Replies(endpoint, store).answer(chats, 1, GREEDY)
            break
        except OverBudget as error:
            stops += 1
            assert "may take as much again" in str(error)
        assert 0 < upstream.tokens - start == endpoint.budget.used.total <= caps
    assert len(found) == 24 and stops > 1
    # Nothing that was paid for was asked again.
    assert all(upstream.answered[text] >= 1 for (text,) in chats)
    total = upstream.tokens - before
    Replies(ask(upstream), ReplyStore(tmp_path / "fresh.db")).answer(chats, 1, GREEDY)
    assert upstream.tokens - before == 2 * total


def test_a_cap_in_dollars_stops_as_well(
    tmp_path: Path, upstream: fixture.Served, ask: Callable[..., Endpoint]
):
    budget = Budget(max_dollars=0.0002, price_read=1.0, price_written=2.0)
    chats = [(text,) for text in texts(24)]
    with pytest.raises(OverBudget, match=r"max_dollars=0\.0002"):
        Replies(ask(upstream, budget=budget), ReplyStore(tmp_path / "replies.db")).answer(chats, 1, GREEDY)
    assert 0 < budget.dollars <= 0.0002
    with pytest.raises(OverBudget, match="has taken 0 tokens"):
        ask(upstream, budget=Budget(max_tokens=5)).answer([Asked(chats[0], GREEDY)], print)


def test_here_and_at_a_server_the_same_model_judges_alike(
    tmp_path: Path, small: Path, upstream: fixture.Served, ask: Callable[..., Endpoint]
):
    store, asked = ReplyStore(tmp_path / "replies.db"), texts(40)
    here, there = LocalChat.load(str(small), device="cpu"), ask(upstream)
    prompts = Prompts({"judge": "$option"}, {"judge": {}})
    settings = {"samples": 1, "longest": 8, "seed": 0, "alone": True}
    by_text, served, by_logits = (
        WordJudge(Replies(model, store), prompts, by=by, **settings).words(asked)
        for model, by in ((here, "text"), (there, "text"), (here, "logits"))
    )
    assert by_text == served
    assert {word.said for word in by_text} == {(Said.YES,), (Said.NO,), (Said.NEITHER,)}
    # By logits there is a word where the likeliest first token begins one, and it is what is written.
    assert [word.said for word in by_logits] == [word.said for word in by_text]
    assert all(
        (one.margin is None) == (other.margin is None) for one, other in zip(by_logits, by_text, strict=True)
    )
    # A server's model has no logits to ask for: it is asked for text.
    assert WordJudge(Replies(there, store), prompts, by="logits", **settings).words(asked) == served


def test_samples_differ_by_index_and_seed_and_are_the_same_when_asked_again(
    tmp_path: Path, small: Path, upstream: fixture.Served, ask: Callable[..., Endpoint]
):
    chats = [(text,) for text in texts(3)]
    for model in (LocalChat.load(str(small), device="cpu"), ask(upstream)):
        drawn = Style(temperature=3.0, longest=12, seed=7)
        store = tmp_path / type(model).__name__
        found = Replies(model, ReplyStore(store / "a.db")).answer(chats, 4, drawn)
        assert all(len({reply.text for reply in replies}) > 1 for replies in found)
        # Alone or beside others, in whichever order.
        alone = [
            Replies(model, ReplyStore(store / "b.db")).answer([chat], 4, drawn)[0] for chat in chats[::-1]
        ]
        assert alone[::-1] == found
        other = Style(temperature=3.0, longest=12, seed=8)
        assert Replies(model, ReplyStore(store / "a.db")).answer(chats, 4, other) != found


def test_what_was_answered_before_a_stop_is_kept(
    tmp_path: Path, upstream: fixture.Served, ask: Callable[..., Endpoint]
):
    served, chats = fixture.Served(), [(text,) for text in texts(30)]
    faults = {"500": 0.5}
    with fixture.running(fixture.faulty_app(upstream.url, served, faults=faults), served):
        impatient = ask(served, concurrency=4, patience=0.001)
        with pytest.raises(
            Unanswered, match=r"did not answer for 0.001 minutes, in 1 attempts \(server error"
        ):
            Replies(impatient, ReplyStore(tmp_path / "replies.db")).answer(chats, 1, GREEDY)
        kept = sum(served.answered.values())
        assert 0 < kept < 30
        Replies(ask(served), ReplyStore(tmp_path / "replies.db")).answer(chats, 1, GREEDY)
    assert set(served.answered.values()) == {1} and len(served.answered) == 30


def test_refusals_are_told_from_failures_and_neither_is_an_answer(
    tmp_path: Path, ask: Callable[..., Endpoint]
):
    served = fixture.Served()
    with fixture.running(stubborn_app(served), served):
        store = ReplyStore(tmp_path / "replies.db")
        chats = [("filter",), ("long",), ("fine",)]
        found = Replies(ask(served), store).answer(chats, 1, GREEDY)
        assert [reply.end for (reply,) in found] == [End.REFUSED, End.FAILED, End.ENDED]
        # A refusal is kept, since it is what the model says; what failed is asked again.
        Replies(ask(served), store).answer(chats, 1, GREEDY)
        assert served.asked == {"filter": 1, "long": 2, "fine": 1}
        with pytest.raises(ModelError, match=r"refuses every request: .*context length"):
            Replies(ask(served), store).answer([("long",), ("long one",)], 1, GREEDY)
        with pytest.raises(ModelError, match=r"can't be asked: .*key"):
            Replies(ask(served), store).answer([("locked",), ("fine",), ("x",)], 1, GREEDY)
        with pytest.raises(ModelError, match=r"can't be asked: .*no such model$"):
            Replies(ask(served), store).answer([("elsewhere",)], 1, GREEDY)


def test_a_client_neither_repeats_a_request_unseen_nor_gives_up_before_its_time(
    ask: Callable[..., Endpoint],
):
    app, served = FastAPI(), fixture.Served()

    @app.post("/v1/chat/completions")
    async def broken(request: Request) -> Response:
        served.asked[(await request.json())["messages"][-1]["content"]] += 1
        return JSONResponse({"error": {"message": "trouble"}}, 500)

    with fixture.running(app, served):
        endpoint = ask(served, timeout=5000.0, patience=1e-4)
        with pytest.raises(Unanswered, match="in 1 attempts"):
            endpoint.answer([Asked(("once",), GREEDY)], lambda *_: None)
    assert served.asked == {"once": 1} and endpoint.troubles == {"server error": 1}
    # Clients of most providers wait for ten minutes unless they are told otherwise.
    client: Any = endpoint._model.api.client  # pyright: ignore[reportPrivateUsage]
    assert client.timeout > 5000


def stubborn_app(served: fixture.Served) -> Any:
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        about = (await request.json())["messages"][-1]["content"]
        served.asked[about] += 1
        if about == "locked":
            return JSONResponse({"error": {"message": "wrong key"}}, 401)
        if about == "elsewhere":  # as FastAPI says it
            return JSONResponse({"detail": "no such model"}, 404)
        if about.startswith("long"):
            return JSONResponse({"error": {"message": "beyond the context length"}}, 400)
        return JSONResponse(
            fixture.completion("hello", "content_filter" if about == "filter" else "stop", 1, 1)
        )

    return app


def test_what_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    for name in ("OPENAI_API_KEY", "NOWHERE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("openai/gpt", "openai-api/nowhere/m", "inspect:nobody/m"):
        with pytest.raises(ModelError, match=r"can't be asked: ") as refused:
            Endpoint(name)
        assert "\n" not in str(refused.value)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "inspect_ai" else real(name)
    )
    with pytest.raises(ModelError, match=r"pip install 'partwise\[inspect\]'.*`hub:openai/gpt-oss-20b`"):
        Endpoint("openai/gpt-oss-20b")


def test_providers_are_told_from_models_that_run_here():
    assert all(map(is_provider, ("openai/gpt", "anthropic/claude", "openai-api/here/m", "inspect:mine/m")))
    assert not any(
        map(
            is_provider,
            ("Qwen/Qwen2.5-7B", "package:smollm2", "/models/openai/gpt", "openai", "hub:openai/x"),
        )
    )
