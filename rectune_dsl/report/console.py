"""The console that everything is printed on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as Printed
from rich.text import Text

from rectune_dsl.report.tables import Table, Tone
from rectune_dsl.skillhub.render import printable

WIDE = 200
"""Columns for output that is no terminal, so that tables in logs are not folded."""
_ANY_WIDTH = 10_000
_PARTS = re.compile("_(?=[^_])")
"""Where the parts of a name meet."""


STYLES: Mapping[Tone, str] = {
    "": "",
    "good": "green",
    "bad": "red",
    "doubtful": "yellow",
    "dim": "dim",
    "strong": "bold",
}


class PatientConsole(Console):
    """A reader that goes away (`| head`) does not end a campaign: the rest is printed to nobody.

    What agents, models and platforms wrote cannot move the cursor, or turn text around: characters that a
    terminal obeys are shown as U+FFFD.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*map(_visible, objects), **options)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(stderr: bool = False) -> Console:
    """For people: text is taken as it is, never as markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else int(os.environ.get("COLUMNS") or WIDE)
    return PatientConsole(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def plain_table(title: str = "", *headings: str, numbers: tuple[str, ...] = ()) -> Printed:
    """A table without frame; columns named in `numbers` are set to the right."""
    table = Printed(
        title=title or None, title_justify="left", title_style="italic", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return table


def print_table(out: Console, shown: Table) -> None:
    """A table with its note; nothing where it has no columns. Where there is little room, names in headings
    go on below each of their underscores, and not wherever a line ends."""
    if not shown.columns:
        return
    printed = _printed(shown, str)
    if out.measure(printed, options=out.options.update(max_width=_ANY_WIDTH)).maximum > out.width:
        printed = _printed(shown, lambda name: _PARTS.sub("_\n", name))
    out.print(printed)
    if shown.note:
        out.print(Text(shown.note, "dim"))


def _printed(shown: Table, in_lines: Callable[[str], str]) -> Printed:
    printed = plain_table(shown.title)
    for column in shown.columns:
        lines = (printable(line) for line in (in_lines(column.name), column.detail) if line)
        heading = Text("\n".join(lines))
        printed.add_column(heading, justify="right" if column.is_number else "left", overflow="fold")
    for number, row in enumerate(shown.rows, 1):
        if shown.has_total and number == len(shown.rows):
            printed.add_section()
        printed.add_row(*(Text(printable(cell.text), STYLES[cell.tone]) for cell in row))
    return printed


def outcome_style(state: str) -> str:
    """Of a verdict, or of where a run stands."""
    return {"ship": "bold green", "hold": "bold yellow"}.get(state, "bold")


def _visible(shown: Any) -> Any:
    """Texts, character by character, so that styles stay in their places; tables see to their cells."""
    if isinstance(shown, str):
        return printable(shown)
    if isinstance(shown, Text):
        shown = shown.copy()
        shown.plain = printable(shown.plain)
    return shown
