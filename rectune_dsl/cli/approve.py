"""`rectune approve`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import by_option, store_option


@click.command("approve")
@click.argument("run")
@click.argument("step")
@store_option
@by_option
@click.option("--why", metavar="TEXT", default="", help="Why, for the journal.")
def command(run: str, step: str, store: str, by: str, why: str) -> None:
    """Say yes to what a run asks at a STEP, such as `round-1/approve`, `confirm` or `verdict`.

    `rectune status RUN` shows what it asks.
    """
    from rectune_dsl.cli.answering import answer

    answer(run, step, store, True, by, why)
