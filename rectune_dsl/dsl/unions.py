"""Unions in JSON Schema as one schema of several types: editors then point at the key that is wrong.

No keyword of a type says anything about values of another, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rectune_dsl.dsl.together import OPEN, needs

Schema = dict[str, Any]
REF = "#/definitions/"


def merged(definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """The definitions without `anyOf` of types; tables that were branches stand within their unions."""
    return {name: _merged_within(table, definitions) for name, table in definitions.items()}


def _merged_within(value: Any, definitions: Mapping[str, Schema]) -> Any:
    if isinstance(value, list):
        return [_merged_within(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    new = {key: _merged_within(item, definitions) for key, item in value.items()}
    branches = new.pop("anyOf", None)
    return {**_union(branches, definitions), **new} if branches is not None else new


def _union(branches: list[Schema], definitions: Mapping[str, Schema]) -> Schema:
    names = [branch["$ref"].removeprefix(REF) for branch in branches if "$ref" in branch]
    whole = [branch for branch in branches if "$ref" not in branch]
    if not names:
        return _one_of_types(whole)
    rows = [_merged_within(definitions[name], definitions) for name in names]
    return _one_of_types([*whole, rows[0] if len(rows) == 1 else _param_or_vector(*rows)])


def _one_of_types(branches: list[Schema]) -> Schema:
    """Branches of different types as one schema: no keyword of one applies to a value of another."""
    types = [branch["type"] for branch in branches]
    keywords = [key for branch in branches for key in branch if key != "type"]
    if len(set(types)) != len(types) or len(set(keywords)) != len(keywords):
        raise ValueError(f"not told apart by their types: {branches}")
    return {"type": types, **{k: v for branch in branches for k, v in branch.items() if k != "type"}}


def _param_or_vector(param: Schema, vector: Schema) -> Schema:
    """A tunable number, or tunable numbers in a row: a vector where a list or an order says so."""
    one, row = param["properties"], vector["properties"]
    properties = {key: one.get(key) or row[key] for key in {**one, **row}}
    for key in ("production", "low", "high"):
        types = row[key]["type"] if isinstance(row[key]["type"], list) else ["number", row[key]["type"]]
        told = f"{one[key]['description']} With lists: {row[key]['description']}"
        properties[key] = {**row[key], "type": types, "description": told}
    lists = [{"properties": {key: {"type": "array"}}, **needs(key)} for key in ("production", "low", "high")]
    only_one = {key: False for key in one if key not in row}
    return {
        "type": "object",
        "description": f"{param['description']} With lists: {vector['description']}",
        "additionalProperties": False,
        "properties": properties,
        "if": {"anyOf": [*lists, needs("order")]},
        "then": {"properties": {"production": {"type": "array"}, **only_one}, **OPEN},
    }
