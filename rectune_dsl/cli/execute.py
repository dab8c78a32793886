"""What `run` and `resume` share: check, ask, execute with live progress, print the end."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rectune_dsl.cli import INTERRUPTED
from rectune_dsl.cli.approve import approver
from rectune_dsl.cli.common import host
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.console import console, print_problems
from rectune_dsl.report.live import LiveWatcher
from rectune_dsl.report.show import print_end
from rectune_dsl.report.view import read_run
from rectune_dsl.workflow.events import with_plugins
from rectune_dsl.workflow.preflight import preflight
from rectune_dsl.workflow.prepare import Choices, InvalidTaskError, Loaded, campaign, load
from rectune_dsl.workflow.traffic import power


def checked_task(ctx: click.Context, path: Path, choices: Choices) -> Loaded:
    """Load a task; print every problem and leave with exit code 2 when there is one."""
    if not path.is_file():
        raise UsageError(f"there is no task file {path}", help="give the path of a .toml file")
    try:
        return load(Source.read(path), host(ctx), choices)
    except InvalidTaskError as error:
        print_problems(console(stderr=True), error.problems, error.sources)
        raise


def preflight_or_stop(loaded: Loaded) -> None:
    """Print what the backend cannot do for this task; raise InvalidTaskError when that stops the campaign."""
    source = loaded.checked.source
    problems = preflight(loaded, power(loaded.task, loaded.backend))
    print_problems(console(stderr=True), problems, {source.path: source})
    if any(p.severity == "error" for p in problems):
        raise InvalidTaskError(problems, {source.path: source})


def execute(
    ctx: click.Context,
    run: str,
    loaded: Loaded,
    journal: Journal,
    plugins: Host,
    *,
    yes: bool,
    require_ship: bool,
) -> None:
    """Run the campaign to its end, or to Ctrl-C, and print where it stands."""
    out = console()
    live = LiveWatcher(out, loaded.task, run, loaded.backend.capabilities())
    watch = with_plugins(live, plugins, run, loaded.task.task.name)
    try:
        with live:
            verdict = campaign(run, loaded, journal, plugins, watch, approver(yes)).run()
    except KeyboardInterrupt:
        out.print(f"\nStopped. Nothing is lost: `rectune resume {run}` goes on.", style="yellow")
        sys.exit(INTERRUPTED)
    view = read_run(journal, run)
    if view is not None:
        print_end(out, loaded.task, view)
    if require_ship and verdict.decision != "ship":
        sys.exit(1)
