"""JSON Schema in the words that Gemini heeds.

Of a whole JSON Schema it ignores `const` and exclusive bounds, and it wants nothing beside `$ref`
(https://ai.google.dev/api/generate-content, `responseJsonSchema`). What it ignores may stay: answers are
validated by the schema as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BY_NAME = frozenset({"properties", "$defs", "definitions"})
"""Keywords whose keys are names, and whose values are schemas."""
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_ONE = frozenset({"items", "additionalProperties"})


def heeded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that admits what `schema` admits, and at most bounds and siblings of references more."""
    if "$ref" in schema:
        schema = {word: value for word, value in schema.items() if word.startswith("$")}
    made = {word: _inner(word, value) for word, value in schema.items()}
    if "const" in made:
        made.setdefault("enum", [made["const"]])
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in made:
            made.setdefault(inclusive, made[exclusive])
    return made


def _inner(word: str, value: Any) -> Any:
    if word in _BY_NAME:
        return {name: _schema(inner) for name, inner in value.items()}
    if word in _LISTS:
        return [_schema(inner) for inner in value]
    return _schema(value) if word in _ONE else value


def _schema(value: Any) -> Any:
    return heeded(value) if isinstance(value, Mapping) else value  # `true` and `false` are schemas too
