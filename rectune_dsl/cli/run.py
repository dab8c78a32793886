"""`rectune run`"""

from __future__ import annotations

from pathlib import Path

import click

from rectune_dsl.cli.common import (
    agent_option,
    backend_option,
    executing_options,
    host,
    plugin_files,
    store_option,
    task_argument,
)
from rectune_dsl.cli.values import SEED


@click.command("run")
@task_argument
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Keys every random choice of the campaign."
)
@store_option
@agent_option
@backend_option
@executing_options
@click.pass_context
def command(
    ctx: click.Context,
    task: Path,
    seed: int,
    store: str,
    agents: dict[str, str],
    backend: str,
    yes: bool,
    require_ship: bool,
    until: str,
    quiet: bool,
) -> None:
    """Run a task's campaign: rounds of A/B tests, then a recommendation and its confirmation.

    Ctrl-C stops it cleanly; `rectune resume` goes on. Where the task asks for approval, and nobody is at the
    terminal, it waits for `rectune approve` or `reject`.
    """
    from rectune_dsl.cli.execute import How, checked_task, execute, preflight_or_stop
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.workflow.brought import brought
    from rectune_dsl.workflow.choices import Choices
    from rectune_dsl.workflow.prepare import begin

    choices = Choices(seed, agents, backend, plugin_files(ctx))
    loaded = checked_task(ctx, task, choices)
    journal = Journal(store)
    preflight_or_stop(loaded, journal, host(ctx), quiet)
    run = begin(loaded, choices, journal, brought(loaded.task, host(ctx)))
    how = How(store, yes, require_ship, stay=until == "end", quiet=quiet)
    execute(run, loaded, journal, host(ctx), how)
