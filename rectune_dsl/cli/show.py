"""`rectune show`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import host_of, store_flag, store_option


@click.command("show")
@click.argument("run")
@store_option
@click.option("--json", "as_json_", is_flag=True, help="Everything, without ids and wall-clock times.")
@click.pass_context
def command(ctx: click.Context, run: str, store: str, as_json_: bool) -> None:
    """Show a run: every proposal with its hypothesis, the Critic's words, the numbers, what was learnt.

    RUN is its id, the beginning of one, or `last`.
    """
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.console import console
    from rectune_dsl.report.show import print_run
    from rectune_dsl.report.view import as_json, read_run
    from rectune_dsl.workflow.prepare import header_of, task_of

    journal = Journal(store, create=False)
    name = journal.find(run).run
    header = header_of(journal, name)
    view = read_run(journal, name)
    assert view is not None  # header_of found its first entry
    if as_json_:
        click.echo(as_json(view))
    else:
        print_run(console(), task_of(header, host_of(ctx, header)), view, store_flag(store))
