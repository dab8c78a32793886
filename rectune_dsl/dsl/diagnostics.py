"""A problem of a task file: where it is, what is wrong, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Diagnostic:
    """`line` and `column` count characters from 1; `end_column` is one past the last one marked."""

    code: str
    message: str
    help: str
    path: str
    line: int
    column: int
    end_column: int
    severity: Severity = "error"


def render(diagnostic: Diagnostic, source_line: str | None = None) -> str:
    """The problem as plain text: place and message, the source line with the place marked, the help."""
    d = diagnostic
    warning = "warning: " if d.severity == "warning" else ""
    lines = [f"{d.path}:{d.line}:{d.column}: {d.code} {warning}{d.message}"]
    if source_line is not None and source_line.strip():
        lines += [f"    {source_line}", f"    {_carets(source_line, d)}"]
    if d.help:
        lines.append(f"    help: {d.help}")
    return "\n".join(lines)


def _carets(source_line: str, diagnostic: Diagnostic) -> str:
    before = source_line[: diagnostic.column - 1].ljust(diagnostic.column - 1)
    # a tab stays a tab, so that the carets stand below the text however wide a tab is
    indent = "".join("\t" if sign == "\t" else " " for sign in before)
    return indent + "^" * max(1, diagnostic.end_column - diagnostic.column)
