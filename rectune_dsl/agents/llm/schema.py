"""JSON Schemas of answers, from few parts. Every property is named, required and bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Schema = Mapping[str, object]


def record(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def rows(item: Schema, most: int) -> Schema:
    return {"type": "array", "items": item, "maxItems": most}


def text(longest: int, about: str = "") -> Schema:
    return _told({"type": "string", "maxLength": longest}, about)


def number(low: float, high: float, *, whole: bool = False) -> Schema:
    return {"type": "integer" if whole else "number", "minimum": low, "maximum": high}


def flag(about: str) -> Schema:
    return _told({"type": "boolean"}, about)


def one_of(names: Sequence[str]) -> Schema:
    """One of the names; text that is none of them where there are none."""
    return {"type": "string", "enum": list(names)} if names else text(0)


def _told(schema: Mapping[str, object], about: str) -> Schema:
    return {**schema, "description": about} if about else schema
