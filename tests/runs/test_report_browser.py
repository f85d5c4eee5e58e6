"""Reports in headless Chromium: both themes, a desk and a phone, nothing from the network."""

from pathlib import Path
from typing import Any

import pytest
from tests.console.fixture_browser import ARGUMENTS, CHROMIUM, MARKS, check_cues, check_look
from tests.runs.fixture_runs import write_run, write_study
from tests.studies.fixture_noise import noise_cells

from partwise.config import LadderConfig
from partwise.report.html import write_report
from partwise.runs.rundir import RunDir
from partwise.studies.noise.settings import NoiseConfig
from partwise.studies.noise.study import collect
from partwise.studies.registry import known_kind

pytestmark = MARKS


def laboratory(path: Path) -> Path:
    """A finished study of noise."""
    config = NoiseConfig(seeds=3, flips=(0.0, 0.2, 0.5, 1.0), ladder=LadderConfig(sizes=("nano", "micro")))
    results = collect(config, noise_cells(config, {"nano": 0.2, "micro": 0.8}))
    RunDir.create(path, "noise", config).write_json("results.json", results)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_report_fits_and_can_be_read(tmp_path: Path, width: int, scheme: Any) -> None:
    from playwright.sync_api import sync_playwright

    reports = [
        write_report(write_study(tmp_path / "study", seeds=3), known_kind),
        write_report(write_run(tmp_path / "run", "base"), known_kind),
        write_report(write_study(tmp_path / "unfinished", finished=False), known_kind),
        write_report(laboratory(tmp_path / "laboratory"), known_kind),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for path in reports:
            asked.clear()
            page.goto(path.as_uri())
            check_look(page, path.parent.name)
            # At a desk all of a table is there; on a phone its edge says that there is more.
            assert bool(check_cues(page, path.parent.name)) == (width == 390), path.parent.name
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.className") == "skip"
            page.keyboard.press("Tab")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            assert asked == [path.as_uri()]
        assert said == []
        browser.close()
