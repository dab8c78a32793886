"""What `run` and `resume` share: check, ask, execute with live progress, print the end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from rectune_dsl.cli import INTERRUPTED
from rectune_dsl.cli.answering import approver, is_somebody_here
from rectune_dsl.cli.common import host, store_flag, warn
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import UsageError, Verdict
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Lease
from rectune_dsl.memory.store import StoreError
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.console import console
from rectune_dsl.report.end import print_end
from rectune_dsl.report.live import LiveWatcher, QuietWatcher
from rectune_dsl.report.problems import print_problems
from rectune_dsl.report.progress import working
from rectune_dsl.report.standing import waiting_words
from rectune_dsl.report.view import read_run
from rectune_dsl.workflow.abort import undo_again
from rectune_dsl.workflow.approval import Approver
from rectune_dsl.workflow.assemble import campaign, was_aborted
from rectune_dsl.workflow.choices import Choices, refuse_unknown
from rectune_dsl.workflow.events import with_plugins
from rectune_dsl.workflow.journaled import Abort
from rectune_dsl.workflow.pause import Waiting
from rectune_dsl.workflow.preflight import model_preflight, preflight
from rectune_dsl.workflow.prepare import InvalidTaskError, Loaded, is_new, load
from rectune_dsl.workflow.providers import Providers
from rectune_dsl.workflow.surface import next_confirmation, outdated, superseded
from rectune_dsl.workflow.traffic import power
from rectune_dsl.workflow.watch import Watcher, silent

PREFLIGHT = "measuring production, and what the traffic can show"


def checked_task(ctx: click.Context, path: Path, choices: Choices) -> Loaded:
    """Load a task. Raises InvalidTaskError with every problem, and UsageError where there is no such file,
    agent or backend."""
    if not path.is_file():
        raise UsageError(f"there is no task file {path}", help="give the path of a .toml file")
    refuse_unknown(choices, host(ctx))
    return load(Source.read(path), host(ctx), choices)


def preflight_or_stop(loaded: Loaded, journal: Journal, plugins: Host, quiet: bool) -> None:
    """Print what speaks against the campaign; raise when that stops it, before any traffic is used."""
    with working(PREFLIGHT, quiet):
        found = power(loaded.task, loaded.backend, next_confirmation(loaded.task, journal))
    asking = model_preflight(loaded, Providers(loaded.task, loaded.folder, plugins))
    problems = (*loaded.checked.problems, *preflight(loaded, found), *asking)
    if any(p.severity == "error" for p in problems):
        raise InvalidTaskError(problems, loaded.checked.sources)
    print_problems(problems, loaded.checked.sources, stderr=True)
    if why := outdated(loaded.task, journal):
        warn(why)


@dataclass(frozen=True)
class How:
    """What the command line says about an execution. One that does not `stay` ends when it has to wait; of a
    `quiet` one a line is printed."""

    store: str
    yes: bool
    require_ship: bool
    stay: bool
    quiet: bool


def execute(run: str, loaded: Loaded, journal: Journal, plugins: Host, how: How) -> None:
    """Run the campaign to its end, to where it has to wait, or to Ctrl-C, and print where it stands."""
    out, flag = console(), store_flag(how.store)
    live: LiveWatcher | QuietWatcher
    if how.quiet:
        stays = how.stay and not how.yes
        live = QuietWatcher(out, loaded.task, run, flag, stays=stays, answers=is_somebody_here())
    else:
        live = LiveWatcher(out, loaded.task, run, loaded.backend.capabilities(), flag, how.stay)
    answers = approver(how.yes, before_asking=live.pause) if how.stay or how.yes else None
    try:
        with live:
            advance(run, loaded, journal, plugins, watch=live, approver=answers, stay=how.stay)
    except (KeyboardInterrupt, click.Abort):
        out.print(f"\nStopped. Nothing is lost: `rectune resume {run}{flag}` goes on.", style="yellow")
        sys.exit(INTERRUPTED)
    except Waiting as waiting:
        words = waiting_words(run, waiting.wait, flag)
        out.print(f"run {run} waits for {words}.", highlight=False, soft_wrap=True)
        return  # nothing is decided: no more of a failure than a run that goes on
    tell_end(run, loaded.task, journal, how)


def tell_end(run: str, task: Task, journal: Journal, how: How) -> None:
    """Print the end of a run that has a verdict; exit with 1 where that is not the one that is required."""
    view = read_run(journal, run)
    assert view is not None
    assert view.verdict is not None
    if how.quiet:
        console().print(f"{run}: {view.verdict.decision}")
    else:
        print_end(console(), task, view, store_flag(how.store))
    if how.require_ship and (view.verdict.decision != "ship" or view.shipped == "refused"):
        sys.exit(1)


def advance(
    run: str,
    loaded: Loaded,
    journal: Journal,
    plugins: Host,
    *,
    watch: Watcher = silent,
    approver: Approver | None = None,
    stay: bool = False,
) -> Verdict:
    """Go on with a run, as its only writer. Raises Waiting where it does not `stay` and has to wait, and
    UsageError when another process works on the run, has taken it over or has aborted it."""
    told = with_plugins(watch, plugins, run, loaded.task.task.name, new=is_new(journal, run))
    with Lease(journal.store, run) as lease:
        made = campaign(run, loaded, journal, plugins, watch=told, approver=approver, lease=lease, stay=stay)
        try:
            return made.run()
        except BaseException as error:  # also when a call fails that began before an abort
            if (order := _undone(run, loaded, journal)) is not None:
                raise was_aborted(run, order) from error
            raise


def _undone(run: str, loaded: Loaded, journal: Journal) -> Abort | None:
    """The abort that ended this process's work, once that is undone; None where there is none, as far as the
    store tells."""
    try:
        return undo_again(journal, run, loaded.backend, partial(superseded, journal, run))
    except StoreError:
        return None
