"""A ladder in the console: what is seen of it while it runs, and its scenes before and after injection."""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.console.fixture_browser import MARKS, Person, check_look
from tests.console.fixture_console import Browser, Server
from tests.loops.fixture_ladder import cut_before, small_ladder

from partwise.loops.progress_run import progress
from partwise.runs.progress import ignore
from partwise.runs.stages import stage_folder

pytestmark = MARKS


@pytest.fixture(scope="module")
def whole(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("ladder") / "whole"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PARTWISE_CACHE", str(cache))
        read = {"tiers": 1, "documents": 5000, "plans": 0.8}
        compete = {"plans": 300, "rounds": 0, "epochs": 6}
        progress(small_ladder(generations=1, widths=[24], read=read, compete=compete), run, ignore)
    return run


@pytest.fixture
def held() -> Iterator[Any]:
    """Holds runs as their processes would."""
    locks: list[Any] = []

    def hold(run: Path) -> None:
        lock = (run / "run.lock").open("w")
        lock.write(f"pid {os.getpid()}")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locks.append(lock)

    yield hold
    for lock in locks:
        lock.close()


def finish(run: Path, whole: Path, stage: str) -> None:
    """What the process of a ladder does when a stage is done."""
    done = stage_folder(run, 0, stage)
    shutil.rmtree(done.with_name(f"{stage}.tmp"), ignore_errors=True)
    shutil.copytree(stage_folder(whole, 0, stage), done)


def rows_of(run: Path, stage: str) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (stage_folder(run, 0, stage) / "deeds.jsonl").read_text().splitlines()
    ]


def test_a_ladder_is_seen_to_grow(chromium: Any, fresh: Server, whole: Path, held: Any):
    run = cut_before(whole, fresh.runs / "going", 1, "discovery")
    held(run)
    ana = Person(chromium, fresh, "ana")
    page = ana.go("/runs/going")
    shown = page.locator("#shown")
    assert "generation 1 of at most 1 has reached risk discovery" in shown.inner_text()
    assert "No generation is aligned yet" in shown.inner_text()
    assert page.locator("svg.drawn").count() == 2  # where it is now, on the plane
    assert "1−" in shown.inner_text() and "1+" not in shown.inner_text()
    check_look(page, "/runs/going")

    finish(run, whole, "discovery")
    stage_folder(run, 0, "injection").with_name("injection.tmp").mkdir()
    ana.until("document.querySelector('#shown').innerText.includes('has reached value injection')")
    finish(run, whole, "injection")
    shutil.copy(whole / "results.json", run)
    ana.until("document.querySelector('#shown .state.finished') !== null")
    assert "1+" in shown.inner_text() and "Not finished" not in shown.inner_text()

    page.get_by_role("link", name="Generation 1").click()
    page.wait_for_url("**/generations/1/going")
    check_look(page, "/generations/1/going")
    scenes = page.locator("details.transcript")
    before = rows_of(run, "competence")
    assert scenes.count() == len(before)
    assert before[0]["scene"] in scenes.first.inner_text()
    assert scenes.first.locator(".columns > div").count() == 2
    unformed = sum(not row["formed"] for row in before)
    page.select_option("select[name=before]", "no plan")
    ana.until(f"document.querySelectorAll('details.transcript').length === {unformed}")
    assert f"{unformed} of {len(before)} scenes" in page.locator("#transcripts").inner_text()
    ana.until("location.search.includes('before=no')")
    ana.leave()


def test_what_is_damaged_is_one_sentence(server: Server, whole: Path):
    def copied(name: str, file: str) -> Path:
        to = cut_before(whole, server.runs / name, 2, "competence")
        return stage_folder(to, 0, "injection") / file

    measured, deeds = copied("half-measured", "measured.json"), copied("half-deeds", "deeds.jsonl")
    measured.write_text(measured.read_text()[:100])
    deeds.write_bytes(deeds.read_bytes()[:-40] + b"\xff")
    time.sleep(1.1)  # A listing is believed for a second.
    ana = Browser(server).enter("ana")
    page = ana.get("/runs/half-measured")
    assert page.status_code == 200 and "measured.json is damaged: it is no JSON." in page.text
    page = ana.get("/runs/half-deeds")
    assert page.status_code == 200 and "deeds.jsonl can&#39;t be read." in page.text
    # Its other plans are shown all the same, each beside the one before injection.
    scenes = ana.get("/generations/1/half-deeds")
    assert scenes.status_code == 200 and "1 line is damaged and left out" in scenes.text
    assert scenes.text.count('<details class="transcript">') == len(rows_of(whole, "competence"))
    swapped = ana.swap("/generations/1/half-deeds?after=no+plan&words=reserve")
    assert swapped.status_code == 200 and "<html" not in swapped.text
    assert re.search(r"\d+ of 12 scenes", swapped.text)
    for path in ("/generations/2/half-deeds", "/generations/x/half-deeds", "/generations/1/nowhere"):
        refused = ana.get(path)
        assert refused.status_code == 404 and "Traceback" not in refused.text
