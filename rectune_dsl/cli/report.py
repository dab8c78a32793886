"""`rectune report`"""

from __future__ import annotations

from pathlib import Path

import click

from rectune_dsl.cli.common import host_of, read, store_flag, store_option
from rectune_dsl.cli.outputs import format_of, format_option, quiet_option, report_output_option, write_report


@click.command("report")
@click.argument("run")
@store_option
@report_output_option("by default RUN.html in this folder, or what --format says")
@format_option
@click.option(
    "--no-slates",
    is_flag=True,
    help="Do not ask the backend for logged requests: leave out what changes in slates.",
)
@quiet_option("write the report, and say nothing else.")
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    store: str,
    output: Path | None,
    kind: str | None,
    no_slates: bool,
    quiet: bool,
) -> None:
    """Write a report of a run: the verdict first, then what stands behind it.

    RUN is its id, the beginning of one, or `last`. The HTML is one file that needs no network; Markdown is
    for pull requests, JSON for scripts.
    """
    from rectune_dsl.report.facts.gather import facts
    from rectune_dsl.report.facts.slates import replayed
    from rectune_dsl.report.pages.run import page
    from rectune_dsl.report.progress import working
    from rectune_dsl.report.written import written
    from rectune_dsl.workflow.prepare import task_of

    chosen = format_of(kind, output)
    journal, view = read(store, run)
    host = host_of(ctx, view.header)
    showing = None if no_slates else replayed(journal, view.run, host)
    with working("reading the run, and asking the backend what changes in slates", quiet):
        found = facts(task_of(view.header, host), view, store_flag(store), showing)
    write_report(output or Path(f"{view.run}.{chosen}"), written(chosen, found, page(found)), quiet)
