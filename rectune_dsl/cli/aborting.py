"""What aborting a run, and finishing that later, take."""

from __future__ import annotations

from functools import partial

import click

from rectune_dsl.cli.common import host_of, warn
from rectune_dsl.hooks.api import ABBackend
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import PATIENCE_SECONDS
from rectune_dsl.memory.process import Process
from rectune_dsl.workflow.abort import Kept
from rectune_dsl.workflow.prepare import header_of, reach
from rectune_dsl.workflow.surface import superseded


def reached(ctx: click.Context, journal: Journal, run: str) -> tuple[ABBackend, Kept]:
    """The backend of a run, whatever is wrong with its task by now; and whether what it shipped stays."""
    plugins = host_of(ctx, header_of(journal, run))
    return reach(journal, run, plugins, warn), partial(superseded, journal, run)


def at_work(overtaken: Process) -> None:
    warn(
        f"traffic is stopped; {overtaken.holder} was at work: what it was in the middle of is undone when it "
        f"has gone, or in {PATIENCE_SECONDS:.0f} seconds"
    )
