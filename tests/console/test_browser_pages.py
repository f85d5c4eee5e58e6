"""Every page in headless Chromium: both themes, a desk and a phone, and the keyboard alone."""

from typing import Any

import pytest
from tests.console.fixture_browser import MARKS, Person, check_cues, check_look
from tests.console.fixture_console import Server, ask, dinner_items
from tests.runs.fixture_runs import write_run, write_study
from tests.studies.fixture_noise import noise_cells

from partwise.config import LadderConfig
from partwise.oversight.feedback import Brief, FeedbackStore
from partwise.report.html import write_report
from partwise.runs.rundir import RunDir
from partwise.studies.noise.settings import NoiseConfig
from partwise.studies.noise.study import collect
from partwise.studies.registry import known_kind
from partwise.types import Choice

pytestmark = MARKS
SIZES = {"desk": (1280, 800), "phone": (390, 844)}


def pages_of(server: Server, store: FeedbackStore, who: str) -> tuple[str, ...]:
    """Something to see on every page; returns where they are."""
    asked = ask(store, dinner_items(12), answers_wanted=3)
    for question in asked[6:]:
        for person in ("p1", "p2"):
            store.answer(question.id, person, Choice.FIRST, submission=f"{question.id} {person}")
    store.answer(asked[0].id, who, Choice.TIE, submission="mine", reason="A reason\nof two lines.", seconds=3)
    store.submit_plan("mine", 3, {"statement": "Dinner.", "effects": ["reserve"], "composition": "f(x)"})
    if not (server.runs / "done").exists():
        write_run(server.runs / "done", "base", rounds=5, n=30)
        write_report(write_study(server.runs / "study", seeds=2, n=20), known_kind)
        config = NoiseConfig(seeds=3, flips=(0.0, 0.2, 0.5), ladder=LadderConfig(sizes=("nano", "micro")))
        results = collect(config, noise_cells(config, {"nano": 0.2, "micro": 0.8}))
        RunDir.create(server.runs / "noise", "noise", config).write_json("results.json", results)
        write_run(server.runs / "going", "parts", rounds=2, finished=False)
    store.describe("mine", Brief(world="dinner"))
    runs = [f"/runs/{name}" for name in ("done", "study", "study/seed-0/floor", "noise", "going")]
    return (
        *("/judge", "/guidelines", "/answers", "/plans", "/runs", *runs, "/people"),
        f"/people/{who}/answers",
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_in_both_themes_and_sizes(chromium: Any, fresh: Server, size: str, scheme: Any):
    with FeedbackStore(fresh.store) as store:
        name = "Annabella Montgomery-Smith of Somewhere"
        ana = Person(chromium, fresh, name, color_scheme=scheme)
        width, height = SIZES[size]
        ana.page.set_viewport_size({"width": width, "height": height})
        cues = 0
        for path in pages_of(fresh, store, name):
            page = ana.go(path)
            check_look(page, path)
            cues += check_cues(page, path)
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(int(c) for c in background[4:-1].split(",")) > 384) == (scheme == "light")
        assert bool(cues) == (size == "phone"), f"{cues} boxes scroll sideways"
        # The report opens from the console, under its own policy, and looks alike.
        page = ana.go("/runs/study")
        page.get_by_role("link", name="Report").click()
        page.wait_for_url("**/report/study")
        check_look(page, "/report/study")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
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
            assert page.locator("details.menu summary").bounding_box()["width"] >= 20
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
