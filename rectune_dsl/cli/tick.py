"""`rectune tick`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rectune_dsl.cli.common import store_flag, store_option, taken_up
from rectune_dsl.cli.outputs import quiet_option

if TYPE_CHECKING:
    from rectune_dsl.memory.journal import Journal


@click.command("tick")
@click.argument("run", required=False)
@store_option
@click.option("--yes", is_flag=True, help="Launch and ship without asking.")
@quiet_option("print what fails only.")
@click.pass_context
def command(ctx: click.Context, run: str | None, store: str, yes: bool, quiet: bool) -> None:
    """Do what can be done now, and exit: for cron. Takes up RUN, or every run that is not over.

    Prints a line for each. A run that somebody works on is left to him; an abort that was interrupted is
    finished; one that fails does not keep the others. The exit code is that of the first failure.
    """
    from rectune_dsl.cli import complain_of
    from rectune_dsl.hooks.errors import RectuneError
    from rectune_dsl.memory.journal import Journal

    journal = Journal(store, create=False)
    runs = [journal.find(run).run] if run else [row.run for row in reversed(journal.runs())]
    code = 0
    for name in runs:
        try:
            said = _tick(ctx, journal, name, yes, asked_for=bool(run), flag=store_flag(store))
        except RectuneError as error:
            complain_of(error, f"{name}: ")
            code = code or error.exit_code
            continue
        if said and not quiet:
            click.echo(f"{name}: {said}")
    sys.exit(code)


def _tick(ctx: click.Context, journal: Journal, run: str, yes: bool, *, asked_for: bool, flag: str) -> str:
    """What became of one run, in a line; empty for one that is over and was not asked for."""
    from rectune_dsl.cli.aborting import at_work, reached
    from rectune_dsl.cli.answering import Granting
    from rectune_dsl.cli.execute import advance
    from rectune_dsl.memory.lease import RunHeldError
    from rectune_dsl.report.standing import aborted_words, waiting_words
    from rectune_dsl.workflow.abort import finish
    from rectune_dsl.workflow.pause import Waiting
    from rectune_dsl.workflow.prepare import was_begun
    from rectune_dsl.workflow.standing import standing

    now = standing(journal, run)
    if not asked_for:
        if now.over or not was_begun(journal, run):
            return ""
        if now.holder is not None:
            return f"{now.holder.process.holder} works on it"
    try:
        if now.half_aborted:
            return aborted_words(finish(journal, run, *reached(ctx, journal, run), at_work))
        plugins, loaded = taken_up(ctx, journal, run)
        return advance(run, loaded, journal, plugins, approver=Granting() if yes else None).decision
    except Waiting as waiting:
        return f"waits for {waiting_words(run, waiting.wait, flag)}"
    except RunHeldError as error:
        if asked_for:
            raise
        return str(error)
