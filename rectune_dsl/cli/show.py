"""`rectune show`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import host_of, read, store_flag, store_option


@click.command("show")
@click.argument("run")
@store_option
@click.option("--full", is_flag=True, help="Tell the whole story.")
@click.option("--json", "as_json_", is_flag=True, help="Everything, without ids and wall-clock times.")
@click.pass_context
def command(ctx: click.Context, run: str, store: str, full: bool, as_json_: bool) -> None:
    """Show a run on one screen: the verdict and why, what to do next, what changes, a line per round.

    RUN is its id, the beginning of one, or `last`. With --full also every proposal with its hypothesis and
    the Critic's words, every arm's numbers, what was learnt, and what language models cost.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.facts.gather import facts
    from rectune_dsl.report.pages import brief
    from rectune_dsl.report.pages import run as whole
    from rectune_dsl.report.terminal import print_page
    from rectune_dsl.report.view import as_json
    from rectune_dsl.workflow.prepare import task_of

    _, view = read(store, run)
    if as_json_:
        click.echo(as_json(view))
        return
    flag = store_flag(store)
    found = facts(task_of(view.header, host_of(ctx, view.header)), view, flag)
    print_page(console(), whole.told(found) if full else brief.page(found, flag))
