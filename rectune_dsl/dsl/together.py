"""What a task that stands alone has to have, in JSON Schema: required keys, and keys that go together.

They hold for tables as a whole, so not for what `extends` completes. That the parts of a split add up to 1
cannot be said in JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OPEN: Mapping[str, Any] = {"additionalProperties": True}
"""Stands where a schema only adds a condition: tombi reads its absence as "no other keys"."""


def needs(*keys: str) -> dict[str, Any]:
    """The condition that a table has these keys."""
    return {"required": list(keys), **OPEN}


_SOURCES = ("column", "item_column", "sparse", "rate")
_IS_RATIO = {"properties": {"kind": {"const": "ratio"}}, **needs("kind")}
_NO_RATIO = {"properties": {"numerator": False, "denominator": False}, **OPEN}
_IS_KUAIRAND = {"properties": {"format": {"const": "kuairand"}}, **needs("format")}
_NO_COLUMNS = {"properties": {"columns": False}, **OPEN}
_IS_POSITION_BASED = {"properties": {"model": {"const": "position-based"}}, **needs("model")}
_ONE_EXAMINATION = {"oneOf": [needs("examination"), needs("clicks")], **OPEN}
_NO_EXAMINATION = {"properties": {"examination": False, "clicks": False}, **OPEN}

_TOGETHER: Mapping[str, Mapping[str, Any]] = {
    "Boost": {"anyOf": [needs("multiply"), needs("add")]},
    "Metric": {"if": _IS_RATIO, "then": needs("numerator", "denominator"), "else": _NO_RATIO, **OPEN},
    "Replay": {"if": _IS_KUAIRAND, "then": _NO_COLUMNS, "else": needs("columns"), **OPEN},
    "ReplaySignal": {
        "oneOf": [needs(source) for source in _SOURCES],
        "dependencies": {"smoothing": ["rate"]},
        **OPEN,
    },
    "Slates": {"if": _IS_POSITION_BASED, "then": _ONE_EXAMINATION, "else": _NO_EXAMINATION, **OPEN},
}
"""By the name of the table's class."""


def whole(raw: Mapping[str, dict[str, Any]], value: dict[str, Any]) -> dict[str, Any]:
    """What a value has to have in a file that stands alone; empty where that is nothing."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return {**whole(raw, raw[name]), **_TOGETHER.get(name, {})} if name in raw else {}
    found: dict[str, Any] = {}
    for condition in ("required", "minProperties"):
        if condition in value:
            found[condition] = value[condition]
    inside = {key: whole(raw, below) for key, below in value.get("properties", {}).items()}
    if any(inside.values()):
        found["properties"] = {key: below for key, below in inside.items() if below}
    found |= OPEN if found else {}
    if isinstance(value.get("additionalProperties"), dict):
        below = whole(raw, value["additionalProperties"])
        found |= {"additionalProperties": below} if below else {}
    # `required` says nothing about numbers and lists, and the tables of a union require the same
    branches = [whole(raw, branch) for branch in value.get("anyOf", value.get("oneOf", []))]
    return next((branch for branch in branches if branch), found)
