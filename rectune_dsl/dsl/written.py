"""A task as a file again: TOML that reads back as an equal task.

What a file left out is left out again, and what it `extends` is part of it. `complete` has the defaults too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from pydantic.fields import FieldInfo

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.llm import ASKING
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.table import Formula, Table

Tree = dict[str, Any]
Path = tuple[str, ...]
Keys = Callable[[Table], Iterable[str]]


def to_toml(task: Task) -> str:
    """The task as TOML. `check` of it, with the same plugin functions, gives an equal task."""
    return in_blocks(written(task), ROWS)


def in_blocks(tree: Tree, rows: tuple[Path, ...]) -> str:
    """A tree as TOML: a header for each table, but for those that are `rows` of another."""
    blocks = []
    for path, entries in sections(tree, (), rows):
        header = [f"[{dotted(path)}]"] if path else []
        blocks.append("\n".join([*header, *(f"{key(k)} = {block(v)}" for k, v in entries.items())]))
    return "\n\n".join(blocks) + "\n"


def written(table: Table) -> Tree:
    """A task, or another table, as plain values, without those that are the defaults."""
    return _plain(table, _changed)


def complete(task: Task) -> Tree:
    """The task as plain values, with the defaults."""
    return _plain(task, _all)


# --- values ----------------------------------------------------------------------------------------


def _plain(table: Table, keys: Keys) -> Tree:
    tree = {name: _value(getattr(table, name), keys) for name in keys(table)}
    if isinstance(table, Param) and table.type == "int":  # a count reads better without a point
        tree |= {k: int(v) for k, v in tree.items() if isinstance(v, float) and v.is_integer()}
    return tree


def _value(value: Any, keys: Keys) -> Any:
    match value:
        case Table():
            return _plain(value, keys)
        case Mapping():
            return {name: _value(item, keys) for name, item in value.items()}
        case tuple():
            return [_value(item, keys) for item in value]
        case Formula():
            return value.text
        case Limit():
            return value.written()
        case _:
            return value


def _all(table: Table) -> Iterator[str]:
    """Every key with a value that says something."""
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        is_empty = isinstance(value, Mapping | tuple | str) and not value and not field.is_required()
        if value is not None and not is_empty and not _is_idle(table, name):
            yield name


def _is_idle(table: Table, name: str) -> bool:
    """Whether a key is in force without anything that it could act on."""
    match table, name:
        case Task(), "extends":
            return True
        case Task(), "simulator":
            return table.experiment.backend != "simulator" and "simulator" not in table.model_fields_set
        case Task(), "llm":
            asking = {*ASKING, table.llm.provider}
            return asking.isdisjoint(vars(table.agents).values()) and "llm" not in table.model_fields_set
        case Metric(), "weight":
            return table.goal is None and "weight" not in table.model_fields_set
    return False


def _changed(table: Table) -> Iterator[str]:
    """Every key with a value that is not its default."""
    fields = type(table).model_fields
    return (name for name in _all(table) if not _is_default(fields[name], getattr(table, name)))


def _is_default(field: FieldInfo, value: Any) -> bool:
    if field.is_required():
        return False
    default = field.get_default(call_default_factory=True, validated_data={})
    return type(value) is type(default) and bool(value == default)


# --- TOML --------------------------------------------------------------------------------------------

ROWS: tuple[Path, ...] = (
    ("signals", "*"),
    ("metrics", "*"),
    ("freeze", "*"),
    ("segments", "*", "params", "*"),
    ("sources", "*", "min"),
    ("sources", "*", "max"),
    ("stages", "*", "keep"),
    ("stages", "*", "params", "*"),
    ("stages", "*", "boosts", "*"),
    ("replay", "split"),
    ("replay", "signals", "*"),
)
"""Tables that stand in one line of another."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def sections(tree: Tree, path: Path = (), rows: tuple[Path, ...] = ROWS) -> Iterator[tuple[Path, Tree]]:
    """Each table that has a header, with its keys; the file's own keys come first, without a header."""
    below = {k: v for k, v in tree.items() if isinstance(v, dict) and not _is_row((*path, k), rows)}
    entries = {k: v for k, v in tree.items() if k not in below}
    if entries or not below:
        yield path, entries
    for name, table in below.items():
        yield from sections(table, (*path, name), rows)


def _is_row(path: Path, rows: tuple[Path, ...]) -> bool:
    return any(
        len(row) == len(path) and all(want in ("*", has) for want, has in zip(row, path, strict=True))
        for row in rows
    )


def dotted(path: Path) -> str:
    return ".".join(map(key, path))


def key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def block(value: Any) -> str:
    """A value; text of several lines stays in several lines."""
    if isinstance(value, str) and "\n" in value:
        lines = (_quoted(line)[1:-1] for line in value.split("\n"))
        return '"""\n' + "\n".join(lines) + '"""'
    return literal(value)


def literal(value: Any) -> str:
    """A value in one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case date():
            return value.isoformat()
        case str():
            return _quoted(value)
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            inside = ", ".join(f"{key(k)} = {literal(v)}" for k, v in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")


def _quoted(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, which does not allow DEL either."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
