"""`rectune new`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rectune_dsl.cli.common import host
from rectune_dsl.plugins.scaffold import KINDS, Kind, Scaffold

if TYPE_CHECKING:
    from rectune_dsl.plugins.host import Host


@click.group("new")
def command() -> None:
    """Write something new to start from."""


@command.command("plugin")
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(KINDS), default="backend", show_default=True, help="What the plugin brings."
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where it is written; by default the folder rectune-NAME.",
)
@click.pass_context
def plugin(ctx: click.Context, name: str, kind: Kind, output: Path | None) -> None:
    """Write a package for a plugin that works as it is, with its tests and the contract that it keeps.

    NAME is what tasks will call it, or what it will be called as. Nothing is overwritten.
    """
    scaffold = Scaffold.of(name, kind)
    if kind == "function":
        _refuse_names_of_the_language(scaffold)
    if kind == "command":
        _refuse_verbs(scaffold)
    else:
        _refuse_what_is_registered(scaffold, host(ctx))
    folder = output or Path(scaffold.distribution)
    for path in scaffold.write(folder):
        click.echo(f"wrote {path}")
    click.echo("\nnext:")
    click.echo(f"  cd {folder}")
    click.echo("  pip install -e '.[test]'")
    click.echo("  ./ci.sh                            run its checks and tests")
    click.echo(f"  rectune plugins --why {scaffold.distribution}    see that it is found")


def _refuse_names_of_the_language(scaffold: Scaffold) -> None:
    from rectune_dsl.dsl.formula.functions import FUNCTIONS
    from rectune_dsl.hooks.errors import UsageError

    if scaffold.identifier in FUNCTIONS:
        raise UsageError(
            f"formulas have a function `{scaffold.identifier}` already", help="choose another name"
        )


def _refuse_verbs(scaffold: Scaffold) -> None:
    from rectune_dsl.cli import VERBS
    from rectune_dsl.hooks.errors import UsageError
    from rectune_dsl.plugins.commands import commands

    owners = {command.name: f", from {command.distribution}" for command in commands()}
    owners |= dict.fromkeys(VERBS, "")
    if (owner := owners.get(scaffold.name)) is not None:
        raise UsageError(f"`rectune {scaffold.name}` is there already{owner}", help="choose another name")


def _refuse_what_is_registered(scaffold: Scaffold, plugins: Host) -> None:
    """Of two plugins that bring one name only the first would load."""
    from rectune_dsl.hooks.errors import UsageError

    key = {"agent": f"actor/{scaffold.name}", "function": scaffold.identifier}.get(
        scaffold.kind, scaffold.name
    )
    for other in plugins.registered():
        if (other.kind, other.name) == (scaffold.kind, key):
            raise UsageError(
                f"{other.kind} {key!r} is registered by {other.plugin}", help="choose another name"
            )
    for loaded in plugins.plugins:
        if loaded.name == scaffold.name:
            raise UsageError(
                f"there is a plugin {loaded.name!r} already, {loaded.origin}", help="choose another name"
            )
