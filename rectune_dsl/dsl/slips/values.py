"""Slips in values: words and numbers that TOML writes otherwise, quotes, backslashes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rectune_dsl.dsl.edits import literal
from rectune_dsl.dsl.positions import Extent
from rectune_dsl.dsl.slips.trips import Slip, TextEdit, Trip

_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false", "infinity": "inf"}
_NOTHING = ("none", "null", "nil", "undefined")
_SMART = "“”„‟″‘’‚`´"
_QUOTE = re.compile(f"[{_SMART}]")


def value(found: Trip) -> Iterator[Slip]:
    yield from _smart_quotes(found)
    if (sign := found.match(r"=+|:")) is not None:
        yield Slip("two signs for one", "write one =", found.here(), ((found.at, sign.end(), ""),))
    if (number := found.match(r"([+-]?)(\.\d+)")) is not None:
        right = f"{number[1]}0{number[2]}"
        yield instead(found, number[0], right, "a number begins with a digit")
    word = found.match(r"[A-Za-z]\w*(?=\s*(?:[,\]}#]|$))")
    if word is not None and (plain := word[0].lower()) in ("true", "false", "nan", "inf", *_WORDS):
        yield instead(found, word[0], _WORDS.get(plain, plain), "TOML writes this word otherwise")
    if word is not None and word[0].lower() in _NOTHING:
        yield Slip("TOML has no empty value", "remove the key", found.here(len(word[0])), _whole_line(found))
    words = found.match(r"[^\s\"'\[\]{},#=][^\"'\[\]{},#=]*?(?=\s*(?:[,\]}#]|$))")
    if words is not None:
        yield instead(found, words[0], literal(words[0]), "a string needs quotes")


def _smart_quotes(found: Trip) -> Iterator[Slip]:
    if found.match(f"[{_SMART}]") is not None:
        places = [m.start() for m in _QUOTE.finditer(found.text, found.at, found.line.end)]
        edits = tuple((at, at + 1, '"') for at in places)
        yield Slip("this is no quotation mark of TOML", 'write " on both sides', found.here(), edits)


def instead(found: Trip, wrong: str, right: str, message: str) -> Slip:
    edit = (found.at, found.at + len(wrong), right)
    return Slip(message, f"write {right}", found.here(len(wrong)), (edit,))


def _whole_line(found: Trip) -> tuple[TextEdit, ...]:
    """The line is taken out, where it is one of `key = value`."""
    line = found.line
    if not re.fullmatch(r"\s*[\w.-]+\s*=\s*\w+\s*(?:#.*)?", found.text[line.start : line.end]):
        return ()
    end = found.text.find("\n", line.end)
    return ((line.start, len(found.text) if end < 0 else end + 1, ""),)


def no_value(found: Trip) -> Iterator[Slip]:
    before = found.text[: found.at].rstrip()
    if before.endswith("=") and found.match(r"\s*(?:#.*)?$") is not None:
        yield Slip("the value is missing", "write a value behind the equals sign", found.here())
    if before.endswith(",") and (comma := found.match(r",")) is not None:
        yield Slip("a comma too many", "remove it", found.here(), ((found.at, comma.end(), ""),))


def backslash(found: Trip) -> Iterator[Slip]:
    """`"C:\\Users"`: an escape that is none."""
    opening = found.text.rfind('"', found.line.start, found.at)
    closing = found.text.find('"', found.at, found.line.end)
    if opening < 0 or closing < 0:
        return
    inside = found.text[opening + 1 : closing]
    help = "write '...', where a backslash is a backslash"
    if "'" not in inside:
        edits = ((opening, closing + 1, f"'{inside}'"),)
        yield Slip("the backslash begins no known escape", help, Extent(opening, closing + 1), edits)
