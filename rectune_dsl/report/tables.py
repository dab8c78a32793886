"""Tables as readers see them, wherever they are shown: on a terminal, on a page, in a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "good", "bad", "doubtful", "dim", "strong"]
"""How a cell is set off. What it says never depends on its colour alone."""


@dataclass(frozen=True)
class Cell:
    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Column:
    """A heading, with a second line of `detail`; numbers are set to the right."""

    name: str
    detail: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns. The last row sums up the others where `has_total`; `note` is below."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    has_total: bool = False


def table(
    title: str,
    headings: Sequence[str | Column],
    rows: Iterable[Sequence[str | Cell]],
    *,
    numbers: Sequence[str] = (),
    note: str = "",
    has_total: bool = False,
) -> Table:
    """A table of plain texts, cells, or both; columns named in `numbers` are set to the right."""
    columns = (h if isinstance(h, Column) else Column(h, is_number=h in numbers) for h in headings)
    cells = (tuple(c if isinstance(c, Cell) else Cell(c) for c in row) for row in rows)
    return Table(title, tuple(columns), tuple(cells), note, has_total)


def first_rows(whole: Table, most: int, rest: str) -> Table:
    """The table with `most` rows at most; what is left out is counted, and `rest` says where it is."""
    if len(whole.rows) <= most:
        return whole
    note = f"The first {most:,} of {len(whole.rows):,} rows; {rest}."
    return Table(whole.title, whole.columns, whole.rows[:most], f"{whole.note} {note}".strip())
