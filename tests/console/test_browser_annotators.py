"""An owner, two annotators and a stranger in headless Chromium: a labelling round from command to command."""

from __future__ import annotations

import json
import os
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from tests.console.fixture_browser import MARKS, Person
from tests.console.fixture_console import Server
from tests.console.test_browser_pages import SIZES
from tests.console.test_labelling import partwise, seen

from partwise.oversight.feedback import FeedbackStore, Role, Wanted

pytestmark = MARKS
PAIRS = [
    {"id": f"p{number}", "prompt": f"Say something kind to guest {number}.\n\nThey came late.", **texts}
    for number in range(4)
    for texts in [
        {"a": f"How good that you are here, guest {number}.", "b": "You are late. The soup is cold."}
    ]
]
OWNERS = ("/answers", "/answers/export.jsonl", "/plans", "/runs", "/people")


def invite(owner: Person, name: str) -> str:
    """Make a link on the page of people; what an owner would copy."""
    page = owner.go("/people")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make a link").click()
    return page.get_by_label("Link").input_value()


def test_an_owner_two_annotators_and_a_stranger(chromium: Any, fresh: Server, tmp_path: Path):
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    (tmp_path / "told.txt").write_text("Prefer what a good host would say.")
    command = (
        "feedback",
        "add",
        "pairs.jsonl",
        "--set",
        "hosts",
        "--people",
        "2",
        "--guidelines",
        "told.txt",
    )
    assert "4 new pairs" in partwise(*command, "--store", str(fresh.store), cwd=tmp_path)
    assert "0 new pairs" in partwise(*command, "--store", str(fresh.store), cwd=tmp_path)

    owner = Person(chromium, fresh, "ottilie")
    links = {name: invite(owner, name) for name in ("anselm", "berta")}
    anselm, berta = (Person(chromium, fresh, name, link=link) for name, link in links.items())

    # The stranger has the address without its token, and a link that was used.
    stranger = chromium.new_context().new_page()
    for path in ("/", "/judge", "/guidelines", "/people/anselm/answers", *OWNERS):
        stranger.goto(fresh.url + path)
        assert stranger.url == f"{fresh.url}/sign-in", path
        assert stranger.locator("nav, #answer").count() == 0
    stranger.goto(links["anselm"])
    assert "lets nobody in" in stranger.locator("h1").inner_text()

    # Annotators judge; nothing leads them elsewhere, and nothing is there for them.
    for person in (anselm, berta):
        assert person.page.locator("nav a").all_inner_texts() == ["Judge"]
        for path in OWNERS:
            answered = person.page.request.get(fresh.url + path)
            assert answered.status == 403 and "guest" not in answered.text(), path
        person.go("/judge")
    prompt = anselm.page.locator(".prompt").inner_text()
    assert "Say something kind to guest" in prompt and "They came late." in prompt
    anselm.page.keyboard.press("h")
    assert anselm.page.locator("dialog#keys").is_visible()
    anselm.page.keyboard.press("1")  # no answer while the keys are shown
    anselm.page.keyboard.press("Escape")
    assert not anselm.page.locator("dialog#keys").is_visible()
    with anselm.context.expect_page() as opened:
        anselm.page.keyboard.press("g")
    opened.value.wait_for_load_state()
    assert "Prefer what a good host would say." in opened.value.locator("main").inner_text()
    opened.value.close()

    said: dict[str, str] = {}
    with FeedbackStore(fresh.store) as store:
        assert store.answers() == []
        for person, careful in ((anselm, True), (berta, False)):
            while person.shown():
                question = store.question(int(person.shown()), person.name)
                if careful:
                    seen(store, person.name, 60)  # to read all of it takes 30 s at 75 characters a second
                # Anselm prefers `a`, Berta too but for the first one.
                wanted = 0 if careful or said.get(person.name) else 1
                key = str(question.order.index(wanted) + 1)
                said[person.name] = person.press(key)
                assert said[person.name].startswith("Saved")
        assert len(store.answers()) == 8

    # The owner sees all of them, who was too fast, and how far they agree.
    page = owner.go("/answers")
    assert page.locator("details.transcript").count() == 8
    page.get_by_label("Speed").select_option("fast")
    page.wait_for_url("**speed=fast**")
    fast = page.locator("details.transcript").all_inner_texts()
    assert len(fast) >= 3 and all(text.startswith("berta") for text in fast)
    owner.go("/answers?run=hosts")
    page.get_by_role("button", name="Compute").click()
    page.wait_for_selector("#agreement table")
    agreement = page.locator("#agreement").inner_text()
    assert "Krippendorff's alpha" in agreement and "4 items" in agreement
    row = page.locator("#agreement table").first.locator("tbody tr").inner_text()
    assert row.split()[:4] == ["anselm", "berta", "4", ".75"]
    with page.expect_download() as download:
        page.get_by_role("link", name="JSONL").click()
    downloaded = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]

    # And they come out labelled by the command, by both people.
    where = ("--run", "hosts", "--store", str(fresh.store))
    assert "8 answers" in partwise("feedback", "export", "out.jsonl", *where, cwd=tmp_path)
    labelled = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    key = itemgetter("who", "id")
    assert sorted(labelled, key=key) == sorted(downloaded, key=key)
    assert [(line["id"], line["who"]) for line in sorted(labelled, key=key)] == [
        (pair["id"], who) for who in ("anselm", "berta") for pair in PAIRS
    ]
    for line in labelled:
        more = json.loads(line["record"])
        assert more["took"] is not None and more["seconds"] is not None
        assert (line["flags"] == "fast") == (more["took"] * 75 < more["characters"])
        if line["who"] == "anselm":
            assert line["choice"] == "first" and not line["flags"] and more["took"] >= 60

    # An annotator becomes an owner on the page of people, from the next request on.
    page = owner.go("/people")
    with page.expect_navigation():
        page.get_by_label("Role of berta").select_option("owner")
    berta.go("/answers")
    assert berta.page.locator("details.transcript").count() == 8
    with FeedbackStore(fresh.store) as store:
        kept = store.annotator("berta")
        assert kept and kept.role is Role.OWNER and store.count(Wanted(who="berta")) == 4
    for person in (owner, berta, anselm):
        person.leave(troubles=True)  # browsers say that they were refused


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_round_in_both_themes_and_sizes(
    chromium: Any, fresh: Server, tmp_path: Path, size: str, scheme: Any
):
    """Long words, prompts and names fit. Set PARTWISE_PICTURES to a folder to look at the pages."""
    pairs = [{**PAIRS[0], "prompt": "word " * 400 + "w" * 200, "b": "x" * 300}, *PAIRS[1:]]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    partwise("feedback", "add", "pairs.jsonl", "--store", str(fresh.store), cwd=tmp_path)
    width, height = SIZES[size]
    name = "Annabella Montgomery-Smith of Somewhere"
    owner = Person(chromium, fresh, name, color_scheme=scheme)
    owner.page.set_viewport_size({"width": width, "height": height})

    def look(place: str) -> None:
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert owner.page.evaluate(wider) == 0, f"{place} scrolls sideways"
        if folder := os.environ.get("PARTWISE_PICTURES"):
            path = f"{folder}/{place}-{size}-{scheme}.png"
            # Playwright hides the caret by a style of its own, which the page's policy forbids.
            owner.page.screenshot(path=path, full_page=place != "judge", caret="initial")

    owner.go("/judge")
    look("judge")
    button = owner.page.locator(".pick").first.bounding_box()
    assert button["y"] + button["height"] <= height, "the answers are in reach below a long prompt"
    owner.page.keyboard.press("h")
    look("keys")
    owner.page.keyboard.press("Escape")
    for key in "121=":
        owner.press(key)
    look("nothing")
    partwise("feedback", "ask", "dinner", "--count", "3", "--store", str(fresh.store), cwd=tmp_path)
    owner.go("/judge")
    for place in ("guidelines", "answers", "people", "own"):
        owner.go(f"/people/{name}/answers" if place == "own" else f"/{place}")
        look(place)
    link = invite(owner, "berta")
    look("link")
    owner.go("/answers")
    owner.page.locator("details.transcript summary").first.click()
    owner.page.get_by_role("button", name="Compute").click()
    owner.page.wait_for_selector("#agreement .lead")
    look("agreement")
    owner.go(link.removeprefix(fresh.url))
    look("join")
    owner.leave()
