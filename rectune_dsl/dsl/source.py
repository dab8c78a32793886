"""A task file's text, and where things stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from rectune_dsl.dsl.positions import Entry, Extent, KeyPath, index, string_offsets

_BOM = "\ufeff"


@dataclass(frozen=True)
class Position:
    """Characters [column, end_column) of a line, all counted from 1."""

    line: int
    column: int
    end_column: int


@dataclass(frozen=True)
class Source:
    """`text` has no byte order mark. `undecodable` is the place of the first byte that is not UTF-8."""

    path: str
    text: str
    undecodable: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.removeprefix(_BOM))

    @classmethod
    def read(cls, path: Path | str) -> Source:
        """Read a file. Raises OSError when it cannot be opened; `check` reports bytes that are not UTF-8."""
        data = Path(path).read_bytes()
        try:
            return cls(str(path), data.decode("utf-8"))
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8").removeprefix(_BOM)
            return cls(str(path), data.decode("utf-8", errors="replace"), undecodable=len(before))

    def line(self, number: int) -> str:
        """A line of the text, counted from 1; empty past the end."""
        lines = self._lines
        return lines[number - 1].removesuffix("\r") if number <= len(lines) else ""

    def locate(self, key_path: KeyPath, part: Literal["value", "key"] = "value") -> Position:
        """Where a key or its value stands; for a path that is not there, its nearest table's key."""
        entry = self.entries.get(key_path)
        if entry is not None:
            return self.position(entry.key if part == "key" else entry.value)
        if not key_path:
            return Position(1, 1, 1)
        return self.locate(key_path[:-1], "key")

    def locate_within(self, key_path: KeyPath, start: int, end: int) -> Position:
        """Where characters [start, end) of a string's value stand, escapes and line ends allowed for;
        the whole value when it is not a string."""
        entry = self.entries.get(key_path)
        offsets = string_offsets(self.text, entry.value) if entry else None
        if entry is None or offsets is None or end >= len(offsets):
            return self.locate(key_path)
        return self.position(Extent(offsets[start], max(offsets[end], offsets[start])))

    def position(self, extent: Extent) -> Position:
        """Offsets as line and columns. What goes on over the line's end is cut there."""
        line = self.text.count("\n", 0, extent.start) + 1
        line_start = self.text.rfind("\n", 0, extent.start) + 1
        column = extent.start - line_start + 1
        end = min(extent.end - line_start, len(self.line(line))) + 1
        return Position(line, column, max(end, column))

    @cached_property
    def entries(self) -> Mapping[KeyPath, Entry]:
        """The place of every key path. The text must be valid TOML."""
        return index(self.text)

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")
