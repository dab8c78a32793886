"""`rectune resume`"""

from __future__ import annotations

from importlib.metadata import version

import click

from rectune_dsl.cli.common import executing_options, host_of, store_option, taken_up, warn


@click.command("resume")
@click.argument("run")
@store_option
@executing_options
@click.pass_context
def command(
    ctx: click.Context, run: str, store: str, yes: bool, require_ship: bool, until: str, quiet: bool
) -> None:
    """Continue a run where it was stopped. RUN is its id, the beginning of one, or `last`.

    The task is taken from the run's journal, not from its file. Of a run that is finished, the end is shown.
    """
    from rectune_dsl.cli.execute import How, execute, tell_end
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.workflow.brought import brought, moved_on
    from rectune_dsl.workflow.prepare import header_of, task_of
    from rectune_dsl.workflow.standing import standing

    journal = Journal(store, create=False)
    name = journal.find(run).run
    header, how = header_of(journal, name), How(store, yes, require_ship, stay=until == "end", quiet=quiet)
    now = standing(journal, name)
    if now.over and now.abort is None:
        if not quiet:
            click.echo(f"run {name} was finished before: nothing is left to do. This is its end:")
        tell_end(name, task_of(header, host_of(ctx, header)), journal, how)
        return
    plugins, loaded = taken_up(ctx, journal, name)
    if header.version != version("rectune"):
        warn(f"this run was started with rectune {header.version}; this is {version('rectune')}")
    for words in moved_on(header.plugins, brought(loaded.task, plugins)):
        warn(words)
    execute(name, loaded, journal, plugins, how)
