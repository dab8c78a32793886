"""A page as Markdown, for pull requests: tables and words; figures by their numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from rectune_dsl.report.pages.blocks import (
    Banner,
    Block,
    Code,
    Figure,
    Folded,
    Listing,
    Page,
    Prose,
    Titled,
)
from rectune_dsl.report.tables import Table
from rectune_dsl.skillhub.render import plain, printable

_SPECIAL = re.compile(r"([\\*_\[\]<>|#~$!@])")
"""What would be markup, a mention, or a table's border."""
_ROWS = 50
"""Rows of a table: a pull request is read, not searched."""
_LEFT_OUT = "What is left out here, for its length, `rectune report` without `--format md` shows."
MOST = 60_000
"""Characters of a page, about what a comment may have."""


def markdown(page: Page) -> str:
    """GitHub's flavour of it, without HTML but for what folds. Sections for which there is no room are
    shortened: those that come first, and short ones, have it."""
    head = [f"# {_text(page.title)}", *(_text(line) for line in page.about)]
    told = [[f"## {_text(section.title)}", *_parts(section.blocks)] for section in page.sections]
    room, long = MOST - _length(head), []
    for at, parts in enumerate(told):
        if _length(parts) < room:
            room -= _length(parts)
        else:
            long.append(at)
            room -= _length([parts[0], _LEFT_OUT])
    for at in long:
        told[at][1:] = _shortened(page.sections[at].blocks, told[at][1:], room)
        room -= _length(told[at][2:])
    return "\n\n".join([*head, *(part for parts in told for part in parts)]) + "\n"


def _length(parts: Iterable[str]) -> int:
    """Characters of parts with an empty line between them."""
    return sum(len(part) + 2 for part in parts)


def _parts(blocks: Sequence[Block]) -> Iterator[str]:
    """Each block of a section; what a paragraph says, no figure says again."""
    said = {block.text for block in blocks if isinstance(block, Prose)}
    for block in blocks:
        yield "\n\n".join(_block(block, 3, said))


def _shortened(blocks: Sequence[Block], parts: Sequence[str], room: int) -> list[str]:
    """The parts for which there is room, the last ones first, for they lead to the end; of what folds and is
    left out, the line that would open it."""
    lines = [f"- {_text(block.summary)}" if isinstance(block, Folded) else "" for block in blocks]
    room -= _length(lines)
    if room < 0:
        return [_LEFT_OUT]
    shown = dict(enumerate(lines))
    for at in reversed(range(len(parts))):
        if _length([parts[at]]) < room:
            shown[at] = parts[at]
            room -= _length([parts[at]])
    return [_LEFT_OUT, *filter(None, shown.values())]


def _blocks(blocks: Iterable[Block], level: int, said: Collection[str]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block, level, said)


def _block(block: Block, level: int, said: Collection[str]) -> Iterator[str]:
    match block:
        case Prose(text):
            yield _text(text)
        case Listing(items):
            yield "\n".join(f"- {_text(item)}" for item in items)
        case Banner(word, sentence):
            yield f"**{_text(word)}**: {_text(sentence)}"
        case Code(text):
            yield _fenced(printable(text))
        case Table():
            yield from _table(block)
        case Figure():
            if block.about not in said:
                yield _text(block.about)
            if block.numbers_of:
                yield _text(f"The numbers are those of {block.numbers_of}.")
            else:
                yield from _folded(block.table.title, _table(block.table))
        case Folded(summary, inner):
            yield from _folded(summary, _blocks(inner, level, said))
        case Titled(title, inner):
            yield f"{'#' * level} {_text(title)}"
            yield from _blocks(inner, level + 1, said)


def _folded(summary: str, inner: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{_text(summary)}</summary>"
    yield from inner
    yield "</details>"


def _table(table: Table) -> Iterator[str]:
    rows = [[_text(cell.text) for cell in row] for row in table.rows[:_ROWS]]
    heads = [_text(f"{column.name} {column.detail}".strip()) for column in table.columns]
    marks = ["---:" if column.is_number else "---" for column in table.columns]
    yield f"**{_text(table.title)}**"
    yield "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows))
    left = len(table.rows) - len(rows)
    notes = [table.note] if table.note else []
    notes += [f"{left:,} more rows are not shown."] if left else []
    if notes:
        yield _text(" ".join(notes))


def _text(text: str) -> str:
    """On one line, nothing in it markup but what stands between backticks."""
    parts = plain(text).split("`")
    if len(parts) % 2 == 0:
        return _SPECIAL.sub(r"\\\1", plain(text).replace("`", "'"))
    return "".join(
        f"`{part.replace('|', chr(92) + '|')}`" if at % 2 else _SPECIAL.sub(r"\\\1", part)
        for at, part in enumerate(parts)
    )


def _fenced(text: str) -> str:
    """In a fence that is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
