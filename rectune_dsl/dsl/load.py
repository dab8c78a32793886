"""Text to tree: what `tomllib` says, with its errors as diagnostics."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.positions import Extent, TooDeepError
from rectune_dsl.dsl.source import Position, Source

_PLACE = re.compile(r"(?s)(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")
_HELP = {
    "Invalid value": "a string needs quotes; numbers, true, false, [lists] and {tables} do not",
    "Invalid statement": "write key = value, [table] or # comment",
    "Cannot overwrite a value": "the key is there already: keep one",
    "Unbalanced": "close the bracket",
    "Expected newline or end of document after a statement": "one key = value per line",
    "Unclosed inline table": "an inline table { ... } stays on one line",
}


def load(source: Source) -> dict[str, Any] | Diagnostic:
    """The TOML tree of a source, or why there is none."""
    if source.undecodable is not None:
        place = source.position(Extent(source.undecodable, source.undecodable + 1))
        return _diagnostic(source, "RT001", "this is not UTF-8", "save the file as UTF-8", place)
    try:
        tree = tomllib.loads(source.text)
        _ = source.entries  # the scanner knows how deep the tree is
        return tree
    except TooDeepError as error:
        place = source.position(Extent(error.offset, error.offset + 1))
        return _diagnostic(source, "RT002", str(error), "nest less", place)
    except RecursionError:
        return _diagnostic(source, "RT002", "lists are nested too deeply", "nest less", Position(1, 1, 1))
    except ValueError as error:
        return _syntax(source, str(error))


def _syntax(source: Source, message: str) -> Diagnostic:
    match = _PLACE.fullmatch(message)
    what = match["what"] if match else message
    if match and match["line"]:
        line, column = int(match["line"]), int(match["column"])
    else:
        lines = source.text.rstrip().split("\n")
        line, column = len(lines), len(lines[-1]) + 1
    help = next((h for start, h in _HELP.items() if what.startswith(start)), "see https://toml.io/en/v1.0.0")
    return _diagnostic(source, "RT002", f"not TOML: {what}", help, Position(line, column, column + 1))


def _diagnostic(source: Source, code: str, message: str, help: str, place: Position) -> Diagnostic:
    return Diagnostic(code, message, help, source.path, place.line, place.column, place.end_column)
