"""`rectune plugins`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import host


@click.command("plugins")
@click.option("--hooks", is_flag=True, help="Also list every hook a plugin can implement, and who does.")
@click.pass_context
def command(ctx: click.Context, hooks: bool) -> None:
    """List what is loaded, from where, which version, and what it registered."""
    from rich.text import Text

    from rectune_dsl.report.console import console, plain_table

    loaded = host(ctx)
    out = console()
    table = plain_table("", "plugin", "version", "from", "brings")
    for plugin in loaded.plugins:
        brings = ", ".join(f"{r.kind} {r.name}" for r in loaded.registered() if r.plugin == plugin.name)
        state = Text(f"failed: {plugin.failure}", "red") if plugin.failure else Text(brings or "events only")
        table.add_row(plugin.name, plugin.version or "-", plugin.origin, state)
    out.print(table)
    if not hooks:
        return
    listing = plain_table("", "hook", "what it is for", "implemented by")
    for name, about in loaded.hooks():
        users = ", ".join(p.name for p in loaded.plugins if name in p.hooks)
        listing.add_row(name, Text(about), users or "-")
    out.print(listing)
