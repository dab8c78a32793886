"""`rectune show`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import host_of, read, store_flag, store_option


@click.command("show")
@click.argument("run")
@store_option
@click.option("--json", "as_json_", is_flag=True, help="Everything, without ids and wall-clock times.")
@click.pass_context
def command(ctx: click.Context, run: str, store: str, as_json_: bool) -> None:
    """Show a run: every proposal with its hypothesis, the Critic's words, the numbers, what was learnt, what
    language models cost.

    RUN is its id, the beginning of one, or `last`.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.show import print_run
    from rectune_dsl.report.view import as_json
    from rectune_dsl.workflow.prepare import task_of

    _, view = read(store, run)
    if as_json_:
        click.echo(as_json(view))
    else:
        print_run(console(), task_of(view.header, host_of(ctx, view.header)), view, store_flag(store))
