"""`rectune ui`"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from rectune_dsl.cli.common import by_option, host_of, store_flag, store_option


@click.command("ui")
@store_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where to listen on 127.0.0.1; by default on any port that is free.",
)
@by_option
@click.option("--open/--no-open", "is_opening", default=False, help="Open the link in a browser, too.")
@click.pass_context
def command(ctx: click.Context, store: str, port: int, by: str, is_opening: bool) -> None:
    """Serve a console for this machine: runs as they go on, answers to what they ask, skills.

    Prints a link that lets one browser in. What is done there is on record as done by NAME. Ctrl-C stops it.
    """
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.extra import needed

    needed("the console", "altair", "jinja2", "starlette", "uvicorn", "vl_convert", extra="ui")
    from rectune_dsl.ui.desk import desk
    from rectune_dsl.ui.serve import serve
    from rectune_dsl.workflow.prepare import hub

    journal = Journal(store, create=False)
    made = desk(journal, hub(str(Path.cwd() / "task.toml")), partial(host_of, ctx), by, store_flag(store))
    try:
        serve(made, port, click.echo, is_opening=is_opening)
    except KeyboardInterrupt:
        click.echo("\nStopped. Runs go on without the console.")
