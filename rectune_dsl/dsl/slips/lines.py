"""Slips in lines: what stands between keys, values and comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rectune_dsl.dsl.edits import key
from rectune_dsl.dsl.positions import Extent
from rectune_dsl.dsl.slips.trips import Slip, Trip
from rectune_dsl.dsl.slips.twice import table
from rectune_dsl.dsl.slips.values import instead


def in_guardrails(found: Trip) -> Iterator[Slip]:
    """`hides = 5%` lacks a direction."""
    if table(found.text[: found.line.start])[-1:] == ("guardrails",) and found.match(r"\s*%") is not None:
        yield Slip("a guardrail is a string", 'write ">= -1%" or "<= +1%"', found.here())


def rest_of_line(found: Trip) -> Iterator[Slip]:
    before = found.text[found.line.start : found.at]
    if (comment := found.match(r"(?://|--|;(?=\s*\S)).*")) is not None:
        width = 1 if comment[0][0] == ";" else 2
        edits = ((found.at, found.at + width, "#"),)
        yield Slip("a comment begins with #", "write #", found.here(len(comment[0])), edits)
    if (sign := found.match(r"[,;\])}]\s*$")) is not None:
        yield Slip("nothing may follow here", "remove it", found.here(), ((found.at, sign.end(), ""),))
    number = re.search(r"(?:[+-]?\d[\d_]*)$", before)
    if number is not None and not any(in_guardrails(found)):
        yield from _number(found, number[0], found.line.start + number.start())
    if found.match(r"[\w\"'][\w.\"'-]*\s*=") is not None:
        gap = found.line.start + len(before.rstrip())
        message, help = "two keys on one line", "write each key on a line of its own"
        yield Slip(message, help, found.here(), ((gap, found.at, "\n"),))
    if (tail := found.match(r"[\w.+-]+")) is not None:
        value = re.search(r"[\w.+-]*$", before)
        start = found.at - len(value[0]) if value else found.at
        help = "a number has digits, one point and an exponent; a string needs quotes"
        yield Slip("this is no number", help, Extent(start, tail.end()))
    if before.rstrip().endswith(('"', "'")):
        help = "within a string write \\\" for a quotation mark, or put the string in '...'"
        yield Slip("the string has ended before this", help, found.here())


def _number(found: Trip, digits: str, start: int) -> Iterator[Slip]:
    tails: tuple[tuple[str, Callable[[str], str], str], ...] = (
        (r"\.(?!\d)", lambda _: f"{digits}.0", "a number does not end with a point"),
        (r"(?:,\d{3})+(?!\d)", lambda tail: digits + tail.replace(",", "_"), "thousands are parted by _"),
        (r"\d[\d_.]*", lambda tail: f"{digits}{tail}".lstrip("0"), "a number does not begin with 0"),
        (r"%(?!\w)", lambda _: repr(float(digits.replace("_", "")) / 100), "there are no percentages here"),
    )
    for tail, right, message in tails:
        if (match := found.match(tail)) is not None:
            new = right(match[0])
            yield Slip(message, f"write {new}", Extent(start, match.end()), ((start, match.end(), new),))


def no_equals(found: Trip) -> Iterator[Slip]:
    gap, line = len(found.text[: found.at].rstrip()), found.line
    if (item := re.compile(r"\s*-\s").match(found.text, line.start)) is not None:
        yield Slip("this is not TOML but YAML", "write key = [ ..., ... ]", Extent(line.start, item.end()))
    if (sign := found.match(r":=|=>|->|:|\s*[\u00a0\u2000-\u200b]\s*=")) is not None:
        edits = ((gap, sign.end(), " ="),)
        yield Slip("a key and its value are joined by =", "write =", found.here(len(sign[0])), edits)
    if found.match(r"[\d\"'\[{+-]|true\b|false\b") is not None:
        help, edits = "write = between the key and its value", ((gap, found.at, " = "),)
        yield Slip("the equals sign is missing", help, found.here(), edits)
    if (more := found.match(r"[\w -]+?(?=\s*=)")) is not None:
        help = "write _ between its words, or put it in quotes"
        edits = ((gap, more.end(), "_" + re.sub(r"\s+", "_", more[0].strip())),)
        yield Slip("a key has no spaces", help, found.here(len(more[0])), edits)


def statement(found: Trip) -> Iterator[Slip]:
    if (mark := found.match(r"<{7}|>{7}|={7}|\|{7}")) is not None:
        help = "keep one side, and remove the marks"
        yield Slip("a merge conflict was left in the file", help, found.here(len(mark[0])))
    if (comment := found.match(r"//|--|;|%|/\*")) is not None:
        edits = ((found.at, comment.end(), "#"),)
        yield Slip("a comment begins with #", "write #", found.here(len(comment[0])), edits)
    if found.match(r"\{") is not None:
        yield Slip("this is not TOML but JSON", "write [table] headers and key = value lines", found.here())
    if found.match(r"=") is not None:
        yield Slip("the key is missing", "write a key before the equals sign", found.here())
    if (name := found.match(r"[^\s=\"'\[\]{}#.]+(?=\s*[=.])")) is not None:
        yield instead(found, name[0], key(name[0]), "a key with such letters needs quotes")
