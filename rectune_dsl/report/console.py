"""The console that everything is printed on."""

from __future__ import annotations

import os
import sys

from rich import box
from rich.console import Console
from rich.table import Table

WIDE = 200
"""Columns for output that is no terminal, so that tables in logs are not folded."""


class PatientConsole(Console):
    """A reader that goes away (`| head`) does not end a campaign: the rest is printed to nobody."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console(stderr: bool = False) -> Console:
    """For people: text is taken as it is, never as markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else int(os.environ.get("COLUMNS") or WIDE)
    return PatientConsole(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def plain_table(title: str = "", *headings: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table without frame; columns named in `numbers` are set to the right."""
    table = Table(
        title=title or None, title_justify="left", title_style="italic", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return table


def outcome_style(decision: str) -> str:
    return {"ship": "bold green", "hold": "bold yellow"}.get(decision, "bold")
