"""Keys and tables that are there twice, with the place of the first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from rectune_dsl.dsl.positions import Extent, KeyPath, index
from rectune_dsl.dsl.slips.trips import Slip, Trip


def twice(found: Trip) -> Iterator[Slip]:
    line = found.line
    if (inside := re.match(r"Duplicate inline table key '(.*)'", found.what)) is not None:
        yield Slip(f"`{inside[1]}` is there twice", "keep one of them", found.here())
        return
    pair = re.compile(r"\s*([^=\n]+?)\s*=\s*(.*)").match(found.text, line.start, line.end)
    if pair is None or found.text[line.start : line.end].lstrip().startswith("["):
        yield from _header_twice(found)
        return
    path = (*table(found.text[: line.start]), *_path(pair[1]))
    before = found.text[: line.start]
    first = next((n for k in range(len(path), 0, -1) if (n := _line_of(before, path[:k]))), None)
    extent, name = Extent(pair.start(1), pair.end(1)), pair[1]
    where = f"in line {first}" if first else "already"
    is_same = first is not None and found.text.split("\n")[first - 1].strip() == pair[0].strip()
    edits = ((line.start, min(line.end + 1, len(found.text)), ""),) if is_same else ()
    yield Slip(f"`{name}` is there {where}", "keep one of them", extent, edits)


def _header_twice(found: Trip) -> Iterator[Slip]:
    line = found.line
    header = re.compile(r"\s*\[+\s*([^\]\n]+?)\s*\]").match(found.text, line.start, line.end)
    if header is None:
        return
    first = _line_of(found.text[: line.start], _path(header[1]))
    where = f"in line {first}" if first else "already"
    help = f"put these keys below line {first}" if first else "keep one of them"
    yield Slip(f"`{header[1]}` is there {where}", help, Extent(header.start(1), header.end(1)))


def table(before: str) -> KeyPath:
    headers = re.findall(r"(?m)^[ \t]*\[([^\[\]\n]+)\]", before)
    return _path(headers[-1]) if headers else ()


def _path(dotted: str) -> KeyPath:
    try:
        tree = tomllib.loads(f"{dotted} = 0")
    except ValueError:
        return ()
    path: list[str] = []
    while isinstance(tree, dict):
        path, tree = [*path, *tree], next(iter(tree.values()))
    return tuple(path)


def _line_of(text: str, path: KeyPath) -> int | None:
    """The line of a key in what was read before."""
    try:
        entry = index(text).get(path)
    except (ValueError, IndexError):
        return None
    return None if entry is None else text.count("\n", 0, entry.key.start) + 1
