"""`rectune init`"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import click

from rectune_dsl.cli.common import host

TASK, SCHEMA = "task.toml", "task.schema.json"


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def command(ctx: click.Context, folder: Path) -> None:
    """Write a commented starter task, and the schema with which editors complete and check it.

    DIR is made where it is missing; by default it is the current folder. Nothing is overwritten.
    """
    from rectune_dsl.dsl.schema import to_json
    from rectune_dsl.workflow.environment import environment

    _write(folder, {TASK: starter(), SCHEMA: to_json(environment(host(ctx)))})
    task = folder / TASK
    click.echo(f"wrote {task} and {folder / SCHEMA}\n\nnext:")
    click.echo(f"  rectune check {task}    find what is wrong with it")
    click.echo(f"  rectune plan {task}     see what it would do, and what its traffic can show")
    click.echo(f"  rectune run {task}      run it, on simulated users")


def starter() -> str:
    """The starter task's text."""
    return resources.files("rectune_dsl.cli").joinpath("starter.toml").read_text(encoding="utf-8")


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write new files, all or none. Raises UsageError where one is there already."""
    from rectune_dsl.hooks.errors import UsageError

    if there := [name for name in texts if (folder / name).exists()]:
        raise UsageError(
            f"{folder / there[0]} is there already; nothing was written",
            help="name another folder, such as `rectune init my-task`, or move the file away",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
