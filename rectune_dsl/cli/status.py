"""`rectune status`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import host_of, read, store_flag, store_option
from rectune_dsl.cli.outputs import json_option


@click.command("status")
@click.argument("run")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, run: str, store: str, as_json: bool) -> None:
    """Tell where a run stands: who works on it, what it waits for, what it asks, and what to do next.

    RUN is its id, the beginning of one, or `last`.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.standing import print_standing, standing_json
    from rectune_dsl.workflow.prepare import task_of
    from rectune_dsl.workflow.standing import standing

    journal, view = read(store, run)
    now = standing(journal, view.run)
    if as_json:
        click.echo(standing_json(view, now))
    else:
        task = task_of(view.header, host_of(ctx, view.header))
        print_standing(console(), task, view, now, store_flag(store))
