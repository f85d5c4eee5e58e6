"""The console's first page and the round trip of an answer, with a store that is already full.

    PYTHONPATH=src python bench/console.py

Starts a real server on a free port of this machine, with 100,000 stored answers and questions for 20 people.
First the page with all that it loads, on a new connection each time; then 20 simulated annotators at once,
who answer about once a second each, which is faster than anybody reads; then the same without a pause.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from partwise.oversight.feedback import FeedbackStore
from partwise.oversight.items import PartItems
from partwise.types import Answer, Choice, JudgmentItem, Purpose
from partwise.worlds.registry import load_world

PEOPLE = [f"annotator {number}" for number in range(20)]
BYTES, FIRST_PAGE_MS, ANSWER_MS = 150_000, 200, 50
"""The targets."""


def fill(path: Path, answers: int, asked: int) -> None:
    """A store with that many answers in rounds of 1,000, and open questions that everybody may answer."""
    items: Sequence[JudgmentItem] = PartItems(load_world("dinner")).asked(random.Random(0), 1000)
    rng = random.Random(1)
    with FeedbackStore(path) as store:
        for round in range(-(-answers // len(items))):
            said = [
                Answer(item=item, choice=rng.choice(list(Choice)), who=rng.choice(PEOPLE)) for item in items
            ]
            store.record("earlier", round, said, purposes=[Purpose.QUERY] * len(items))
        for round in range(-(-asked // len(items))):
            store.ask(
                "now",
                round,
                items,
                purposes=[Purpose.QUERY] * len(items),
                version="",
                answers_wanted=len(PEOPLE),
            )


def start(store: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    """The server, and the token that it printed."""
    command = [sys.executable, "-m", "partwise", "console", "--store", str(store)]
    command += ["--runs", str(store.parent), "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert server.stdout is not None
    for line in server.stdout:
        if token := re.search(r"\?token=(\S+)", line):
            return server, token[1]
    raise RuntimeError("the console did not start")


class Client:
    """One keep-alive connection, with the cookie of one person."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token, self.cookie = port, token, ""

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        self._writer.close()

    async def request(self, method: str, path: str, data: dict[str, str] | None = None) -> tuple[int, str]:
        body = urlencode(data).encode() if data is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nCookie: {self.cookie}\r\n"
        if data is not None:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
            head += "HX-Request: true\r\n" if path.startswith("/judge") else ""
        self._writer.write(head.encode() + b"\r\n" + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        if cookie := re.search(r"set-cookie: ([^;]+)", answer, re.IGNORECASE):
            self.cookie = cookie[1]
        length = int(re.findall(r"content-length: (\d+)", answer, re.IGNORECASE)[0])
        text = (await self._reader.readexactly(length)).decode() if length else ""
        return int(answer.split(" ", 2)[1]), text

    async def enter(self, name: str) -> str:
        """Sign in; the judge page."""
        await self.open()
        await self.request("GET", f"/?token={self._token}")
        page = (await self.request("GET", "/sign-in"))[1]
        (csrf,) = re.findall(r'name="csrf" value="([^"]+)"', page)
        await self.request("POST", "/sign-in", {"csrf": csrf, "name": name})
        return (await self.request("GET", "/judge"))[1]


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of the question on a page."""
    (form,) = re.findall(r'<form id="answer".*?</form>', page, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


async def annotate(client: Client, page: str, seconds: float, pause: float) -> list[float]:
    """Answer until the time is up; milliseconds of each answer, until the next question was there."""
    took: list[float] = []
    rng = random.Random(client.cookie)
    until = time.perf_counter() + seconds
    await asyncio.sleep(rng.uniform(0, pause))
    while time.perf_counter() < until:
        data = {
            **form_of(page),
            "pick": rng.choice(["1", "2", "tie", "unsure"]),
            "seconds": "3.2",
            "reason": "",
        }
        started = time.perf_counter()
        status, page = await client.request("POST", "/judge/answer", data)
        took.append(1000 * (time.perf_counter() - started))
        if status != 200 or "Saved" not in page:
            raise RuntimeError(f"an answer was not kept: {status}")
        await asyncio.sleep(rng.uniform(0.5, 1.5) * pause)
    return took


async def first_page(cookie: str, port: int, repeats: int) -> tuple[list[float], dict[str, int]]:
    """Milliseconds from asking for the page to having all of it, and the bytes of each part."""
    took: list[float] = []
    sizes: dict[str, int] = {}
    for _ in range(repeats):
        started = time.perf_counter()
        link = http.client.HTTPConnection("127.0.0.1", port)
        link.request("GET", "/judge", headers={"Cookie": cookie})
        page = link.getresponse().read()
        sizes["the page"] = len(page)
        for path in dict.fromkeys(re.findall(rb'(?:src|href)="(/static/[^"]+)"', page)):
            link.request("GET", path.decode(), headers={"Cookie": cookie})
            sizes[path.decode().partition("?")[0]] = len(link.getresponse().read())
        took.append(1000 * (time.perf_counter() - started))
        link.close()
    return took, sizes


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def verdict(value: float, target: float) -> str:
    return "met" if value <= target else "missed"


async def measure(port: int, token: str, repeats: int, seconds: float) -> None:
    clients = [Client(port, token) for _ in PEOPLE]
    pages = [await client.enter(f"bench {name}") for client, name in zip(clients, PEOPLE, strict=True)]
    await first_page(clients[0].cookie, port, 3)  # warms up
    took, sizes = await first_page(clients[0].cookie, port, repeats)
    print("| first page | bytes |\n|---|---|")
    for name, size in sizes.items():
        print(f"| {name} | {size:,} |")
    print()
    print("| what | measured | target | |\n|---|---|---|---|")
    total, page_ms = sum(sizes.values()), statistics.median(took)
    print(f"| first page, html, css and js | {total / 1000:.1f} KB | 150 KB | {verdict(total, BYTES)} |")
    print(
        f"| first page, median of {repeats} (p95 {p95(took):.0f} ms) | {page_ms:.0f} ms | {FIRST_PAGE_MS} ms "
        f"| {verdict(page_ms, FIRST_PAGE_MS)} |"
    )
    for pause, name, target in ((1.0, "about once a second each", ANSWER_MS), (0.0, "without a pause", None)):
        work = (annotate(c, page, seconds, pause) for c, page in zip(clients, pages, strict=True))
        started = time.perf_counter()
        all_took = [ms for one in await asyncio.gather(*work) for ms in one]
        rate = len(all_took) / (time.perf_counter() - started)
        value = p95(all_took)
        aim = f"{target} ms | {verdict(value, target)}" if target else "| "
        print(
            f"| answer, 20 annotators {name}, p95 of {len(all_took):,} "
            f"(median {statistics.median(all_took):.0f} ms, {rate:.0f}/s) | {value:.0f} ms | {aim} |"
        )
        pages = [(await client.request("GET", "/judge"))[1] for client in clients]
    for client in clients:
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=int, default=100_000, help="stored beforehand")
    parser.add_argument("--repeats", type=int, default=40, help="of the first page")
    parser.add_argument("--seconds", type=float, default=20.0, help="that the annotators work")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "feedback.db"
        fill(store, given.answers, asked=2000)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        server, token = start(store, port)
        try:
            print(f"{given.answers:,} stored answers, {store.stat().st_size / 1e6:.0f} MB\n")
            asyncio.run(measure(port, token, given.repeats, given.seconds))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
