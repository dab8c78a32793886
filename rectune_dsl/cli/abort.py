"""`rectune abort`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import by_option, store_flag, store_option, warn, why_option


@click.command("abort")
@click.argument("run")
@store_option
@by_option
@why_option("Why, for the journal and the platform.")
@click.pass_context
def command(ctx: click.Context, run: str, store: str, by: str, why: str) -> None:
    """End a run now: stop its traffic, and take back the config if it was delivered.

    Whoever works on the run can write no more. What he was in the middle of is undone once he has gone, which
    takes 30 seconds at most. Given again, it finishes an abort that was interrupted; so does `rectune tick`.
    """
    from rectune_dsl.cli.aborting import at_work, reached
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.console import console
    from rectune_dsl.report.standing import abort_words, print_aborted
    from rectune_dsl.workflow.abort import abort
    from rectune_dsl.workflow.standing import standing

    journal = Journal(store, create=False)
    name = journal.find(run).run
    now = standing(journal, name)
    if now.abort is not None and now.aborted is not None:
        click.echo(f"run {name} was {abort_words(now.abort)}; nothing is left to do")
        return
    backend, kept = reached(ctx, journal, name)
    done = abort(journal, name, backend, by, why, kept, at_work)
    print_aborted(console(), name, done)
    if done.kept:
        warn(f"what run {name} shipped was not taken back: {done.kept}; see `rectune ls{store_flag(store)}`")
