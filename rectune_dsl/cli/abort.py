"""`rectune abort`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import by_option, store_flag, store_option, taken_up, warn


@click.command("abort")
@click.argument("run")
@store_option
@by_option
@click.option("--why", metavar="TEXT", required=True, help="Why, for the journal and the platform.")
@click.pass_context
def command(ctx: click.Context, run: str, store: str, by: str, why: str) -> None:
    """End a run now: stop its traffic, and take back the config if it was delivered.

    Whoever works on the run can write no more. Given again, it finishes an abort that was interrupted.
    """
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.console import console
    from rectune_dsl.report.standing import print_aborted
    from rectune_dsl.workflow.abort import abort
    from rectune_dsl.workflow.surface import newer_delivery

    journal = Journal(store, create=False)
    name = journal.find(run).run
    _, loaded = taken_up(ctx, journal, name)
    newer = newer_delivery(journal, name)
    kept = f"run {newer} has delivered another config since" if newer else ""
    done = abort(journal, name, loaded.backend, by, why, kept)
    print_aborted(console(), name, done)
    if done.kept:
        warn(f"what run {name} shipped was not taken back: {done.kept}; see `rectune ls{store_flag(store)}`")
