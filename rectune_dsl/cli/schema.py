"""`rectune schema`"""

from __future__ import annotations

from pathlib import Path

import click

from rectune_dsl.cli.common import host


@click.command("schema")
@click.option(
    "--out",
    "-o",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to a file instead of printing it.",
)
@click.pass_context
def command(ctx: click.Context, out: Path | None) -> None:
    """Print the JSON Schema (draft-07) of task files, for completion and checks in editors.

    Names that the loaded plugins bring are in it. A task file finds it by its first line:
    #:schema ./task.schema.json
    """
    from rectune_dsl.dsl.schema import to_json
    from rectune_dsl.workflow.environment import environment

    text = to_json(environment(host(ctx)))
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"wrote {out}")
