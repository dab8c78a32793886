"""What `run` and `resume` share: check, ask, execute with live progress, print the end."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rectune_dsl.cli import INTERRUPTED
from rectune_dsl.cli.approve import approver
from rectune_dsl.cli.common import host, store_flag, warn
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.console import console
from rectune_dsl.report.live import LiveWatcher
from rectune_dsl.report.problems import print_problems
from rectune_dsl.report.show import print_end
from rectune_dsl.report.view import read_run
from rectune_dsl.workflow.approval import Unattended
from rectune_dsl.workflow.events import with_plugins
from rectune_dsl.workflow.preflight import preflight
from rectune_dsl.workflow.prepare import Choices, InvalidTaskError, Loaded, campaign, load
from rectune_dsl.workflow.surface import next_confirmation, outdated
from rectune_dsl.workflow.traffic import power


def checked_task(ctx: click.Context, path: Path, choices: Choices) -> Loaded:
    """Load a task. Raises InvalidTaskError with every problem."""
    if not path.is_file():
        raise UsageError(f"there is no task file {path}", help="give the path of a .toml file")
    return load(Source.read(path), host(ctx), choices)


def preflight_or_stop(loaded: Loaded, journal: Journal, *, yes: bool) -> None:
    """Print what speaks against the campaign; raise when that stops it, before any traffic is used."""
    found = power(loaded.task, loaded.backend, next_confirmation(loaded.task, journal))
    problems = (*loaded.checked.problems, *preflight(loaded, found))
    if any(p.severity == "error" for p in problems):
        raise InvalidTaskError(problems, loaded.checked.sources)
    print_problems(problems, loaded.checked.sources, stderr=True)
    if why := outdated(loaded.task, journal):
        warn(why)
    if loaded.backend.capabilities().real_traffic and isinstance(approver(yes), Unattended):
        raise UsageError(
            "this backend serves real traffic, and nobody is here to approve its use",
            help="run it in a terminal, or with --yes to launch and ship without asking",
        )


def execute(
    run: str,
    loaded: Loaded,
    journal: Journal,
    plugins: Host,
    *,
    store: str,
    yes: bool,
    require_ship: bool,
) -> None:
    """Run the campaign to its end, or to Ctrl-C, and print where it stands."""
    out = console()
    live = LiveWatcher(out, loaded.task, run, loaded.backend.capabilities())
    watch = with_plugins(live, plugins, run, loaded.task.task.name)
    try:
        with live:
            answers = approver(yes, before_asking=live.pause)
            verdict = campaign(run, loaded, journal, plugins, watch, answers).run()
    except (KeyboardInterrupt, click.Abort):
        out.print(
            f"\nStopped. Nothing is lost: `rectune resume {run}{store_flag(store)}` goes on.", style="yellow"
        )
        sys.exit(INTERRUPTED)
    view = read_run(journal, run)
    if view is not None:
        print_end(out, loaded.task, view, store_flag(store))
    if require_ship and verdict.decision != "ship":
        sys.exit(1)
