"""Slips in what has two ends: strings, lists, inline tables, headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rectune_dsl.dsl.positions import Extent
from rectune_dsl.dsl.slips.trips import Slip, Trip

_LONGEST = 5_000
"""Characters of an inline table that is written on one line, and of what may follow a string."""


def open_string(found: Trip) -> Iterator[Slip]:
    line = found.line
    quote = "'" if found.what.startswith(("Found invalid", 'Expected "\'"')) else '"'
    opening = found.text.rfind(quote, line.start, line.end)
    if opening < 0:
        opening = found.text.rfind(quote)
        line = Trip(found.text, "", max(opening, 0)).line
    if opening < 0:
        return
    long = found.text[max(opening - 2, 0) : opening + 1] == quote * 3
    closing = quote * 3 if long else quote
    start = opening - 2 if long else opening
    extent = Extent(start, line.end)
    for end in _ends(found.text, start, len(found.text.rstrip()) if long else line.end):
        message, help = "the string is not closed", f"write {closing} at its end"
        yield Slip(message, help, extent, ((end, end, closing),))
    yield Slip("the string is not closed", f"write {closing} at its end", extent)


def _ends(text: str, start: int, line_end: int) -> Iterator[int]:
    """Where a string may have been meant to end: before what follows a value, else at the line's end."""
    yield start + len(text[start:line_end].rstrip())
    start = max(start, line_end - _LONGEST)
    inside = text[start:line_end]
    for tail in (r"\s*#[^\"']*$", r"\s*[\]},][^\"']*$", r"\s*,\s*\w+\s*=.*$"):
        if (match := re.search(tail, inside)) is not None:
            yield start + match.start()


def open_bracket(found: Trip) -> Iterator[Slip]:
    is_list = "array" in found.what or "value" in found.what
    bracket, opening = ("]", "[") if is_list else ("}", "{")
    name = "list" if is_list else "inline table"
    at = found.text.rfind(opening, 0, found.at)
    if at < 0:
        return
    message = f"the {name} is not closed"
    comma = ((found.at, found.at, ", "),)
    if found.at < found.line.end and found.text[found.line.start : found.at].strip():
        gap = len(found.text[: found.at].rstrip())
        yield Slip("a comma is missing", "write , between the two", found.here(), ((gap, found.at, ", "),))
        yield Slip("a comma is missing", "write , between the two", found.here(), comma)
    for end in (len(found.text[: found.at].rstrip()), found.line.end):
        yield Slip(message, f"write {bracket}", Extent(at, at + 1), ((end, end, bracket),))
    if found.at >= len(found.text.rstrip()):
        yield Slip(message, f"write {bracket}", Extent(at, at + 1))


def open_header(found: Trip) -> Iterator[Slip]:
    line = found.line
    end = line.start + len(found.text[line.start : line.end].rstrip())
    brackets = "]]" if found.text[line.start : end].lstrip().startswith("[[") else "]"
    missing = brackets[len(brackets) - len(brackets.lstrip("]")) :] or brackets
    for at in (found.at, end):
        yield Slip("the header is not closed", f"write {missing}", found.here(), ((at, at, missing),))
    if (name := found.match(r"[^\].]+(?=\])")) is not None:
        gap = len(found.text[: found.at].rstrip())
        edits = ((gap, name.end(), re.sub(r"\s+", "_", " " + name[0].strip())),)
        yield Slip("a name has no spaces", "write _ instead", found.here(len(name[0])), edits)


def inline_table(found: Trip) -> Iterator[Slip]:
    before = found.text[: found.at].rstrip()
    if before.endswith(",") and found.match(r"\}") is not None:
        comma = len(before) - 1
        extent, edits = Extent(comma, comma + 1), ((comma, comma + 1, ""),)
        yield Slip("an inline table does not end with a comma", "remove the comma", extent, edits)
    start = found.text.rfind("{", 0, found.at)
    end = found.text.find("}", found.at)
    if (
        0 <= start < end < start + _LONGEST
        and "\n" in (inside := found.text[start : end + 1])
        and "#" not in inside
    ):
        joined = re.sub(r",? \}$", " }", re.sub(r"\s*\n\s*", " ", inside))
        help = "write it on one line, or as a [table] with one line per key"
        yield Slip(
            "an inline table stays on one line", help, Extent(start, start + 1), ((start, end + 1, joined),)
        )
