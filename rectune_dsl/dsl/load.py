"""Text to tree: what `tomllib` says, with its errors as diagnostics."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from rectune_dsl.dsl.diagnostics import Diagnostic, Edit, Fix
from rectune_dsl.dsl.positions import MAX_DEPTH, Extent, KeyPath, TooDeepError
from rectune_dsl.dsl.source import MAX_BYTES, MAX_KEYS, Position, Source

_PART = r"""(?>[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP = re.compile(rf"(?m)^[ \t]*+\[{{0,2}}+[ \t]*+{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_DEPTH},}}+")
"""A key of more parts than tables may be deep."""


def load(source: Source) -> dict[str, Any] | Diagnostic:
    """The TOML tree of a source, or why there is none."""
    if source.too_long:
        message = f"the file has more than {MAX_BYTES:,} bytes"
        return _diagnostic(source, "RT005", message, "is this the file you meant?", Position(1, 1, 1))
    if source.undecodable is not None:
        place = source.position(Extent(source.undecodable, source.undecodable + 1))
        return _diagnostic(source, "RT001", "this is not UTF-8", "save the file as UTF-8", place)
    try:
        return _tree(source)
    except TooDeepError as error:
        place = source.position(Extent(error.offset, error.offset + 1))
        return _diagnostic(source, "RT002", str(error), "nest less", place)
    except RecursionError:
        return _diagnostic(source, "RT002", "lists are nested too deeply", "nest less", Position(1, 1, 1))


def _tree(source: Source) -> dict[str, Any] | Diagnostic:
    """Raises TooDeepError and RecursionError."""
    if (deep := _DEEP.search(source.text)) is not None:  # whose every key takes long to read
        raise TooDeepError(deep.start())
    try:
        tree = tomllib.loads(source.text)
    except ValueError:
        return _syntax(source)
    if len(source.entries) > MAX_KEYS:  # the scanner knows how deep the tree is, too
        message = f"the file has more than {MAX_KEYS:,} keys and elements of lists"
        return _diagnostic(source, "RT005", message, "is this the file you meant?", Position(1, 1, 1))
    path = _too_large(tree)
    if path is not None:
        place = source.locate(path)
        return _diagnostic(
            source, "RT002", "not TOML: a whole number has 64 bits", "write a smaller one", place
        )
    return tree


def _too_large(tree: dict[str, Any]) -> KeyPath | None:
    """The first whole number that no other reader of TOML could hold."""
    stack: list[tuple[KeyPath, Any]] = [((), tree)]
    while stack:
        path, value = stack.pop()
        match value:
            case dict():
                stack.extend(((*path, key), below) for key, below in reversed(value.items()))
            case list():
                stack.extend(((*path, i), below) for i, below in reversed(list(enumerate(value))))
            case int() if not -(2**63) <= value < 2**63:
                return path
    return None


def _syntax(source: Source) -> Diagnostic:
    from rectune_dsl.dsl.slips import slip, trip  # which most files have no need of

    found = trip(source.text)
    if found is None:
        raise AssertionError("the text was refused before")
    wrong = slip(found)
    newline = "\r\n" if "\r\n" in source.text else "\n"
    fix = tuple(Edit(source.path, a, b, text.replace("\n", newline)) for a, b, text in wrong.edits) or None
    place = source.position(wrong.extent)
    return _diagnostic(source, "RT002", wrong.message, wrong.help, place, fix)


def _diagnostic(
    source: Source, code: str, message: str, help: str, place: Position, fix: Fix | None = None
) -> Diagnostic:
    where = (source.path, place.line, place.column, max(place.end_column, place.column + 1))
    return Diagnostic(code, message, help, *where, fix=fix)
