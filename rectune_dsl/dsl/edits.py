"""Edits of a task file's text: how values and keys are written, and how the fixes of problems are applied."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from rectune_dsl.dsl.diagnostics import Edit, Fix

Literal = str | float | bool | list[float] | list[str]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def literal(value: Literal) -> str:
    """A value as TOML writes it. Numbers must be finite."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{"".join(_escaped(sign) for sign in value)}"'
    if isinstance(value, list):
        return f"[{', '.join(literal(v) for v in value)}]"
    return repr(value)


def key(name: str) -> str:
    """A key as TOML writes it: bare where it can be."""
    return name if _BARE.fullmatch(name) else literal(name)


def number(value: float) -> float:
    """A whole number without its `.0`, as a person would write it."""
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else value


def name(text: str) -> str:
    """A name that formulas can read, as near to `text` as possible; empty where nothing is left of it."""
    plain = re.sub(r"\W+", "_", _spelt(text), flags=re.ASCII).strip("_")
    return f"_{plain}" if plain[:1].isdigit() else plain


def slug(text: str) -> str:
    """Lower-case letters, digits and single hyphens, 64 at most; empty where nothing is left of `text`."""
    return re.sub(r"[^a-z0-9]+", "-", _spelt(text.casefold()).lower()).strip("-")[:64].rstrip("-")


def _spelt(text: str) -> str:
    """A text without accents; nothing where a letter has no other spelling, for without it a name is
    another."""
    split = unicodedata.normalize("NFKD", text)
    plain = "".join(sign for sign in split if not unicodedata.combining(sign))
    return "" if any(sign.isalnum() and not sign.isascii() for sign in plain) else plain


def apply(text: str, path: str, fixes: Iterable[Fix]) -> tuple[str, tuple[Fix, ...]]:
    """The text of the file at `path` after the fixes, and those that were applied: in order, without such as
    change another file, or what an earlier one changes already."""
    edits: list[Edit] = []
    applied = []
    for fix in fixes:
        if all(edit.path == path for edit in fix) and not any(_collide(a, b) for a in fix for b in edits):
            edits += [edit for edit in fix if edit not in edits]
            applied.append(fix)
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):  # insertions at one place stay in order
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]]), tuple(applied)


def _collide(one: Edit, other: Edit) -> bool:
    """Whether both change the same characters, and differently."""
    if one == other or one.start == one.end == other.start == other.end:
        return False
    if one.start == one.end or other.start == other.end:
        return one.start < other.end and other.start < one.end
    return max(one.start, other.start) < min(one.end, other.end)


def _escaped(sign: str) -> str:
    if sign < " " or sign == "\x7f":
        return _ESCAPES.get(sign, f"\\u{ord(sign):04X}")
    return _ESCAPES.get(sign, sign)
