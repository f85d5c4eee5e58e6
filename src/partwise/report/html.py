"""One self-contained HTML file that shows a run or a study: no network, no assets beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import BaseModel

from partwise import __version__
from partwise.report.charts import bins_chart, curve_charts, looks
from partwise.report.data import ArmTranscripts, Program, ReportData, read_directory
from partwise.report.look import FILTERS, page_css
from partwise.report.made import made, settings_of
from partwise.report.page import Page, Table, plain_page
from partwise.report.reading import OUTCOMES, Figure, group, number, ordered
from partwise.report.rollouts import Shown, shown_rollout
from partwise.report.run import rates_table, warm_start_table, writer_start_table
from partwise.runs.rundir import write_atomically

_PROGRAMS = 4
"""Programs shown of each arm; the first is open, the others fold."""
_MESSAGES = 3
"""Messages shown of each kind of failure."""


class Kind(Protocol):
    """What a report needs to know of a kind of run; `studies.registry` has them."""

    @property
    def of_runs(self) -> bool:
        """Whether runs are behind its figures, whose curves and programs are shown."""
        ...

    @property
    def config(self) -> type[BaseModel]:
        """The model of its settings."""
        ...

    def page(self, results: Mapping[str, Any]) -> Page:
        """What it found."""
        ...

    def so_far(self, directory: Path) -> tuple[Mapping[str, Any], list[str]]:
        """What it has found before it is done, for `page`, and a sentence for each thing that can't be read;
        no results of a kind that shows nothing before that.
        """
        ...


Find = Callable[[str], Kind | None]
"""From the kind that a directory names to what is known of it; None for one that is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProgram:
    """All rollouts of an arm whose text is the same."""

    share: float
    count: int
    total: int
    correct: str
    aligned: str
    violations: list[tuple[str, str, bool]]
    """Dimension, mean violation, and whether it matters."""
    rollout: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFailure:
    """One kind of failure, with its most frequent messages and one example."""

    outcome: str
    meaning: str
    """What the outcome means, or which kind of it this is."""
    by_arm: list[tuple[str, int, int]]
    """Arm, how many of its solutions ended so, and how many it has."""
    messages: list[tuple[str, int]]
    rollout: Shown


def write_report(directory: Path, find: Find) -> Path:
    """Write `report.html` into a run's or a study's directory, finished or not, and return its path.

    Args:
        directory: of the run or the study.
        find: from the kind of a directory to what is known of it.

    Raises:
        RunError: the directory holds neither, or can't be written.
    """

    def alone(kind: str) -> bool:
        known = find(kind)
        return known is not None and not known.of_runs

    data = read_directory(directory, alone=alone)
    return write_atomically(directory / "report.html", _render(directory, data, find(data.kind)))


def shown_page(
    known: Kind | None, results: Mapping[str, Any], directory: Path
) -> tuple[Page | None, list[str]]:
    """The page of a run's results, or of what there is of them so far; and why something can't be shown.

    Args:
        known: of what kind it is.
        results: what its `results.json` holds; empty where it is not there.
        directory: of the run.
    """
    if known is None:
        said = "What made these results is not installed here, so that nothing can say what they mean."
        return None, [said] if results else []
    problems: list[str] = []
    if not results:
        results, problems = known.so_far(directory)
    try:
        return plain_page(known.page(results)) if results else None, problems
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        said = f"The results are not as this version writes them, and can't be shown ({error!r})."
        return None, [*problems, said]


def page_html(page: Page) -> str:
    """A page by itself, without a run behind it, as one HTML file that needs no network."""
    page = plain_page(page)
    return _fill(title=page.title, page=page)


_NOTHING: Mapping[str, Any] = {
    "page": None,
    "name": "",
    "facts": [],
    "missing": [],
    "finished": [],
    "charts": [],
    "chart_arms": {},
    "bins": [],
    "programs": [],
    "ended": None,
    "failures": [],
    "settings": [],
    "made": [],
}


def _fill(**shown: Any) -> str:
    """The report with what is there to show."""
    template = _environment().get_template("report.html.j2")
    return template.render({**_NOTHING, "css": Markup(page_css()), **shown})


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("partwise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


def _render(directory: Path, data: ReportData, known: Kind | None) -> str:
    page, problems = shown_page(known, data.results, directory)
    model = known.config if known else None
    looking = looks(list(data.transcripts))
    arms = ordered({curve.arm: curve for curve in data.curves})
    return _fill(
        title=page.title if page else title_of(data.kind),
        name=data.name,
        facts=[*_facts(data), what_counts(data.seeds, runs=known is not None and known.of_runs)],
        page=page,
        missing=[*problems, *data.missing],
        finished=[] if page else _before_the_end(data),
        charts=curve_charts(data.curves, split=split_of(data.config)),
        chart_arms=looks(arms) if len(data.curves) > 1 else {},
        bins=[
            (arm, bins_chart(arm, looking[arm], found.bins))
            for arm, found in data.transcripts.items()
            if any(count for count, _ in found.bins)
        ],
        programs=[(arm, found.total, _programs(found)) for arm, found in data.transcripts.items()],
        ended=ended_table(_counts(data)),
        failures=_failures(data.transcripts),
        settings=settings_of(data.record or {"config": data.config}, model),
        made=made(directory, data.record, model, ", ".join(map(str, data.seeds))),
    )


def _before_the_end(data: ReportData) -> list[Table]:
    """What is known of a run or study that has no page yet."""
    started = (warm_start_table(data.warm_start), writer_start_table(data.writer_start))
    return [*filter(None, started), *([rates_table(data.arms)] if data.arms else [])]


def split_of(config: Mapping[str, Any]) -> str:
    """Which tasks the rounds of a run are measured on; of a study's runs, what it says of them."""
    measured = group(config, "measure") or group(config, "align", "measure")
    return str(measured.get("curve", "validation"))


def title_of(kind: str) -> str:
    """What a run is called before it has a page."""
    runs = {
        "align": "Alignment run",
        "progress": "Ladder of generations",
        "weak_to_strong": "Weak to strong",
    }
    return runs.get(kind, f"Study of {kind.replace('_', ' ')}")


def what_counts(seeds: Sequence[int], *, runs: bool) -> str:
    """What the figures of a page are over: seeds where there are several, else the tasks of the one seed."""
    if len(seeds) > 1:
        return f"means and intervals over {len(seeds)} seeds"
    return "intervals over tasks" if runs and seeds else ""


def _facts(data: ReportData) -> list[str]:
    reward = group(data.config, "loop").get("reward")
    seeds = f"seed {data.seeds[0]}" if len(data.seeds) == 1 else f"{len(data.seeds)} seeds"
    return [
        data.name,
        "" if data.kind == "align" else title_of(data.kind).lower(),
        f"reward: {reward}" if isinstance(reward, str) else "",
        seeds if data.seeds else "",
        "finished" if data.results else "not finished",
        f"Partwise {data.version or __version__}",
    ]


def _counts(data: ReportData) -> dict[str, Mapping[str, Any]]:
    """Counts by outcome, from the results where they are, else from the transcripts."""
    found = {name: group(arm, "counts") for name, arm in data.arms.items()}
    told = {name.rpartition("/")[2] for name, counts in found.items() if counts}
    more = {name: arm.outcomes for name, arm in data.transcripts.items() if name not in told}
    return {name: counts for name, counts in (found | more).items() if counts}


def ended_table(counts: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """How the solutions of each arm ended; None where nothing is known of any."""
    rows: list[list[str]] = []
    for name, ended in counts.items():
        known = [n if isinstance(n := ended.get(kind), int) else 0 for kind in OUTCOMES]
        if sum(known):
            rows.append([name, *(f"{n:,}" for n in known), f"{sum(known):,}"])
    if not rows:
        return None
    return Table(
        heading="How solutions ended",
        note="Counts of solutions of held-out tasks, each once, where it first failed: "
        + "; ".join(f"{kind.replace('_', ' ')}, {meaning}" for kind, meaning in OUTCOMES.items())
        + ".",
        columns=["planner", *(kind.replace("_", " ") for kind in OUTCOMES), "all"],
        rows=rows,
    )


def _failures(transcripts: Mapping[str, ArmTranscripts]) -> list[ShownFailure]:
    """Every kind of failure that occurs, with an example of its most frequent message."""
    kinds = dict.fromkeys(kind for found in transcripts.values() for kind in found.failures)
    order = list(OUTCOMES)
    known = [kind for kind in kinds if kind[0] in OUTCOMES]
    return [_failure(kind, transcripts) for kind in sorted(known, key=lambda kind: order.index(kind[0]))]


def _failure(kind: tuple[str, str], transcripts: Mapping[str, ArmTranscripts]) -> ShownFailure:
    outcome, detail = kind
    by_arm = [
        (arm, sum(failure.count for failure in there.values()), found.total)
        for arm, found in transcripts.items()
        if (there := found.failures.get(kind))
    ]
    messages: dict[str, int] = {}
    for found in transcripts.values():
        for message, failure in found.failures.get(kind, {}).items():
            messages[message] = messages.get(message, 0) + failure.count
    frequent = sorted(messages.items(), key=lambda pair: -pair[1])[:_MESSAGES]
    arm, example = next(
        (arm, found.failures[kind][frequent[0][0]])
        for arm, found in transcripts.items()
        if frequent[0][0] in found.failures.get(kind, {})
    )
    return ShownFailure(
        outcome=outcome,
        meaning=detail or OUTCOMES[outcome],
        by_arm=by_arm,
        messages=frequent,
        rollout=shown_rollout({**example.line, "arm": arm}),
    )


def _programs(arm: ArmTranscripts) -> list[ShownProgram]:
    top = sorted(arm.programs.values(), key=lambda p: -p.count)[:_PROGRAMS]
    return [_program(program, arm) for program in top]


def _program(program: Program, arm: ArmTranscripts) -> ShownProgram:
    def rate(part: int, whole: int) -> str:
        return Figure(part / whole, None, None, whole).text if whole else "unknown"

    violations = sorted(
        ((name, value / program.count) for name, value in program.violations.items() if value > 0),
        key=lambda pair: (pair[0] in arm.ignored, -pair[1]),
    )
    return ShownProgram(
        share=program.count / arm.total,
        count=program.count,
        total=arm.total,
        correct=rate(program.correct, program.correct_of),
        aligned=rate(program.aligned, program.aligned_of),
        violations=[(name, number(value), name not in arm.ignored) for name, value in violations],
        rollout=shown_rollout(program.line, arm.ignored),
    )
