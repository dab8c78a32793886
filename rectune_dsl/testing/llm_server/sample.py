"""A value that fits a JSON Schema, the same every time: midpoints of bounds, first choices."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

_DEEP = 12
"""Beyond so many levels a recursive schema gets no more than it requires."""


def sample_answer(prompt: Sequence[str], schema: Mapping[str, Any]) -> str:
    """The sample as JSON, whatever the prompt."""
    return json.dumps(sample(schema))


def sample(schema: Mapping[str, Any]) -> Any:
    """A value that fits. Of patterns and formats, only dates are known. Raises ValueError for a schema that
    nothing fits."""
    return _Sampler(schema.get("$defs") or schema.get("definitions") or {}).value(schema, 0)


class _Sampler:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def value(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, Mapping):  # `true`, which everything fits
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self.value(self._simplest(choices, depth), depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "null")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("number", "integer"):
            return _number(schema, whole=kind == "integer")
        return _string(schema) if kind == "string" else {"boolean": True, "null": None}[kind]

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with what it refers to and all that it has to fit at once."""
        parts = [self._definitions[schema["$ref"].rpartition("/")[2]]] if "$ref" in schema else []
        parts += schema.get("allOf", [])
        rest = {name: value for name, value in schema.items() if name not in ("$ref", "allOf")}
        merged: dict[str, Any] = {}
        for part in parts:
            merged |= self._resolved(part)
        return merged | rest

    def _simplest(self, choices: Sequence[Any], depth: int) -> Any:
        """The first choice; deep down one that cannot lead deeper, if there is one."""
        flat = [one for one in choices if not {"$ref", "properties", "items"} & set(one)]
        return flat[0] if depth >= _DEEP and flat else choices[0]

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        wanted = {
            name: inner
            for name, inner in schema.get("properties", {}).items()
            if depth < _DEEP or name in required
        }
        made = {name: self.value(inner, depth + 1) for name, inner in wanted.items()}
        more = schema.get("additionalProperties")
        while len(made) < schema.get("minProperties", 0):
            made[f"name_{len(made)}"] = self.value(more, depth + 1)
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        wanted = least if depth >= _DEEP else min(max(least, 1), schema.get("maxItems", max(least, 1)))
        first = [self.value(inner, depth + 1) for inner in schema.get("prefixItems", [])]
        if "items" not in schema:
            return first
        return first + [self.value(schema["items"], depth + 1) for _ in range(wanted - len(first))]


def _number(schema: Mapping[str, Any], *, whole: bool) -> float | int:
    """The midpoint of the bounds, or the one bound's neighbour, or 1; a multiple, where one is wanted."""
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    if math.isinf(low):
        middle = 1.0 if math.isinf(high) else high - 1
    else:
        middle = low + 1 if math.isinf(high) else low + (high - low) / 2
    unit = schema.get("multipleOf", 1 if whole else None)
    tries = [middle] if unit is None else [unit * (middle // unit), unit * (middle // unit + 1)]
    for number in tries:
        is_open = number in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
        if low <= number <= high and not is_open:
            return int(number) if whole else number
    raise ValueError(f"no number fits {dict(schema)}")


def _string(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "date":
        return "2026-01-01"
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return "text".ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
