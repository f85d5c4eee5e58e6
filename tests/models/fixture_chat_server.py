"""A small real model that says yes or no, its server in OpenAI's form, and a proxy that injects faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

TEMPLATE = (
    "{% for m in messages %}{{ m['role'][0] }}: {{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}a: {% endif %}"
)
STEPS = 150


def text(rng: random.Random) -> str:
    """Six letters; whether they begin with a vowel is what the model is taught to tell."""
    return "".join(
        rng.choice("aeiou" if not place and rng.random() < 0.5 else "bcdaeghiouk") for place in range(6)
    )


def taught(folder: Path, tokenizer: Any) -> Path:
    """A Llama of 30 thousand parameters that says yes of texts which begin with a vowel, and no of others; of
    those with a k it says neither.
    """
    tokenizer.chat_template = TEMPLATE
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        _teach(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _teach(model: Any, tokenizer: Any) -> None:
    rng, optimizer = random.Random(0), torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(STEPS):
        texts = [text(rng) for _ in range(32)]
        said = ["dunno" if "k" in each else "yes" if each[0] in "aeiou" else "no" for each in texts]
        rows = [tokenizer(f"u: {t}</s>a: {s}</s>")["input_ids"] for t, s in zip(texts, said, strict=True)]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [tokenizer.eos_token_id] * (longest - len(row)) for row in rows])
        labels = ids.clone()
        for row, length, answer in zip(labels, map(len, rows), said, strict=True):
            row[: length - len(answer) - 1] = -100
            row[length:] = -100
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@dataclass
class Served:
    """A server that runs, and what it has seen."""

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    """Requests by what the user said last."""
    answered: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    """Of all answers together."""
    most_at_once: int = 0
    now: int = 0


@contextlib.contextmanager
def running(app: FastAPI, served: Served) -> Iterator[Served]:
    """The app on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    served.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(10)


def model_app(folder: Path, served: Served) -> FastAPI:
    """Serves the model of a folder by transformers' own forward pass, without a cache."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        body = await request.json()
        prompt = tokenizer.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=True)
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
        torch.manual_seed(body.get("seed") or 0)
        new = _written(model, ids, body["max_tokens"], body["temperature"])
        ended = new[-1] == tokenizer.eos_token_id
        said = tokenizer.decode(new, skip_special_tokens=True)
        served.answered[body["messages"][-1]["content"]] += 1
        served.tokens += ids.shape[1] + len(new)
        return JSONResponse(completion(said, "stop" if ended else "length", ids.shape[1], len(new)))

    return app


@torch.inference_mode()
def _written(model: Any, ids: torch.Tensor, longest: int, temperature: float) -> list[int]:
    new: list[int] = []
    while len(new) < longest and new[-1:] != [model.config.eos_token_id]:
        logits_V = model(torch.cat((ids, torch.tensor([new], dtype=torch.long)), dim=1)).logits[0, -1]
        likely = int(logits_V.argmax())
        new.append(int((logits_V / temperature).softmax(-1).multinomial(1)) if temperature else likely)
    return new


def completion(said: str, reason: str, read: int, written: int) -> dict[str, Any]:
    """An answer in OpenAI's form."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "small",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": reason}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


FAULTS = {"429": 0.08, "500": 0.06, "503": 0.03, "stall": 0.005, "text": 0.04, "half": 0.04, "empty": 0.04}
"""What the proxy does instead of passing a request on, and how often."""


def faulty_app(
    upstream: str,
    served: Served,
    *,
    seed: int = 0,
    stall: float = 5.0,
    faults: Any = None,
    patience: float = 60.0,
) -> FastAPI:
    """Passes requests on, some of them not: which ones, the seed decides, in the order in which they come."""
    rng, app, shares = random.Random(seed), FastAPI(), FAULTS if faults is None else faults
    client = httpx.AsyncClient(timeout=patience, limits=httpx.Limits(max_connections=100))

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        body = await request.body()
        about = json.loads(body)["messages"][-1]["content"]
        served.asked[about] += 1
        served.now += 1
        served.most_at_once = max(served.most_at_once, served.now)
        try:
            kind = _drawn(rng, shares)
            if kind is not None:
                served.faults[kind] += 1
                if kind == "stall":
                    await asyncio.sleep(stall)
                return _fault(kind)
            kind_of_body = {"content-type": "application/json"}
            found = await client.post(f"{upstream}/chat/completions", content=body, headers=kind_of_body)
            served.answered[about] += 1
            return Response(found.content, found.status_code, media_type="application/json")
        finally:
            served.now -= 1

    return app


def _drawn(rng: random.Random, shares: dict[str, float]) -> str | None:
    at = rng.random()
    for kind, share in shares.items():
        at -= share
        if at < 0:
            return kind
    return None


def _fault(kind: str) -> Response:
    match kind:
        case "429":
            return JSONResponse({"error": {"message": "slow down"}}, 429)
        case "500" | "503":
            return JSONResponse({"error": {"message": "trouble"}}, int(kind))
        case "text":
            return PlainTextResponse("<html>try later</html>")
        case "half":
            return PlainTextResponse('{"choices": [{"index": 0, "mess', media_type="application/json")
        case _:
            return JSONResponse(completion("", "stop", 1, 1) | {"choices": []})
