"""The console in headless Chromium: labels by keyboard, a killed server, two people, plans, curves."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.console.fixture_console import TOKEN, Server, ask, dinner_items
from tests.runs.fixture_runs import write_run

from partwise.oversight.feedback import FeedbackStore, PlanState
from partwise.types import Choice

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SHOWN = "() => document.querySelector('#answer [name=question]')?.value ?? ''"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path).start()
    yield running
    running.kill()


class Person:
    """Somebody with a browser of their own, who may only reach the console."""

    def __init__(self, chromium: Any, server: Server, name: str, **options: Any) -> None:
        self.server, self.name = server, name
        self.context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.elsewhere: list[str] = []
        self.context.route(lambda url: not url.startswith(server.url), self._refuse)
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog {dialog.message}"))
        self.page.goto(f"{server.url}/?token={TOKEN}")
        self.page.keyboard.type(name)  # the field has the focus
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/judge")

    def _refuse(self, route: Any) -> None:
        self.elsewhere.append(route.request.url)
        route.abort()

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def go(self, path: str) -> Any:
        self.page.goto(self.server.url + path)
        return self.page

    def shown(self) -> str:
        """Id of the question on the screen; empty without one."""
        return self.page.evaluate(SHOWN)

    def press(self, key: str, timeout: float = 10_000) -> str:
        """Press a key and wait until another question, or none, is there; what the page says of it."""
        before = self.shown()
        self.page.keyboard.press(key)
        return self.wait(before, timeout)

    def wait(self, before: str, timeout: float = 10_000) -> str:
        self.until(f"({SHOWN})() !== {before!r}", timeout)
        return self.page.locator("#status").inner_text()

    def until(self, what: str, timeout: float = 10_000) -> None:
        """Wait until an expression holds. Playwright's own way is eval, which the page's policy forbids."""
        end = time.monotonic() + timeout / 1000
        while not self.page.evaluate(what):
            assert time.monotonic() < end, f"not within {timeout / 1000} s: {what}"
            self.page.wait_for_timeout(20)

    def leave(self, *, troubles: bool = False) -> None:
        """Close, after a look at what went wrong."""
        self.context.close()
        assert self.elsewhere == [] and (troubles or self.troubles == [])


def test_twenty_items_by_keyboard_over_a_killed_server_with_two_people(chromium: Any, fresh: Server):
    with FeedbackStore(fresh.store) as store:
        ask(store, dinner_items(50), answers_wanted=2)
        ana, bo = (Person(chromium, fresh, name) for name in ("ana", "bo"))
        acknowledged: dict[str, dict[int, str]] = {"ana": {}, "bo": {}}

        def label(person: Person, key: str) -> None:
            question = int(person.shown())
            said = person.press(key)
            assert said.startswith("Saved: "), said
            acknowledged[person.name][question] = key

        for key in "12=?121221":
            label(ana, key)
            label(bo, key)
        # A reason by keyboard: the keys are letters there.
        ana.page.keyboard.press("r")
        ana.page.keyboard.type("12=? asks everyone")
        ana.page.keyboard.press("Escape")
        reasoned = int(ana.shown())
        label(ana, "1")
        # Undo one, and answer it otherwise.
        said = ana.press("u")
        assert "Withdrawn" in said and int(ana.shown()) == reasoned
        del acknowledged["ana"][reasoned]
        label(ana, "2")

        # Killed while both have just pressed a key: what was not acknowledged is sent again by itself.
        before = {person.name: person.shown() for person in (ana, bo)}
        ana.page.keyboard.press("1")
        bo.page.keyboard.press("=")
        fresh.kill()
        kept_then = {(a.who, a.question.id) for a in store.answers()}
        assert kept_then >= {(who, question) for who, done in acknowledged.items() for question in done}
        for person in (ana, bo):
            if person.shown() == before[person.name]:
                person.page.wait_for_selector("#notice .notice")
                assert "Not saved yet" in person.page.locator("#notice").inner_text()
        fresh.start()
        for person, key in ((ana, "1"), (bo, "=")):
            if person.shown() == before[person.name]:
                person.wait(before[person.name])
            person.until("!document.querySelector('#notice .notice')")
            acknowledged[person.name][int(before[person.name])] = key
            person.troubles.clear()  # the browser itself complains of a server that is gone

        while len(acknowledged["ana"]) < 20:
            label(ana, "2")
            label(bo, "1")

        assert len(acknowledged["ana"]) == 20
        kept = {(a.who, a.question.id): a for a in store.answers()}
        assert len(kept) == len(store.answers())
        for who, done in acknowledged.items():
            assert {question for person, question in kept if person == who} == set(done)
            for question, key in done.items():
                answer = kept[who, question]
                order = answer.order
                picked = {"1": order[0], "2": order[1], "=": None, "?": None}[key]
                assert answer.answer.preferred == picked
                assert (answer.choice is Choice.TIE) == (key == "=")
                assert answer.seconds is not None and 0 <= answer.seconds < 120
        assert kept["ana", reasoned].reason == ""  # the withdrawn answer's reason is not the new one's
        for person in (ana, bo):
            person.leave()


def test_a_stale_item_and_one_that_arrives(chromium: Any, fresh: Server):
    with FeedbackStore(fresh.store) as store:
        ana = Person(chromium, fresh, "ana")
        page = ana.page
        assert "Nothing to judge" in page.locator("h1").inner_text()
        assert "partwise align human=console" in page.locator("pre").inner_text()
        ask(store, dinner_items(2))
        page.wait_for_selector("#answer", timeout=10_000)  # by itself
        ana.troubles.clear()
        store.close_round("mine", 0)
        ask(store, dinner_items(3, seed=1), round=1)
        said = ana.press("1")
        assert "closed while you were reading" in said and "not counted" in said
        assert page.locator(".said.bad").is_visible() and store.answers() == []
        assert ana.press("1").startswith("Saved")
        ana.leave(troubles=True)  # the browser reports the status 409


def test_a_plan_approved_and_another_refused_reach_who_waits(chromium: Any, fresh: Server):
    body = {
        "statement": "Dinner for two.",
        "parts": [{"source": "def book(r):\n    return reserve(r)", "judgment": 0.3}],
        "composition": "book('Luna')",
        "summary": "reserve: one call, one succeeded.",
        "effects": ["reserve"],
    }
    with FeedbackStore(fresh.store) as store:
        ana = Person(chromium, fresh, "ana")
        page = ana.go("/plans")
        assert "No plan waits" in page.locator("main").inner_text()
        states: dict[int, PlanState] = {}

        def solve(index: int) -> None:
            plan = store.submit_plan("mine", index, body)
            while (state := store.plan_state(plan)) is PlanState.WAITING:
                time.sleep(0.05)
            states[index] = state

        waiting = [threading.Thread(target=solve, args=(index,)) for index in (1, 2)]
        for thread in waiting:
            thread.start()
        page.wait_for_selector("article.plan >> nth=1", timeout=10_000)  # they come by themselves
        first = page.locator("article.plan", has_text="Task 1")
        first.get_by_role("button", name="Approve").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("article.ended:has-text('Task 1')")
        second = page.locator("article.plan", has_text="Task 2")
        second.get_by_role("textbox").fill("<img src=x onerror=alert(1)> asks nobody")
        second.get_by_role("button", name="Refuse").focus()
        page.keyboard.press("Space")
        page.wait_for_selector("article.ended:has-text('asks nobody')")
        for thread in waiting:
            thread.join(10)
        assert states == {1: PlanState.APPROVED, 2: PlanState.REFUSED}
        assert not page.locator("#plans-count").is_visible()
        ana.leave()


def test_a_curve_grows_while_its_run_goes_on(chromium: Any, fresh: Server):
    made = write_run(fresh.runs.parent / "made", "strategies", rounds=4, n=30)
    run = fresh.runs / "mine"
    (run / "rounds").mkdir(parents=True)
    shutil.copy(made / "run.json", run)
    ana = Person(chromium, fresh, "ana")
    page = ana.go("/runs/mine")
    dots = page.locator("#chart-aligned .dot")
    assert dots.count() == 0
    for index in range(4):
        source = made / "rounds" / f"{index:03d}"
        record = json.loads((source / "round.json").read_text())
        record |= {"control": 20, "disagreement": 0.1 + 0.1 * index, "alarm": index == 3, "realigned": True}
        (source / "round.json").write_text(json.dumps(record))
        shutil.copytree(source, run / "rounds" / f"{index:03d}.tmp")
        (run / "rounds" / f"{index:03d}.tmp").rename(run / "rounds" / f"{index:03d}")
        ana.until(f"document.querySelectorAll('#chart-aligned .dot').length === {index + 1}")
    assert "Round 4." in page.locator(".notice.alarm").inner_text()
    assert page.locator("#chart-disagreement .alarm").count() == 1
    for name in ("transcripts.jsonl", "results.json"):
        shutil.copy(made / name, run)
    page.wait_for_selector(".state.finished", timeout=10_000)
    page = ana.go("/runs/mine")
    page.locator("select[name=aligned]").select_option("yes")
    page.wait_for_url("**aligned=yes**")
    page.get_by_label("Words").fill("evening 1")
    page.wait_for_url("**words=evening**")
    assert page.locator("details.transcript").count() > 0
    page.locator("details.transcript summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.transcript[open] pre").first.is_visible()
    ana.leave()


def pages_of(server: Server, store: FeedbackStore, who: str) -> tuple[str, ...]:
    """Something to see on every page; returns where they are."""
    asked = ask(store, dinner_items(12), answers_wanted=3)
    for question in asked[6:]:
        for person in ("p1", "p2"):
            store.answer(question.id, person, Choice.FIRST, submission=f"{question.id} {person}")
    store.answer(asked[0].id, who, Choice.TIE, submission="mine", reason="A reason\nof two lines.", seconds=3)
    store.submit_plan("mine", 3, {"statement": "Dinner.", "effects": ["reserve"], "composition": "f(x)"})
    if not (server.runs / "done").exists():
        write_run(server.runs / "done", "strategies", rounds=5, n=30)
    return ("/judge", "/plans", "/runs", "/runs/done", "/people", f"/people/{who}/answers")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_in_both_themes_and_sizes(chromium: Any, fresh: Server, size: str, scheme: Any):
    with FeedbackStore(fresh.store) as store:
        ana = Person(chromium, fresh, "ana", color_scheme=scheme)
        width, height = SIZES[size]
        ana.page.set_viewport_size({"width": width, "height": height})
        for path in pages_of(fresh, store, "ana"):
            page = ana.go(path)
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wider) == 0, f"{path} scrolls sideways"
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(int(c) for c in background[4:-1].split(",")) > 384) == (scheme == "light")
        page = ana.go("/judge")
        first, second = (page.locator(f"article.o{key} .what").bounding_box() for key in (1, 2))
        if size == "desk":
            assert first["y"] == second["y"] and first["x"] + first["width"] <= second["x"]
        else:
            assert first["x"] == second["x"] and first["y"] + first["height"] <= second["y"]
        seen: set[tuple[float, ...]] = set()
        for _ in range(5):
            page.evaluate("window.scrollTo(0, 0)")
            buttons = [button.bounding_box() for button in page.locator(".pick").all()]
            assert all(b["y"] >= 0 and b["y"] + b["height"] <= height and b["height"] >= 44 for b in buttons)
            seen.add((page.locator(".options").bounding_box()["y"], *(b["y"] for b in buttons)))
            ana.press("2")
        assert len(seen) == 1, f"the layout jumps: {seen}"
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        assert page.locator(".pick").first.bounding_box()["y"] < height
        ana.leave()


FOCUSABLE = """() => [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter(e => e.type !== 'hidden' && !e.disabled && e.checkVisibility()
        && !e.closest('details:not([open]) > :not(summary)'))
    .map(e => (e.dataset.at = e.dataset.at || String(Math.random())))"""
STILL_THERE = "() => [...document.querySelectorAll('[data-at]')].map(e => e.dataset.at)"
FOCUSED = """() => {
    const e = document.activeElement, style = getComputedStyle(e);
    return [e.dataset.at || '', style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0];
}"""


def test_the_keyboard_alone_reaches_everything(chromium: Any, fresh: Server):
    with FeedbackStore(fresh.store) as store:
        ana = Person(chromium, fresh, "ana")
        for path in pages_of(fresh, store, "ana"):
            page = ana.go(path)
            wanted = set(page.evaluate(FOCUSABLE))
            assert len(wanted) >= 6
            reached: set[str] = set()
            for _ in range(4 * len(wanted)):
                page.keyboard.press("Tab")
                at, visible = page.evaluate(FOCUSED)
                if at:
                    assert visible, f"the focus can't be seen on {path}"
                    reached.add(at)
                if reached >= wanted:
                    break
            # A page may have renewed itself meanwhile: what is gone can't be reached.
            there = set(
                page.evaluate("() => [...document.querySelectorAll('[data-at]')].map(e => e.dataset.at)")
            )
            assert wanted & there <= reached, f"{path}: {len(wanted & there - reached)} can't be reached"
        page = ana.go("/judge")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.locator("details.menu summary").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("1")  # no answer while the menu is open
        page.keyboard.press("Escape")
        assert store.progress(who="ana").by_annotator == {"ana": 1}
        page.locator("details.menu summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Sign out").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/sign-in")
        ana.leave()


def test_a_script_in_a_reason_is_text(chromium: Any, fresh: Server):
    with FeedbackStore(fresh.store) as store:
        ask(store, dinner_items(2))
        ana = Person(chromium, fresh, "ana")
        evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
        ana.page.locator("#reason").fill(evil)
        ana.page.keyboard.press("Escape")
        ana.press("1")
        page = ana.go("/people/ana/answers")
        assert evil in page.locator(".reason").inner_text()
        ana.leave()
