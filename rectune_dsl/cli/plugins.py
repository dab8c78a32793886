"""`rectune plugins`"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from rectune_dsl.cli import VERBS
from rectune_dsl.cli.common import host
from rectune_dsl.cli.outputs import json_option
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.hooks.version import API_VERSION
from rectune_dsl.plugins.commands import Command, commands

if TYPE_CHECKING:
    from rectune_dsl.plugins.host import Host, Plugin


@click.command("plugins")
@click.option("--hooks", is_flag=True, help="Also list every hook a plugin can implement, and who does.")
@click.option("--why", metavar="NAME", help="Tell all of one plugin: whence, what it brings, why it failed.")
@json_option
@click.pass_context
def command(ctx: click.Context, hooks: bool, why: str | None, as_json: bool) -> None:
    """List what is loaded, from where, which version, and what it registered."""
    if why is not None:
        _tell(host(ctx), why)
        return
    if as_json:
        click.echo(json.dumps(_tree(host(ctx)), indent=2, ensure_ascii=False))
        return
    _list(host(ctx))
    if hooks:
        _list_hooks(host(ctx))


def _list(loaded: Host) -> None:
    from rich.text import Text

    from rectune_dsl.report.console import console, plain_table

    table = plain_table("", "plugin", "version", "from", "brings")
    for plugin in loaded.plugins:
        brings = ", ".join(_brings(loaded, plugin))
        state = Text(f"failed: {plugin.failure}", "red") if plugin.failure else Text(brings or "events only")
        table.add_row(plugin.name, plugin.version or "-", plugin.origin, state)
    for added in commands():
        table.add_row(added.distribution, added.version, added.target, Text(_command(added)))
    console().print(table)


def _tree(loaded: Host) -> dict[str, object]:
    """All of it, for scripts."""
    plugins = [{**_fields(plugin), "brings": _brings(loaded, plugin)} for plugin in loaded.plugins]
    return {"api": API_VERSION, "plugins": plugins, "commands": [command._asdict() for command in commands()]}


def _fields(plugin: Plugin) -> dict[str, object]:
    """Without the traceback, which --why prints. What a plugin calls its version may be anything."""
    kept = {name: value for name, value in asdict(plugin).items() if name != "traceback"}
    return kept | {"api": plugin.api if isinstance(plugin.api, int) else str(plugin.api)}


def _list_hooks(loaded: Host) -> None:
    from rich.text import Text

    from rectune_dsl.report.console import console, plain_table

    listing = plain_table("", "hook", "what it is for", "implemented by")
    for name, about in loaded.hooks():
        users = ", ".join(p.name for p in loaded.plugins if name in p.hooks)
        listing.add_row(name, Text(about), users or "-")
    console().print(listing)


def _tell(loaded: Host, name: str) -> None:
    """All that is known of what has a name: a plugin, a command, or the distribution that brought them.
    Raises UsageError when nothing has it."""
    found = loaded.plugins_named(name)
    owners = {name, *(plugin.distribution for plugin in found)}
    added = [c for c in commands() if c.name == name or c.distribution in owners]
    if not found and not added:
        known = {n for p in loaded.plugins for n in (p.name, p.distribution) if n}
        known |= {n for c in commands() for n in (c.name, c.distribution)}
        raise UsageError(f"there is no plugin {name!r}", help=did_you_mean(name, known))
    for plugin in found:
        for line in _of_plugin(loaded, plugin):
            click.echo(line)
    for command in added:
        click.echo(f"{_command(command)}: {command.distribution} {command.version}, {command.target}")
    for plugin in found:
        if plugin.traceback:
            click.echo(f"\n{plugin.traceback.rstrip()}")


def _of_plugin(loaded: Host, plugin: Plugin) -> Iterator[str]:
    source = f"{plugin.distribution} {plugin.version}" if plugin.distribution else "a file"
    yield f"plugin: {plugin}"
    yield f"from: {source}, {plugin.origin}"
    yield f"hooks of version: {plugin.api} (this rectune has {API_VERSION})"
    if plugin.failure:
        yield f"not loaded: {plugin.failure.splitlines()[-1]}"
        return
    yield f"brings: {', '.join(_brings(loaded, plugin)) or 'nothing but events'}"
    yield f"implements: {', '.join(plugin.hooks) or 'no hook'}"
    if not plugin.distribution:
        yield "commands: none; a file brings none, a package does: `rectune new plugin NAME --kind command`"


def _brings(loaded: Host, plugin: Plugin) -> list[str]:
    return [f"{r.kind} {r.name}" for r in loaded.registered() if r.plugin == plugin.name]


def _command(added: Command) -> str:
    """The command, and why it cannot be called where that is so."""
    others = [c.distribution for c in commands() if c.name == added.name and c != added]
    if added.name in VERBS:
        return f"command {added.name} (hidden by the verb of that name)"
    clash = f" (cannot be called: {' and '.join(others)} brings one too)" if others else ""
    return f"command {added.name}{clash}"
