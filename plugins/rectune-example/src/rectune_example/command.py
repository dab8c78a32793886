"""`rectune post`"""

from __future__ import annotations

import click


@click.command("post")
@click.argument("text")
def command(text: str) -> None:
    """Post TEXT to the address in RECTUNE_WEBHOOK, as campaigns post what happens."""
    from rectune_dsl.hooks.api import PluginError, UsageError
    from rectune_example.webhook import ADDRESS, post

    try:
        if not post(text):
            raise UsageError(f"{ADDRESS} is not set", help="set it to the address that takes what is posted")
    except OSError as error:  # its words may have the address in them, which is a secret
        raise PluginError(
            f"the address in {ADDRESS} does not take it: {type(error).__name__}", help="check the address"
        ) from None
    click.echo("posted")
