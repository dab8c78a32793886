"""`extends`: a task file over another one, with every value still at its own place.

Tables are merged key by key, inline ones too; every other value of the file that extends replaces the base's.
What a base has can be replaced, not removed, and new stages come after the base's.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.load import load
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.suggest import did_you_mean

Tree = dict[str, Any]
Reader = Callable[[str], Source]
"""How a base is opened, by its path. Raises OSError."""

KEY = "extends"
MOST_BASES = 10


def read_file(path: str) -> Source:
    """Read a file, and nothing that only looks like one. Raises OSError."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "not a file", path)
    return Source.read(path)


def load_all(source: Source, read: Reader) -> tuple[Source, Tree | Diagnostic]:
    """A source with all its bases, and their merged tree; or why there is none."""
    chain, trees = [source], []
    while True:
        tree = load(chain[-1])
        if isinstance(tree, Diagnostic):
            return _linked(chain), tree
        trees.append(tree)
        name = tree.get(KEY)
        if not isinstance(name, str):  # another type is the model's business
            return _linked(chain), _merged(trees)
        opened = _open(chain, name, read)
        if isinstance(opened, Diagnostic):
            return _linked(chain), opened
        chain.append(opened)


def _open(chain: list[Source], name: str, read: Reader) -> Source | Diagnostic:
    here = chain[-1]
    path = os.path.normpath(Path(here.path).parent / name)
    if os.path.abspath(path) in {os.path.abspath(s.path) for s in chain}:
        circle = " -> ".join([*(Path(s.path).name for s in chain), Path(path).name])
        return _problem(here, f"files extend each other in a circle: {circle}", "let one of them stand alone")
    if len(chain) > MOST_BASES:
        return _problem(here, f"more than {MOST_BASES} files extend each other", "merge some of them")
    try:
        return read(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        what = getattr(error, "strerror", None) or str(error)
        help = f"the path is relative to this file; {did_you_mean(name, _near(here, path))}".rstrip("; ")
        return _problem(here, f"cannot read {name!r}: {what}", help)


def _near(here: Source, path: str) -> list[str]:
    """Files that could have been meant, as paths from the one that extends."""
    folder, own = Path(here.path).parent, os.path.abspath(here.path)
    try:
        found = [p for p in Path(path).parent.glob("*.toml") if os.path.abspath(p) != own]
        return [os.path.relpath(p, folder) for p in found]
    except (OSError, ValueError):
        return []


def _problem(source: Source, message: str, help: str) -> Diagnostic:
    place = source.locate((KEY,))
    return Diagnostic("RT004", message, help, place.path, place.line, place.column, place.end_column)


def _linked(chain: list[Source]) -> Source:
    """The first source, with the others as its bases."""
    linked = chain[-1]
    for source in reversed(chain[:-1]):
        linked = replace(source, base=linked)
    return linked


def _merged(trees: list[Tree]) -> Tree:
    merged = trees[-1]
    for tree in reversed(trees[:-1]):
        merged = _over(merged, tree)
    return merged


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> Tree:
    merged = dict(base)
    for key, value in own.items():
        below = merged.get(key)
        is_table = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = _over(below or {}, value) if is_table else value
    return merged
