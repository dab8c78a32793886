"""A problem of a task file: where it is, what is wrong, what to write instead, and the edit for it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

MOST_SHOWN = 160
"""Characters of a source line that are shown; of a longer one, those around the place."""
_BEFORE = 60
_CUT = "..."


@dataclass(frozen=True)
class Edit:
    """Characters [start, end) of a file's text, counted from 0 behind a byte order mark, become `text`."""

    path: str
    start: int
    end: int
    text: str


Fix = tuple[Edit, ...]
"""Edits that mend one problem together; they do not overlap."""


@dataclass(frozen=True)
class Diagnostic:
    """`line` and `column` count characters from 1; `end_column` is one past the last one marked. There is a
    `fix` where the help names one definite replacement, and none where the author has to decide."""

    code: str
    message: str
    help: str
    path: str
    line: int
    column: int
    end_column: int
    severity: Severity = "error"
    fix: Fix | None = None


def render(diagnostic: Diagnostic, source_line: str | None = None) -> str:
    """The problem as plain text: place and message, the source line with the place marked, the help."""
    d = diagnostic
    warning = "warning: " if d.severity == "warning" else ""
    lines = [f"{d.path}:{d.line}:{d.column}: {d.code} {warning}{d.message}"]
    if source_line is not None and source_line.strip():
        shown, start, end = _excerpt(source_line, d.column - 1, max(d.end_column - 1, d.column))
        lines += [f"    {shown}", f"    {_carets(shown, start, end)}"]
    if d.help:
        lines.append(f"    help: {d.help}")
    return "\n".join(_harmless(line) for line in lines)


def _excerpt(line: str, start: int, end: int) -> tuple[str, int, int]:
    """A line, or the part of a long one around characters [start, end), and where these stand in it."""
    if len(line) <= MOST_SHOWN:
        return line, start, end
    first = max(0, min(start - _BEFORE, len(line) - MOST_SHOWN))
    last = min(len(line), first + MOST_SHOWN)
    before, behind = _CUT if first else "", _CUT if last < len(line) else ""
    moved = len(before) - first
    return before + line[first:last] + behind, start + moved, min(end, last) + moved


def _carets(source_line: str, start: int, end: int) -> str:
    # a tab stays a tab, so that the carets stand below the text however wide a tab is
    indent = "".join("\t" if sign == "\t" else " " * _cells(sign) for sign in source_line[:start])
    past_the_end = " " * max(0, start - len(source_line))
    marked = sum(map(_cells, source_line[start:end]))
    return indent + past_the_end + "^" * max(1, marked)


def _cells(sign: str) -> int:
    """Cells of a terminal that a character takes."""
    if unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _harmless(line: str) -> str:
    """Text without what a terminal would obey."""
    is_command = {sign for sign in line if unicodedata.category(sign) == "Cc" and sign != "\t"}
    return "".join("\N{REPLACEMENT CHARACTER}" if sign in is_command else sign for sign in line)
