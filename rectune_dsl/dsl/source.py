"""A task file's text, and where things stand in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from rectune_dsl.dsl.positions import Entry, Extent, KeyPath, index, string_offsets

MAX_BYTES = 1_000_000
"""Of one file. A task that a person reads has a few thousand."""
MAX_KEYS = 5_000
"""Keys and elements of lists in one file, so that no check takes long. 60 params have a few hundred."""
_BOM = "\ufeff"


@dataclass(frozen=True)
class Position:
    """Characters [column, end_column) of a line of the file at `path`, all counted from 1."""

    line: int
    column: int
    end_column: int
    path: str = ""


@dataclass(frozen=True)
class Source:
    """`text` has no byte order mark. `undecodable` is the place of the first byte that is not UTF-8,
    `too_long` says that there is more than was read. What stands nowhere in the text is looked for in
    `base`, the source that this one extends."""

    path: str
    text: str
    undecodable: int | None = None
    too_long: bool = False
    base: Source | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.removeprefix(_BOM))

    @classmethod
    def read(cls, path: Path | str) -> Source:
        """Read a file. Raises OSError when it cannot be opened; `check` reports bytes that are not UTF-8, and
        files of more than MAX_BYTES."""
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        too_long, data = len(data) > MAX_BYTES, data[:MAX_BYTES]
        try:
            return cls(str(path), data.decode("utf-8"), too_long=too_long)
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8").removeprefix(_BOM)
            text = data.decode("utf-8", errors="replace")
            return cls(str(path), text, undecodable=len(before), too_long=too_long)

    @property
    def chain(self) -> tuple[Source, ...]:
        """This source, then its base, then that one's, ..."""
        return (self, *(self.base.chain if self.base else ()))

    def owner(self, key_path: KeyPath) -> Source | None:
        """The source whose value holds: the first in the chain where the key path stands, unless one before
        it has no table where the path leads through."""
        for source in self.chain:
            if key_path in source.entries:
                return source
            if source._ends(key_path):
                return None
        return None

    def _ends(self, key_path: KeyPath) -> bool:
        """Whether a value that is no table stands on the way."""
        on_the_way = (self.entries.get(key_path[:i]) for i in range(1, len(key_path)))
        return any(e and e.value != e.key and self.text[e.value.start] != "{" for e in on_the_way)

    def line(self, number: int) -> str:
        """A line of the text, counted from 1; empty past the end."""
        lines = self._lines
        return lines[number - 1].removesuffix("\r") if number <= len(lines) else ""

    def locate(self, key_path: KeyPath, part: Literal["value", "key"] = "value") -> Position:
        """Where a key or its value stands; for a path that is not there, its nearest table's key."""
        owner = self.owner(key_path)
        if owner is not None:
            entry = owner.entries[key_path]
            return owner.position(entry.key if part == "key" else entry.value)
        if not key_path:
            return Position(1, 1, 1, self.path)
        return self.locate(key_path[:-1], "key")

    def locate_within(self, key_path: KeyPath, start: int, end: int) -> Position:
        """Where characters [start, end) of a string's value stand, escapes and line ends allowed for;
        the whole value when it is not a string."""
        owner = self.owner(key_path)
        offsets = string_offsets(owner.text, owner.entries[key_path].value) if owner else None
        if owner is None or offsets is None or end >= len(offsets):
            return self.locate(key_path)
        return owner.position(Extent(offsets[start], max(offsets[end], offsets[start])))

    def position(self, extent: Extent) -> Position:
        """Offsets as line and columns. What goes on over the line's end is cut there."""
        line = bisect_right(self._line_starts, extent.start)
        line_start = self._line_starts[line - 1]
        column = extent.start - line_start + 1
        end = min(extent.end - line_start, len(self.line(line))) + 1
        return Position(line, column, max(end, column), self.path)

    @cached_property
    def entries(self) -> Mapping[KeyPath, Entry]:
        """The place of every key path. The text must be valid TOML."""
        return index(self.text)

    @cached_property
    def ends(self) -> Mapping[KeyPath, int]:
        """Where the last value at or below a key path ends."""
        found: dict[KeyPath, int] = {}
        for path, entry in self.entries.items():
            for depth in range(len(path) + 1):
                found[path[:depth]] = max(found.get(path[:depth], 0), entry.value.end)
        return found

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")
