"""The parts that pages are made of. None of them knows how it will look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rectune_dsl.report.tables import Table, Tone

Row = Mapping[str, str | float | bool | None]
"""One datum of a chart."""


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Listing:
    items: tuple[str, ...]


@dataclass(frozen=True)
class Banner:
    """The answer, in a word, and a sentence."""

    word: str
    sentence: str
    tone: Tone


@dataclass(frozen=True)
class Code:
    """Text to be taken as it is: a command, a file."""

    text: str


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure: `drawing` names what is drawn (see `report.charts`), of which `rows` and with
    which `options`."""

    title: str
    drawing: str
    rows: tuple[Row, ...]
    options: Row = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """Panels side by side. `name` is unique on its page; `about` says what is to be seen, for those who do
    not see it; `key` what marks stand for; `table` has the same numbers, which are those of another section
    where `numbers_of` names it."""

    name: str
    title: str
    about: str
    panels: tuple[Panel, ...]
    table: Table
    key: str = ""
    note: str = ""
    numbers_of: str = ""


@dataclass(frozen=True)
class Folded:
    """Blocks behind a line that opens them. Paper shows what is open."""

    summary: str
    blocks: tuple[Block, ...]
    is_open: bool = False


@dataclass(frozen=True)
class Titled:
    """Blocks under a heading of their own."""

    title: str
    blocks: tuple[Block, ...]


Block = Prose | Listing | Banner | Code | Table | Figure | Folded | Titled


@dataclass(frozen=True)
class Section:
    """`name` is what links to it call it."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """`about` are the few words below the title."""

    title: str
    about: tuple[str, ...]
    sections: tuple[Section, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Every figure, in the order of the page."""
        return tuple(f for section in self.sections for block in section.blocks for f in _figures(block))


def _figures(block: Block) -> tuple[Figure, ...]:
    if isinstance(block, Folded | Titled):
        return tuple(figure for inner in block.blocks for figure in _figures(inner))
    return (block,) if isinstance(block, Figure) else ()
