"""`rectune compare`"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from rectune_dsl.cli.common import host_of, read, store_flag, store_option
from rectune_dsl.cli.outputs import format_of, format_option, report_output_option, write_report


@click.command("compare")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@store_option
@report_output_option("by default the terminal, and with --format a file in this folder")
@format_option
@click.pass_context
def command(
    ctx: click.Context, runs: tuple[str, ...], store: str, output: Path | None, kind: str | None
) -> None:
    """Show campaigns side by side: what they were asked, what came of it, what it cost.

    Each RUN is an id, the beginning of one that no other run has, or `last`.
    """
    from rectune_dsl.hooks.errors import UsageError
    from rectune_dsl.report.console import console
    from rectune_dsl.report.facts.comparison import comparison
    from rectune_dsl.report.facts.gather import facts
    from rectune_dsl.report.pages.compared import page
    from rectune_dsl.report.terminal import print_page
    from rectune_dsl.report.written import written
    from rectune_dsl.workflow.prepare import task_of

    if len(runs) < 2:
        raise UsageError("a comparison needs two runs or more", help="`rectune ls` lists the runs")
    chosen = format_of(kind, output)
    views = [read(store, run)[1] for run in runs]
    if twice := [name for name, often in Counter(view.run for view in views).items() if often > 1]:
        raise UsageError(f"run {twice[0]} is named twice", help="name each run once; `rectune ls` lists them")
    tasks = [task_of(view.header, host_of(ctx, view.header)) for view in views]
    told = [facts(task, view, store_flag(store)) for task, view in zip(tasks, views, strict=True)]
    found = comparison(tasks, told)
    if output is None and kind is None:
        print_page(console(), page(found))
        return
    write_report(output or Path(f"comparison.{chosen}"), written(chosen, found, page(found)))
