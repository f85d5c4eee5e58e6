"""The commands in which people take part: approve a plan, give feedback in a browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from partwise.cli.common import FAST, STORE, Fast, Store, app
from partwise.cli.errors import fail, plain_errors

if TYPE_CHECKING:
    from partwise.loops.solve import Proposal

console = typer.Typer(invoke_without_command=True, help="Give feedback and watch runs, in a browser.")
app.add_typer(console, name="console", short_help="Give feedback and watch runs, in a browser.")

_POLL = 0.3
"""Seconds between two looks at whether a plan is decided on."""


@app.command(short_help="Solve one task in the open.")
def solve(
    run: Annotated[Path, typer.Argument(help="Directory of a run, whose planner and proxy are used.")],
    task: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Index of a held-out task.")] = 0,
    generation: Annotated[
        int | None, typer.Option(min=1, help="Of a ladder; its latest aligned one if not given.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do what can't be undone without asking.")] = False,
    ask: Annotated[
        str, typer.Option(help="Who approves what can't be undone: `terminal`, or people in the `console`.")
    ] = "terminal",
    store: Annotated[
        str | None, typer.Option(help="The console's store; the run's own feedback.db if not given.")
    ] = None,
) -> None:
    """Solve one task in the open: plan, judged parts, summary and, once you agree, trace."""
    with plain_errors():
        if ask not in ("terminal", "console"):
            fail(f"`--ask {ask}` is neither `terminal` nor `console`.", 2)
        from partwise.runs.rundir import RunDir

        RunDir.open(run)  # what is not there is answered before anything heavy is imported
        from partwise.loops.solve import propose

        proposal = propose(run, task, generation)
        _show(proposal)
        if proposal.rejection:
            fail(f"It is not run: {proposal.rejection}", 1)
        if proposal.effects and not yes:
            approved = _ask_console(proposal, run, store) if ask == "console" else _ask_terminal(proposal)
            if not approved:
                typer.echo("Not run.")
                return
        done = proposal.execute()
        for event in done.trace:
            typer.echo(str(event))
        if not done.ran:
            fail(f"It did not run to its end: {done.message}", 1)


def _show(proposal: Proposal) -> None:
    typer.echo(f"Task {proposal.index}: {proposal.statement}\n")
    for source, judgment in proposal.parts:
        typer.echo(f"# judged {judgment:.2f}\n{source}\n")
    typer.echo(f"# the plan\n{proposal.plan}\n")
    if proposal.summary:
        typer.echo(f"Summary: {proposal.summary}\n")


def _ask_terminal(proposal: Proposal) -> bool:
    return typer.confirm(f"It does what can't be undone ({', '.join(proposal.effects)}). Run it?")


def _ask_console(proposal: Proposal, run: Path, store: str | None) -> bool:
    """Lay the plan before people and wait; a plan that is no longer waited for is taken back."""
    from partwise.config.addresses import without_secrets
    from partwise.oversight.feedback import FeedbackStore, PlanState

    where = store or str(run / "feedback.db")
    with FeedbackStore(where) as opened:
        number = opened.submit_plan(run.resolve().name, proposal.index, plan_body(proposal))
        typer.echo(
            f"It waits for a person, as plan {number}: partwise console --store {without_secrets(where)}"
        )
        try:
            while (state := opened.plan_state(number)) is PlanState.WAITING:
                time.sleep(_POLL)
        finally:
            opened.withdraw_plan(number)
        decided = opened.plan(number)
    reason = f": {decided.reason}" if decided.reason else "."
    typer.echo(f"{decided.who} has {state} it{reason}")
    return state is PlanState.APPROVED


def plan_body(proposal: Proposal) -> dict[str, Any]:
    """What people are shown of a plan, as plain data."""
    return {
        "statement": proposal.statement,
        "parts": [{"source": source, "judgment": judgment} for source, judgment in proposal.parts],
        "composition": proposal.plan,
        "summary": proposal.summary,
        "effects": proposal.effects,
    }


@console.callback()
def serve_console(
    context: typer.Context,
    store: Store = STORE,
    runs: Annotated[Path, typer.Option(help="Directory whose runs are shown.")] = Path("runs"),
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own asks for passwords.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 for any that is free.")] = 8321,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name that the console is reached by, beside addresses.")
    ] = None,
    fast: Fast = FAST,
) -> None:
    """Serve the console until Ctrl+C, and print where it is."""
    if context.invoked_subcommand:
        return
    with plain_errors():
        from partwise.console.serve import serve

        serve(store, runs, host=host, port=port, allow_hosts=allow_host or (), rate=fast, say=typer.echo)


@console.command("add-annotator")
def add_annotator(
    name: Annotated[str, typer.Argument(help="Who signs in.")],
    store: Store = STORE,
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for.")
    ] = "",
    role: Annotated[
        str | None,
        typer.Option(help="`owner`, or `annotator`, as who is new is unless you say; others keep theirs."),
    ] = None,
) -> None:
    """Let somebody sign in by a password, or give them another one."""
    with plain_errors():
        if role not in (None, "owner", "annotator"):
            fail(f"`--role {role}` is neither `owner` nor `annotator`.", 2)
        from partwise.console.serve import add_annotator as add

        name, kept = add(store, name, password, role)
        typer.echo(f"{name} can sign in as {kept}.")
