"""Makes the README's two pictures with Chromium: a study's report, and a question in the console.

    .venv/bin/python docs/images/make.py

The report is that of the committed runs of part_to_complete (`docs/results/arms.tar.xz`), put together again.
Its picture carries the digest of the JSON whose figures it shows; `tests/test_docs.py` tells if it is stale.
The console is a real server over a store with a question of the dinner world.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from partwise.oversight.feedback import FeedbackStore
from partwise.oversight.items import PartItems
from partwise.types import JudgmentItem, Purpose
from partwise.worlds.registry import load_world

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
SIZE: Any = {"width": 1100, "height": 760}
SOURCE = ROOT / "docs" / "results" / "part_to_complete.json"
DESCRIPTION = 0x010E
"""The tag of EXIF."""
PARTWISE = (sys.executable, "-m", "partwise")


def report(folder: Path) -> Path:
    """The report of the committed runs."""
    with tarfile.open(ROOT / "docs" / "results" / "arms.tar.xz") as archive:
        archive.extractall(folder / "runs", filter="data")
    recipe = ROOT / "recipes" / "part_to_complete.toml"
    command = [*PARTWISE, "study", "part_to_complete", str(recipe), "--out", "runs/part_to_complete"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    made = folder / "runs" / "part_to_complete"
    shown, committed = (json.loads(file.read_text()) for file in (made / "results.json", SOURCE))
    assert shown["arms"] == committed["arms"], "arms.tar.xz and part_to_complete.json differ"
    return made / "report.html"


def _differ(item: JudgmentItem) -> bool:
    """Whether its options do different things, so that there is something to see."""
    first, second = item.options
    return first.consequences != second.consequences and min(first.useful, second.useful) > 0.5


@contextmanager
def console(folder: Path) -> Iterator[str]:
    """The address of a console with questions, as long as it runs."""
    store = folder / "feedback.db"
    asked = PartItems(load_world("dinner")).asked(random.Random(1), 200)
    items = [item for item in asked if item.question.startswith("Book the first") and _differ(item)]
    with FeedbackStore(store) as opened:
        opened.ask("mine", 0, items, purposes=[Purpose.QUERY] * len(items), version="now")
    command = [*PARTWISE, "console", "--store", str(store), "--runs", str(folder / "runs"), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        address = next(
            found[0] for line in server.stdout if (found := re.search(r"http://\S+token=\S+", line))
        )
        yield address
    finally:
        server.terminate()
        server.wait()


def save(page: Any, name: str, description: str = "") -> None:
    """What a page shows, as WebP."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    exif = picture.getexif()
    exif[DESCRIPTION] = description
    picture.save(HERE / f"{name}.webp", quality=80, method=6, exif=exif)


def main() -> None:
    """Make both."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = chromium.new_page(viewport=SIZE, device_scale_factor=1.5)
        page.goto(report(folder).as_uri())
        page.locator("h2", has_text="Arms").first.evaluate("heading => heading.scrollIntoView()")
        save(page, "report", hashlib.sha256(SOURCE.read_bytes()).hexdigest())
        with console(folder) as address:
            page.goto(address)
            page.keyboard.type("Ana")
            page.keyboard.press("Enter")
            page.wait_for_url("**/judge")
            save(page, "console")


if __name__ == "__main__":
    main()
