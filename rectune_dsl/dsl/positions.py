"""Where every key and value of a TOML text stands. The text must be one that `tomllib` accepted.

`tomllib` gives values without places; this scanner gives places without values. It does not judge:
what it would misread, `tomllib` has refused before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

KeyPath = tuple[str | int, ...]

MAX_DEPTH = 100
"""Tables and lists within each other; what reads the tree later may recurse."""


class TooDeepError(ValueError):
    """Tables or lists are nested more than MAX_DEPTH deep; `offset` is where."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"tables or lists are nested more than {MAX_DEPTH} deep")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Extent:
    """Characters [start, end) of the text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """The places of one key and its value. An array's element has its value's extent as its key; a
    table made by a header, or by the dots of a key, has its key's extent as its value."""

    key: Extent
    value: Extent


def index(text: str) -> dict[KeyPath, Entry]:
    """The first place of every key path; elements of arrays are counted from 0. Raises TooDeepError."""
    return _Scanner(text).document()


def mentions(text: str, path: KeyPath) -> list[Extent]:
    """Every place where a key is written: in headers, before the dots of keys, before its value."""
    return sorted(_all_mentions(text).get(path, ()), key=lambda extent: extent.start)


@lru_cache(maxsize=16)  # one formula's many problems ask in turn
def string_offsets(text: str, value: Extent) -> Sequence[int] | None:
    """For each character of a string's value, and for its end, the offset in the text it was written
    at; None when the value is not a string."""
    literal = text[value.start : value.end]
    quote = literal[:1]
    if quote not in ('"', "'"):
        return None
    width = 3 if len(literal) >= 6 and literal.startswith(quote * 3) else 1
    at, end = value.start + width, value.end - width
    if width == 3:
        at += len(_FIRST_NEWLINE.match(text, at)[0])  # type: ignore[index]
    offsets: list[int] = []
    while at < end:
        escape = _ESCAPE.match(text, at, end) if quote == '"' else None
        length = len(escape[0]) if escape else 2 if text.startswith("\r\n", at) else 1
        if not (escape and escape["continued"]):
            offsets.append(at)
        at += length
    return [*offsets, end]


_FIRST_NEWLINE = re.compile(r"(?:\r?\n)?")
_ESCAPE = re.compile(
    r"\\(?:(?P<continued>[ \t]*\r?\n[ \t\r\n]*)|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|.)"
)
_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[^\s.=\]\"'#]+")
_BARE_VALUE = re.compile(r"[^,\]}#\r\n]*")
_STRINGS = {
    '"""': re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    "'''": re.compile(r"'''(?:[^']|'(?!''))*'{3,5}"),
    '"': re.compile(r'"(?:[^"\\]|\\.)*"'),
    "'": re.compile(r"'[^']*'"),
}


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._entries: dict[KeyPath, Entry] = {}
        self._elements: dict[KeyPath, int] = {}  # arrays of tables: how many headers so far

    def document(self) -> dict[KeyPath, Entry]:
        table: KeyPath = ()
        while self._skip(_SPACE) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._entries

    def _header(self) -> KeyPath:
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        keys = self._keys()
        self._at += 2 if is_array else 1
        path: KeyPath = ()
        for name, extent in keys[:-1]:
            path = self._enter(path, name, extent)
        name, extent = keys[-1]
        if not is_array:
            return self._enter(path, name, extent)
        path = self._note((*path, name), extent, extent)
        self._elements[path] = self._elements.get(path, 0) + 1
        return self._note((*path, self._elements[path] - 1), extent, extent)

    def _enter(self, path: KeyPath, name: str, extent: Extent) -> KeyPath:
        """One step into a table; into the last element so far, where it is an array of tables."""
        path = self._note((*path, name), extent, extent)
        return (*path, self._elements[path] - 1) if path in self._elements else path

    def _pair(self, table: KeyPath) -> None:
        keys = self._keys()
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        path = table
        for name, extent in keys[:-1]:
            path = self._note((*path, name), extent, extent)
        name, extent = keys[-1]
        self._value((*path, name), extent)

    def _keys(self) -> list[tuple[str, Extent]]:
        keys = []
        while True:
            start = self._skip(_BLANK)
            quote = self._text[start]
            if quote in "\"'":
                self._skip(_STRINGS[quote])
                name = _unquote(self._text[start : self._at])
            else:
                self._skip(_BARE_KEY)
                name = self._text[start : self._at]
            keys.append((name, Extent(start, self._at)))
            if self._text[self._skip(_BLANK)] != ".":
                return keys
            self._at += 1

    def _value(self, path: KeyPath, key: Extent | None) -> None:
        start = self._at
        self._note(path, key or Extent(start, start), Extent(start, start))  # parents before children
        match self._text[start]:
            case '"' | "'" as quote:
                long = quote * 3
                self._skip(_STRINGS[long if self._text.startswith(long, start) else quote])
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case _:
                self._skip(_BARE_VALUE)
        value = Extent(start, start + len(self._text[start : self._at].rstrip(" \t")))
        self._entries[path] = Entry(key or value, value)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        position = 0
        while self._text[self._skip(_SPACE)] != "]":
            self._value((*path, position), None)
            position += 1
            if self._text[self._skip(_SPACE)] == ",":
                self._at += 1
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._text[self._skip(_SPACE)] != "}":
            self._pair(path)
            if self._text[self._skip(_SPACE)] == ",":
                self._at += 1
        self._at += 1

    def _note(self, path: KeyPath, key: Extent, value: Extent) -> KeyPath:
        if len(path) > MAX_DEPTH:
            raise TooDeepError(key.start)
        self._entries.setdefault(path, Entry(key, value))
        return path

    def _skip(self, what: re.Pattern[str]) -> int:
        """Move past `what` and return the new place."""
        match = what.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._at


class _Mentions(_Scanner):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.found: dict[KeyPath, set[Extent]] = {}

    def _note(self, path: KeyPath, key: Extent, value: Extent) -> KeyPath:
        self.found.setdefault(path, set()).add(key)
        return super()._note(path, key, value)


@lru_cache(maxsize=4)  # one file's many problems ask in turn
def _all_mentions(text: str) -> dict[KeyPath, set[Extent]]:
    scanner = _Mentions(text)
    scanner.document()
    return scanner.found


def _unquote(literal: str) -> str:
    import tomllib

    name: str = tomllib.loads(f"key = {literal}")["key"]
    return name
