"""`rectune export`"""

from __future__ import annotations

from pathlib import Path

import click

from rectune_dsl.cli.common import host_of, read, store_option, warn


@click.command("export")
@click.argument("run")
@store_option
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--diff", is_flag=True, help="Show what changes against production instead.")
@click.pass_context
def command(ctx: click.Context, run: str, store: str, output: Path | None, diff: bool) -> None:
    """Write a run's recommended configuration as TOML, with its provenance.

    RUN is its id, the beginning of one, or `last`.
    """
    from rectune_dsl.hooks.api import UsageError
    from rectune_dsl.report.export import config_diff, config_toml
    from rectune_dsl.report.standing import abort_words
    from rectune_dsl.report.words import answered
    from rectune_dsl.workflow.prepare import task_of

    _, view = read(store, run)
    if view.recommendation is None:
        raise UsageError(
            f"run {view.run} has no recommendation yet", help=f"`rectune resume {view.run}` goes on"
        )
    if view.abort is not None:
        warn(f"run {view.run} was {abort_words(view.abort)}")
    if view.shipped == "refused" and view.shipping is not None:
        who = answered(granted=False, by=view.shipping.by, why=view.shipping.why)
        warn(f"people refused to ship this config: {who}")
    if view.shipped == "not delivered yet":
        warn(f"this config is not delivered yet: `rectune status {view.run}` tells what it waits for")
    task = task_of(view.header, host_of(ctx, view.header))
    text = config_diff(task, view) if diff else config_toml(task, view)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"wrote {output}", err=True)
