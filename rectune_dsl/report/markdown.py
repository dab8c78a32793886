"""A page as Markdown, for pull requests: tables and words; figures by their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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
_TOO_LONG = "Too long for this page: `rectune report` without `--format md` shows it."
MOST = 60_000
"""Characters of a page, about what a comment may have."""


def markdown(page: Page) -> str:
    """GitHub's flavour of it, without HTML but for what folds. Sections for which there is no room are named:
    those that come first, and short ones, have it."""
    parts = ["\n\n".join([f"# {_text(page.title)}", *(_text(line) for line in page.about)])]
    for section in page.sections:
        title, told = f"## {_text(section.title)}", "\n\n".join(_blocks(section.blocks, 3))
        room = MOST - sum(map(len, parts))
        parts.append(f"{title}\n\n{told if len(told) < room else _TOO_LONG}")
    return "\n\n".join(parts) + "\n"


def _blocks(blocks: Iterable[Block], level: int) -> Iterator[str]:
    for block in blocks:
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
                yield _text(block.about)
                yield from _folded(block.table.title, _table(block.table))
            case Folded(summary, inner):
                yield from _folded(summary, _blocks(inner, level))
            case Titled(title, inner):
                yield f"{'#' * level} {_text(title)}"
                yield from _blocks(inner, level + 1)


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
