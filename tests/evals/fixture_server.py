"""A small OpenAI-compatible server on loopback: a causal language model of transformers, or a script."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI, Request
from transformers import AutoModelForCausalLM, AutoTokenizer

Answer = Callable[[Sequence[dict[str, Any]], dict[str, Any]], tuple[str, str]]
"""From messages and the whole request to the text and its finish reason."""


def served_model(folder: str | Path) -> Answer:
    """Greedy answers of the model in a folder, by its own chat template and transformers' `generate`."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lock = threading.Lock()

    def answer(messages: Sequence[dict[str, Any]], request: dict[str, Any]) -> tuple[str, str]:
        assert request["temperature"] == 0
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        with lock, torch.inference_mode():
            (written,) = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=request.get("max_tokens") or request["max_completion_tokens"],
                do_sample=False,
                pad_token_id=tokenizer.eos_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
        new = written[ids.shape[1] :].tolist()
        ended = bool(new) and new[-1] == tokenizer.eos_token_id
        said = tokenizer.decode(
            new[:-1] if ended else new, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return said, "stop" if ended else "length"

    return answer


def scripted(turns: Sequence[tuple[str, str]]) -> Answer:
    """The same text and finish reason in each first turn, and in each second."""

    def answer(messages: Sequence[dict[str, Any]], request: dict[str, Any]) -> tuple[str, str]:
        return turns[sum(message["role"] == "assistant" for message in messages)]

    return answer


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The server's base URL, and all requests that it has had so far."""
    app, heard = FastAPI(), list[dict[str, Any]]()

    @app.post("/v1/chat/completions")
    async def complete(asked: Request) -> dict[str, Any]:
        request = await asked.json()
        heard.append(request)
        text, reason = answer(request["messages"], request)
        message = {"role": "assistant", "content": text}
        return {
            "id": f"completion-{len(heard)}",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }

    with listening(app) as address:
        yield f"{address}/v1", heard


@contextlib.contextmanager
def serving_tokens(folder: str | Path) -> Iterator[tuple[str, list[tuple[list[int], list[int]]]]]:
    """vLLM's interface for trainers, as far as verifiers uses it, with the model in a folder behind it.

    The server's base URL, and the tokens of each prompt and of its completion so far.
    """
    app, heard = FastAPI(), list[tuple[list[int], list[int]]]()
    model = AutoModelForCausalLM.from_pretrained(folder).eval()

    @app.post("/inference/v1/generate")
    def generate(request: dict[str, Any]) -> dict[str, Any]:
        asked, wanted = request["token_ids"], request["sampling_params"]
        assert wanted["temperature"] == 1
        read, written, logps, ends = (
            torch.tensor([asked]),
            list[int](),
            list[float](),
            wanted["stop_token_ids"],
        )
        with torch.inference_mode():
            while len(written) < wanted["max_tokens"] and not set(written[-1:]) & set(ends):
                all_logps = model(read).logits[0, -1].log_softmax(-1)
                drawn = int(torch.multinomial(all_logps.exp(), 1))
                written.append(drawn)
                logps.append(float(all_logps[drawn]))
                read = torch.cat([read, torch.tensor([[drawn]])], dim=1)
        heard.append((asked, written))
        content = [
            {"token": f"token_id:{token}", "logprob": logp}
            for token, logp in zip(written, logps, strict=True)
        ]
        choice = {"token_ids": written, "logprobs": {"content": content}}
        ended = "stop" if set(written[-1:]) & set(ends) else "length"
        return {"request_id": str(len(heard)), "choices": [choice | {"finish_reason": ended}]}

    with listening(app) as address:
        yield f"{address}/v1", heard


@contextlib.contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address on loopback that a server of this process has."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
