"""`rectune reject`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import by_option, store_option, why_option


@click.command("reject")
@click.argument("run")
@click.argument("step")
@store_option
@by_option
@why_option("Why, for the journal and for who proposed it.")
def command(run: str, step: str, store: str, by: str, why: str) -> None:
    """Say no to what a run asks at a STEP: its arms are not launched, or its config is not delivered.

    The run goes on with its next step. `rectune abort RUN` ends it.
    """
    from rectune_dsl.cli.answering import answer

    answer(run, step, store, False, by, why)
