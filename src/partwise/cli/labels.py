"""The commands that put questions to people, and carry their answers in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partwise.cli.common import FAST, STORE, Fast, Store, app
from partwise.cli.errors import fail, plain_errors
from partwise.files import is_stream
from partwise.runs.text import shown

if TYPE_CHECKING:
    from partwise.oversight.feedback import FeedbackStore

feedback = typer.Typer(
    no_args_is_help=True, help="Put questions to people, and carry their answers in and out."
)
app.add_typer(feedback, name="feedback", short_help="Put questions to people, carry answers in and out.")

_People = Annotated[
    int, typer.Option(min=1, max=100, help="From how many people each question wants an answer.")
]


@feedback.command("add")
def add_pairs(
    file: Annotated[
        str,
        typer.Argument(help="A JSONL file: `prompt`, `a`, `b`, and `id` if you like; - is standard input."),
    ],
    store: Store = STORE,
    set_name: Annotated[
        str | None, typer.Option("--set", help="Name of the set that they join; the file's, if not given.")
    ] = None,
    people: _People = 1,
    guidelines: Annotated[
        Path | None, typer.Option(help="A text file that people who judge them read.")
    ] = None,
) -> None:
    """Put pairs of your own to people: all that are new or, where a line is wrong, none."""
    with plain_errors():
        from partwise.config.addresses import is_address
        from partwise.oversight.feedback import Brief, FeedbackError, FeedbackStore, read_pairs
        from partwise.oversight.feedback.jsonl import read_text

        is_address(store)
        try:
            pairs = read_pairs(Path("/dev/stdin" if file == "-" else file))
            text = None if guidelines is None else read_text(guidelines)
        except FeedbackError as error:
            fail(str(error), 2)
        name = ("pairs" if file == "-" else Path(file).stem) if set_name is None else set_name
        with FeedbackStore(store) as opened:
            try:
                added = opened.add_pairs(name, pairs, file, answers_wanted=people)
            except FeedbackError as error:
                if error.__cause__ is not None:
                    raise
                fail(str(error), 2)
            if text is not None:
                opened.describe(name, Brief(guidelines=text))
            known = f", {added.known:,} were there" if added.known else ""
            typer.echo(f"{added.new:,} new pairs in the set {shown(name)} of {shown(opened.name)}{known}.")
            typer.echo(f"People judge them: partwise console --store {shown(opened.name)}")


@feedback.command("ask")
def ask_people(
    world: Annotated[str, typer.Argument(help="Which world's parts, e.g. dinner.")] = "dinner",
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many questions.")] = 40,
    store: Store = STORE,
    set_name: Annotated[
        str | None, typer.Option("--set", help="Name of the set; the world's, if not given.")
    ] = None,
    people: _People = 1,
    undone: Annotated[
        float, typer.Option(min=0, max=1, help="Share of them against leaving the job undone.")
    ] = 0.2,
    practice: Annotated[
        float, typer.Option(min=0, max=1, help="Share of them about the world's practice.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Decides which.")] = 0,
) -> None:
    """Put questions about a world's parts to people, without a run: most are about two ways to do a job."""
    with plain_errors():
        import random

        from partwise.oversight.feedback import Brief, FeedbackError, FeedbackStore, Purpose
        from partwise.oversight.items import PartItems
        from partwise.worlds.registry import load_world

        loaded = load_world(world)
        parts = PartItems(loaded, practice=practice, undone=undone, seed=seed)
        items = parts.distinct(random.Random(f"ask {seed}"), count)
        name = world if set_name is None else set_name
        with FeedbackStore(store) as opened:
            try:
                opened.ask(
                    name,
                    0,
                    items,
                    purposes=[Purpose.CONTROL] * len(items),
                    version="",
                    answers_wanted=people,
                    alone=True,
                )
            except FeedbackError as error:
                if error.__cause__ is not None:
                    raise
                where = shown(opened.name)
                fail(f"The set {shown(name)} holds other questions in {where}; give another --set.", 2)
            matters = tuple(each for each in loaded.dimensions if loaded.values.matters(each))
            opened.describe(name, Brief(world=world, matters=(matters,)))
            fewer = f" (there are no more than {len(items):,})" if len(items) < count else ""
            typer.echo(f"{len(items):,} questions in the set {shown(name)} of {shown(opened.name)}{fewer}.")
            typer.echo(f"People judge them: partwise console --store {shown(opened.name)}")


@feedback.command("export")
def export_feedback(
    file: Annotated[
        str, typer.Argument(help="A JSONL file to write, in TRL's preference columns; - is standard output.")
    ],
    store: Store = STORE,
    run: Annotated[str | None, typer.Option(help="Of this run or set only.")] = None,
    ties: Annotated[bool, typer.Option("--ties", help="Ties and undecided answers as well.")] = False,
    fast: Fast = FAST,
) -> None:
    """Write answers as prompt, chosen and rejected, a line each, with all else that is known."""
    with plain_errors():
        from partwise.oversight.feedback import FeedbackStore

        _must_exist(store)
        target = Path("/dev/stdout" if file == "-" else file)
        with FeedbackStore(store) as opened:
            if run is not None:
                _must_hold(opened, run)
            done = opened.export_jsonl(target, run, ties=ties, rate=fast)
        left = f", {done.left_out} without a preference left out" if done.left_out else ""
        # What goes into a stream is not to be mixed with what is said about it.
        typer.echo(f"{done.written} answers written to {shown(file)}{left}.", err=is_stream(target))


@feedback.command("import")
def import_feedback(
    file: Annotated[
        str,
        typer.Argument(help="A JSONL file with at least prompt, chosen and rejected; - is standard input."),
    ],
    store: Store = STORE,
    run: Annotated[str | None, typer.Option(help="Name the answers' run, where the file does not.")] = None,
) -> None:
    """Read answers from a file: all of them or, where a line is wrong, none."""
    with plain_errors():
        from partwise.config.addresses import is_address
        from partwise.oversight.feedback import FeedbackError, FeedbackStore, read_answers

        is_address(store)
        try:
            answers = read_answers(Path("/dev/stdin" if file == "-" else file), run)
        except FeedbackError as error:
            fail(" ".join(str(error).split()), 2)
        with FeedbackStore(store) as opened:
            typer.echo(f"{opened.take_in(answers, file)} new answers in {shown(opened.name)}.")


def _must_exist(store: str) -> None:
    from partwise.config.addresses import is_address

    if not is_address(store) and not Path(store).expanduser().exists():
        fail(f"There is no feedback store {shown(store)}.", 2)


def _must_hold(store: FeedbackStore, run: str) -> None:
    runs = [each.run for each in store.runs(limit=4)]
    if store.progress(run).asked == 0:
        there = (
            f"there is {', '.join(f'`{shown(name)}`' for name in runs[:3])}{' and others' * (len(runs) > 3)}"
        )
        fail(
            f"There is no run `{shown(run)}` in {shown(store.name)}; {there if runs else 'it holds no run'}.",
            2,
        )
