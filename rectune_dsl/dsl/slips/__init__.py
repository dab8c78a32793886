"""Usual slips in TOML: what `tomllib` tripped over, in words, with the edit that its author would make.

An edit counts only if the text then parses, or parses further than before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from rectune_dsl.dsl.slips.brackets import inline_table, open_bracket, open_header, open_string
from rectune_dsl.dsl.slips.lines import in_guardrails, no_equals, rest_of_line, statement
from rectune_dsl.dsl.slips.trips import Slip, TextEdit, Trip, trip
from rectune_dsl.dsl.slips.twice import twice
from rectune_dsl.dsl.slips.values import backslash, no_value, value

__all__ = ["Slip", "Trip", "slip", "trip"]


LONGEST = 5_000
"""Characters of a line, or of an inline table, that are searched for slips."""


def slip(found: Trip) -> Slip:
    """What its author did."""
    told, fallback = None, None
    if found.line.end - found.line.start > LONGEST:
        return _plain(found)
    for says, makers in _MAKERS:
        if re.match(says, found.what):
            for make in makers:
                for candidate in make(found):
                    fallback = fallback or replace(candidate, edits=())
                    if not candidate.edits:
                        told = told or candidate
                    elif _reads_further(found, candidate.edits):
                        return candidate
    return told or fallback or _plain(found)


def _plain(found: Trip) -> Slip:
    return Slip(f"not TOML: {found.what}", _help(found.what), found.here())


def _reads_further(found: Trip, edits: tuple[TextEdit, ...]) -> bool:
    text, shift = found.text, 0
    for start, end, new in sorted(edits, reverse=True):
        text, shift = text[:start] + new + text[end:], shift + len(new) - (end - start)
    again = trip(text)
    return again is None or again.at > max(found.at + shift, found.line.end + shift)


_MAKERS: tuple[tuple[str, tuple[Callable[[Trip], Iterator[Slip]], ...]], ...] = (
    (r"Cannot (overwrite|declare|mutate|redefine)|Duplicate", (twice,)),
    (r"(Illegal|Found invalid) character '\\[nr]'|Unterminated string|Expected (\"|')", (open_string,)),
    (r"Invalid value", (no_value, value, open_bracket)),
    (r"Unclosed", (open_bracket,)),
    (r"Expected '\]+'|Unescaped '\\\\' in a key", (open_header,)),
    (r"Expected newline or end of document", (in_guardrails, rest_of_line)),
    (r"Expected '='", (no_equals,)),
    (r"Invalid initial character", (inline_table, statement)),
    (r"Invalid statement", (statement,)),
    (r"Invalid hex value|Unescaped|Escaped character", (backslash,)),
)
_HELP = {
    "Invalid value": "a string needs quotes; numbers, true, false, [lists] and {tables} do not",
    "Invalid statement": "write key = value, [table] or # comment",
    "Invalid initial character": "write a key of letters, digits, _ and -, or one in quotes",
    "Expected newline or end of document after a statement": "one key = value per line",
    "Expected '='": "write key = value",
    "Illegal character": "remove it, or write it as an escape such as \\u0001 in a string",
    "Unclosed": "close the bracket",
}


def _help(what: str) -> str:
    return next((h for start, h in _HELP.items() if what.startswith(start)), "see https://toml.io/en/v1.0.0")
