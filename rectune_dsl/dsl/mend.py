"""Fixes by key path: replace a value, rename, remove or insert a key, as its author would have written it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rectune_dsl.dsl.diagnostics import Edit, Fix
from rectune_dsl.dsl.edits import Literal, key, literal
from rectune_dsl.dsl.positions import Extent, KeyPath, mentions, string_offsets
from rectune_dsl.dsl.source import Source

_BLANK_OR_COMMENT = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_OF_DOTTED_KEY = re.compile(r"[ \t]*(?:[^\s.=\[]+[ \t]*\.[ \t]*)*")
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_CLOSING = re.compile(r"[ \t]*\]")
_UNSAFE = frozenset("\"'\\\r\n")


@dataclass(frozen=True)
class Mender:
    """Each method is None where the change cannot be made in one certain way."""

    source: Source

    def value(self, path: KeyPath, new: Literal) -> Fix | None:
        """Write another value."""
        return self.text(path, literal(new))

    def written(self, path: KeyPath) -> str | None:
        """A value as it stands in the file."""
        owner = self.source.owner(path)
        if owner is None:
            return None
        return owner.text[owner.entries[path].value.start : owner.entries[path].value.end]

    def text(self, path: KeyPath, text: str) -> Fix | None:
        """Write another value, given as TOML."""
        owner = self.source.owner(path)
        if owner is None or not _is_written(owner, path):
            return None
        extent = owner.entries[path].value
        return (Edit(owner.path, extent.start, extent.end, text),)

    def within(self, path: KeyPath, start: int, end: int, text: str) -> Fix | None:
        """Replace characters [start, end) of a string's value."""
        owner = self.source.owner(path)
        offsets = string_offsets(owner.text, owner.entries[path].value) if owner else None
        if owner is None or offsets is None or end >= len(offsets) or not _UNSAFE.isdisjoint(text):
            return None
        return (Edit(owner.path, offsets[start], max(offsets[end], offsets[start]), text),)

    def rename(self, path: KeyPath, name: str) -> Fix | None:
        """Write another key, wherever this one is written."""
        sources = [source for source in self.source.chain if path in source.entries]
        if any((*path[:-1], name) in source.entries for source in sources):
            return None
        return tuple(
            Edit(source.path, extent.start, extent.end, key(name))
            for source in sources
            for extent in mentions(source.text, path)
        )

    def remove(self, path: KeyPath) -> Fix | None:
        """Take out a key with its value, a list's element, or a table with its header."""
        owner = self.source.owner(path)
        if owner is None or sum(path in source.entries for source in self.source.chain) != 1:
            return None
        if not _is_written(owner, path):
            extent = _section(owner, path)
        elif isinstance(path[-1], int) or _is_inline(owner, path[:-1]):
            extent = _element(owner, path)
        else:
            extent = _line(owner, path)
        return None if extent is None else (Edit(owner.path, extent.start, extent.end, ""),)

    def insert(self, table: KeyPath, name: str, value: Literal) -> Fix | None:
        """Add a key to a table."""
        owner = self.source.owner(table) if table else self.source
        if owner is None:
            return None
        at, text = _insertion(owner, table, f"{key(name)} = {literal(value)}")
        return (Edit(owner.path, at, at, text.replace("\n", _newline(owner))),)

    def append(self, table: KeyPath, values: Mapping[str, Literal]) -> Fix:
        """Add a table at the end of the file."""
        source = self.source
        gap = "\n" if source.text.endswith("\n") or not source.text else "\n\n"
        header = f"{gap}[{'.'.join(key(str(step)) for step in table)}]\n"
        text = header + "".join(f"{key(name)} = {literal(value)}\n" for name, value in values.items())
        at = len(source.text)
        return (Edit(source.path, at, at, text.replace("\n", _newline(source))),)


def _newline(source: Source) -> str:
    return "\r\n" if "\r\n" in source.text else "\n"


# --- how something is written ----------------------------------------------------------------------


def _is_written(source: Source, path: KeyPath) -> bool:
    """Whether a value stands there, and not a header or the dots of a key."""
    entry = source.entries[path]
    return isinstance(path[-1], int) or entry.key != entry.value


def _is_inline(source: Source, path: KeyPath) -> bool:
    """Whether it is an inline table, or a part of one that the dots of a key make."""
    while path:
        entry = source.entries[path]
        if entry.key != entry.value:
            return source.text.startswith("{", entry.value.start)
        path = path[:-1]
    return False


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Behind the end of the line."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


# --- what is taken out -----------------------------------------------------------------------------


def _line(source: Source, path: KeyPath) -> Extent | None:
    """The lines of `key = value`."""
    text, entry = source.text, source.entries[path]
    start = _line_start(text, entry.key.start)
    rest = _BLANK_OR_COMMENT.match(text, entry.value.end)
    if rest is None or not _OF_DOTTED_KEY.fullmatch(text, start, entry.key.start):
        return None
    return Extent(start, rest.end())


def _element(source: Source, path: KeyPath) -> Extent | None:
    """One of several between commas, with a comma."""
    text, entry = source.text, source.entries[path]
    if not isinstance(path[-1], int) and not text[: entry.key.start].rstrip().endswith(("{", ",")):
        return None  # a dotted key: what stands before it belongs to it
    after = re.compile(r"\s*,[ \t]*").match(text, entry.value.end)
    if after is not None:
        return Extent(entry.key.start, after.end())
    before = re.compile(r",\s*$").search(text[: entry.key.start])
    return Extent(before.start() if before else entry.key.start, entry.value.end)


def _section(source: Source, path: KeyPath) -> Extent | None:
    """A header with the lines below it, when the table is written nowhere else."""
    text, places = source.text, mentions(source.text, path)
    start = _line_start(text, places[0].start)
    if len(places) != 1 or not _HEADER.match(text, start) or not _CLOSING.match(text, places[0].end):
        return None
    following = _HEADER.search(text, _line_end(text, source.ends[path]))
    return Extent(start, following.start() if following else len(text))


# --- what is put in --------------------------------------------------------------------------------


def _insertion(source: Source, table: KeyPath, pair: str) -> tuple[int, str]:
    """Where `key = value` goes, and with what around it."""
    text = source.text
    if not table:
        first = min((e.key.start for p, e in source.entries.items() if len(p) == 1), default=len(text))
        return _line_start(text, first), f"{pair}\n"
    entry = source.entries[table]
    if _is_inline(source, table) and _is_written(source, table):
        inside = text[entry.value.start + 1 : entry.value.end - 1].rstrip()
        at = entry.value.start + 1 + len(inside)
        return at, f", {pair}" if inside else f" {pair}"
    for extent in mentions(text, table):
        start = _line_start(text, extent.start)
        if _HEADER.match(text, start) and _CLOSING.match(text, extent.end):
            end = _line_end(text, extent.end)
            return end, f"{pair}\n" if text[:end].endswith("\n") else f"\n{pair}\n"
    start = _line_start(text, entry.key.start)
    if _HEADER.match(text, start):
        return start, f"[{'.'.join(key(str(step)) for step in table)}]\n{pair}\n\n"
    return start, f"{text[start : entry.key.end]}.{pair}\n"
