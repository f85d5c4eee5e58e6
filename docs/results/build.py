"""Writes the pages of docs/results and the figures of the README from the committed JSON.

    make results

Each `NAME.json` is the `results.json` of a study as it was written. Its page, its pictures and what the
README says of it between `<!-- results: NAME -->` and `<!-- end -->` follow from it, so that no figure is
copied by hand; `tests/test_results.py` holds that what is committed is what this makes. JSON of an earlier
schema is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from partwise.report.page import Page, page_markdown
from partwise.studies.registry import STUDIES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
SCHEMA = 2
SENTENCES = {"part_to_complete": 6, "strategies": 3, "propagation": 4, "w2s": 3, "debate": 4}
"""How many of a page's sentences the README has; of studies not named here, three."""
_TABLES = {"part_to_complete": 1}
"""How many of a page's tables it has; of others, none."""
_PENDING = (
    "*Being run again, on fresh seeds, since a review found that what was said here did not hold; "
    "[what was wrong](docs/log.md), and [which seeds were looked at](docs/results/seeds.md).*"
)
_BLOCK = re.compile(r"<!-- results: (?P<name>\w+) -->\n.*?<!-- end -->", re.DOTALL)


def pages() -> Iterator[tuple[str, Page]]:
    """Each study whose results are of this schema, with its page."""
    for name in STUDIES:
        file = RESULTS / f"{name}.json"
        if file.exists():
            results: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if results["schema"] == SCHEMA:
                yield name, STUDIES[name].page(results)


def written() -> dict[Path, str]:
    """Every file that follows from the JSON, with its text."""
    found = dict(pages())
    files: dict[Path, str] = {}
    for name, page in found.items():
        files[RESULTS / f"{name}.md"] = _with_command(name, page_markdown(page))
        files |= {RESULTS / f"{picture.name}.svg": picture.svg for picture in page.pictures}
    readme = ROOT / "README.md"
    files[readme] = _BLOCK.sub(lambda block: _block(block["name"], found), readme.read_text(encoding="utf-8"))
    return files


def _with_command(name: str, text: str) -> str:
    title, rest = text.split("\n", 1)
    return f"""\
{title}

```bash
partwise study {name} recipes/{name}.toml --out runs/{name}
```

[The recipe](../../recipes/{name}.toml) says how long it takes, [the record](seeds.md) which seeds and tasks
it is reported on; `{name}.json` is the study's `results.json` as it was written. `make results` wrote this
page from it.
{rest}"""


def _block(name: str, found: Mapping[str, Page]) -> str:
    if name not in found:
        return f"<!-- results: {name} -->\n{_PENDING}\n<!-- end -->"
    page = found[name]
    shown = replace(page, sentences=page.sentences[: SENTENCES.get(name, 3)], pictures=())
    shown = replace(shown, tables=page.tables[: _TABLES.get(name, 0)])
    body = page_markdown(shown).split("\n", 2)[2].strip()
    picture = (
        f"\n\n![{page.pictures[0].caption}](docs/results/{page.pictures[0].name}.svg)"
        if page.pictures
        else ""
    )
    body = re.sub(r"^## (.*)$", r"*\1.*", body, flags=re.MULTILINE)
    return (
        f"<!-- results: {name} -->\n{body}{picture}\n\n[All figures](docs/results/{name}.md).\n<!-- end -->"
    )


def main() -> None:
    """Write them."""
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
