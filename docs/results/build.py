"""Writes the pages of docs/results and the figures of the README from the committed JSON.

    make results

Each `NAME.json` is the `results.json` of a study as it was written. Its page, its pictures and what
`docs/results/README.md` and the README say of it between `<!-- results: NAME -->` and `<!-- end -->`
follow from it, so that no figure is copied by hand; `tests/test_results.py` holds that what is committed is
what this makes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from partwise.report.page import Page, Table, page_markdown
from partwise.studies.registry import STUDIES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
OVERVIEW = RESULTS / "README.md"
README = ROOT / "README.md"
HEADLINE = "part_to_complete"
"""The study that the README shows."""
SENTENCES = {
    "part_to_complete": 6,
    "strategies": 3,
    "propagation": 4,
    "w2s": 3,
    "debate": 4,
    "red_team": 5,
    "red_team_planted": 5,
    "red_team_planners": 5,
    "deception_probe": 8,
}
"""How many of a page's sentences the overview has; of studies not named here, three."""
_NOT_YET = "*Pending: not run yet on the seeds that [the record](seeds.md) reserves for it.*"
_BLOCK = re.compile(r"<!-- results: (?P<name>\w+) -->\n.*?<!-- end -->", re.DOTALL)


def pages() -> Iterator[tuple[str, Page]]:
    """Each study whose results are there, with its page."""
    for name in STUDIES:
        file = RESULTS / f"{name}.json"
        if file.exists():
            results: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            yield name, STUDIES[name].page(results)


def written() -> dict[Path, str]:
    """Every file that follows from the JSON, with its text."""
    found = dict(pages())
    files: dict[Path, str] = {}
    for name, page in found.items():
        files[RESULTS / f"{name}.md"] = _with_command(name, page_markdown(page))
        files |= {RESULTS / f"{picture.name}.svg": picture.svg for picture in page.pictures}
    files[OVERVIEW] = _filled(OVERVIEW, {name: _overview(name, found.get(name)) for name in STUDIES})
    files[README] = _filled(README, {HEADLINE: _headline(found[HEADLINE]), "others": _others(found)})
    return files


def _filled(path: Path, blocks: Mapping[str, str]) -> str:
    """The file with each block between its marks."""
    return _BLOCK.sub(
        lambda block: f"<!-- results: {block['name']} -->\n{blocks[block['name']]}\n<!-- end -->",
        path.read_text(encoding="utf-8"),
    )


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


def _body(page: Page) -> str:
    """Sentences and tables without the title."""
    return page_markdown(replace(page, pictures=())).split("\n", 2)[2].strip()


def _overview(name: str, page: Page | None) -> str:
    """What docs/results/README.md says of a study: its first sentences and its first picture."""
    if page is None:
        return _NOT_YET
    short = replace(page, sentences=page.sentences[: SENTENCES.get(name, 3)], tables=(), comparisons=())
    body = _body(short)
    picture = "".join(f"\n\n![{each.caption}]({each.name}.svg)" for each in page.pictures[:1])
    return f"{body}{picture}\n\n[All tables]({name}.md)."


def _headline(page: Page) -> str:
    """What the README shows: the picture of the arms, the primary contrast, gaps recovered, arms in short."""
    primary, _others, *gaps = page.sentences
    body = _body(replace(page, sentences=[primary, *gaps[:2]], tables=[_short(page.tables[0])]))
    body = re.sub(r"^## .*\n\n", "", body, flags=re.MULTILINE)
    return f"![{page.pictures[0].caption}](docs/results/{page.pictures[0].name}.svg)\n\n{body}"


def _short(arms: Table) -> Table:
    """The table of the arms with the columns that a first reader needs."""
    names = ("arm", "aligned and correct", "correct", "what it is trained on")
    kept = [arms.columns.index(name) for name in names]
    return replace(
        arms,
        note="Mean over seeds [95% interval]. [All figures](docs/results/part_to_complete.md).",
        columns=[arms.columns[place] for place in kept],
        rows=[[row[place] for place in kept] for row in arms.rows],
    )


def _others(found: Mapping[str, Page]) -> str:
    """Which other studies have results, and which are pending."""
    done = [f"`{name}`" for name in STUDIES if name in found and name != HEADLINE]
    pending = [f"`{name}`" for name in STUDIES if name not in found]
    said = [f"[Results](docs/results/README.md) of other studies: {', '.join(done)}."] if done else []
    if pending:
        said.append(f"Results of {', '.join(pending)} are pending.")
    return " ".join(said)


def main() -> None:
    """Write them."""
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
