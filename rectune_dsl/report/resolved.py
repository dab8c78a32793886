"""A task as it is understood: bases merged, defaults filled in, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param, VectorParam
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.written import Path, Tree, block, complete, dotted, key, literal, sections

DEFAULT = "default"
_WIDEST = 70
"""Columns up to which comments stand below each other."""


def as_toml(task: Task, source: Source) -> str:
    """The task as TOML that `check` accepts, each value with its origin as a comment."""
    names = ", ".join(dict.fromkeys(s.path for s in source.chain))
    blocks = [f"# {names}: what is in force, and where it comes from"]
    for path, entries in sections(complete(task)):
        header = [f"[{dotted(path)}]"] if path else []
        lines = list(_lines(path, entries))
        width = min(_WIDEST, max((len(_last(text)) for _, text in lines), default=0))
        told = (f"{_padded(text, width)}  # {_said(task, source, at)}" for at, text in lines)
        blocks.append("\n".join([*header, *told]))
    return "\n\n".join(blocks) + "\n"


def as_json(task: Task, source: Source) -> dict[str, Any]:
    """The task as plain values, and for each value `path:line` of every file that gives it, the one that
    holds first; none for defaults."""
    tree = complete(task)
    return {
        "task": tree,
        "origins": {dotted(path): origins(source, path) for path, _ in leaves(tree)},
    }


def origins(source: Source, path: Path) -> list[str]:
    """`path:line` of a value in the file, and in its bases that have it too; empty for a default."""
    found = []
    for one in source.chain:
        if path in one.entries:
            found.append(f"{one.path}:{one.locate(path).line}")
        if any(_replaces(one, path[:length]) for length in range(1, len(path))):
            break  # nothing of the bases' table is left
    return found


def _replaces(source: Source, path: Path) -> bool:
    """Whether a source has something other than a table at a key path."""
    entry = source.entries.get(path)
    return entry is not None and entry.value != entry.key and source.text[entry.value.start] != "{"


def _lines(path: Path, entries: Tree) -> Iterator[tuple[Path, str]]:
    """Each value in a line of its own, with its key path."""
    for name, value in entries.items():
        if isinstance(value, dict) and value:
            for part, inner in value.items():
                yield (*path, name, part), f"{key(name)}.{key(part)} = {literal(inner)}"
        else:
            yield (*path, name), f"{key(name)} = {block(value)}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - len(_last(text)))


def _last(text: str) -> str:
    return text.rpartition("\n")[2]


def _said(task: Task, source: Source, path: Path) -> str:
    first, *covered = origins(source, path) or [DEFAULT]
    over = f", over {', '.join(covered)}" if covered else ""
    return first + over + _otherwise(task, path)


def _otherwise(task: Task, path: Path) -> str:
    """What holds for everybody else, where a segment has a value of its own."""
    match path:
        case ("segments", _, "params", name, *rest) if rest in ([], ["production"]):
            values = (stage.params[name] for stage in task.stages.values() if name in stage.params)
            value = next(values, None)
            value = value.production if isinstance(value, Param | VectorParam) else value
            return "" if value is None else f"; {_plain(value)} for the others"
        case ("segments", _, "guardrails", name) if name in task.guardrails:
            return f"; {task.guardrails[name]} for all together"
    return ""


def _plain(value: float | tuple[float, ...]) -> str:
    return literal(list(value) if isinstance(value, tuple) else value)


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value with its key path; empty tables count as values."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value
