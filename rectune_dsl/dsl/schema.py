"""JSON Schema draft-07 of task files, made from the model, for editors.

pydantic writes the 2020-12 dialect; editors of TOML read draft-07. TOML has no null, so what may be left out
is only not required.

A file that `extends` another may leave out whatever the other one has. So the tables themselves require
nothing, and what a file that stands alone has to have is required at the end, under `else`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from rectune_dsl.dsl.docstrings import field_docstrings
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.examples import EXAMPLES
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.formula.parse import MAX_LENGTH
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.shape import tables
from rectune_dsl.dsl.table import Formula
from rectune_dsl.dsl.together import needs, whole
from rectune_dsl.dsl.unions import REF, Schema, merged

DIALECT = "http://json-schema.org/draft-07/schema#"
_TASK, _FORMULA, _GUARDRAIL = "Task", "Formula", "Guardrail"
_NAME = r"^[A-Za-z_][^\s!-/:-@\[-^`{-~]*$"
"""Letters, digits and _; JSON Schema has no word for letters of other alphabets, so signs are kept out."""
_METRIC_NAME = r"^[A-Za-z_][^\s!-,/:-@\[-^`{-~]*$"
_NAMES = {
    (_TASK, "signals"): _NAME,
    (_TASK, "stages"): _NAME,
    (_TASK, "segments"): _NAME,
    (_TASK, "sources"): _NAME,
    (_TASK, "metrics"): _METRIC_NAME,
    (_TASK, "guardrails"): _METRIC_NAME,
    ("Stage", "params"): _NAME,
    ("Stage", "terms"): _NAME,
    ("Segment", "params"): _NAME,
    ("Segment", "guardrails"): _METRIC_NAME,
}


def schema(environment: Environment) -> Schema:
    """The schema of a task file. Known agents, backends, executors, worlds, providers and functions are
    offered, and no other name of the first five is called wrong: what brings it may be there where the task
    runs."""
    made = Task.model_json_schema(schema_generator=_Generator, ref_template=REF + "{model}")
    raw = {**made.pop("$defs"), _TASK: made}
    definitions = merged({name: _table(name, table) for name, table in raw.items()})
    _offer(definitions, environment)
    definitions |= {_FORMULA: _formula(environment), _GUARDRAIL: _guardrail()}
    root = definitions.pop(_TASK)
    return {
        "$schema": DIALECT,
        "title": "rectune task",
        **root,
        "if": needs("extends"),
        "else": whole(raw, raw[_TASK]),
        "definitions": {name: definitions[name] for name in sorted(_used(root, definitions))},
    }


def to_json(environment: Environment) -> str:
    """The schema as a text that is the same for the same environment."""
    return json.dumps(schema(environment), indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Formulas and guardrails are validated by functions, of which pydantic knows nothing."""

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> Schema:
        is_formula = getattr(schema["function"]["function"], "__self__", None) is Formula
        return {"format": _FORMULA if is_formula else _GUARDRAIL}


# --- one table -----------------------------------------------------------------------------------


def _table(name: str, raw: Schema) -> Schema:
    """A table's schema in draft-07, with what its fields say; it requires nothing yet."""
    table = tables()[name]
    docs = field_docstrings(table)
    properties = {}
    for key, value in raw["properties"].items():
        told: Schema = {"description": docs[key]} if key in docs else {}
        default = table.model_fields[key].get_default(call_default_factory=True, validated_data={})
        if isinstance(default, Formula):
            told["default"] = default.text
        if (name, key) in EXAMPLES:
            told["examples"] = EXAMPLES[name, key]
        if (name, key) in _NAMES:
            told["propertyNames"] = {"pattern": _NAMES[name, key]}
        properties[key] = _told(_draft_07(value), told)
    return {
        "description": " ".join((table.__doc__ or "").split()),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _told(schema: Schema, told: Schema) -> Schema:
    """A schema with words about it: draft-07 reads nothing that stands beside a $ref."""
    return {**told, **({"allOf": [schema]} if "$ref" in schema else schema)}


_NOT_HERE = {"title", "oneOf", "anyOf", "minProperties"}
"""pydantic's titles repeat the names; unions are put together below, and `together` asks for properties."""


def _draft_07(schema: Schema) -> Schema:
    """One value's schema from 2020-12: tuples, unions, and what may be left out."""
    if schema.get("format") in (_FORMULA, _GUARDRAIL):
        return {"$ref": REF + schema["format"]}
    new = {key: value for key, value in schema.items() if key not in _NOT_HERE}
    if new.get("default", "") is None:
        del new["default"]
    if "prefixItems" in new:
        new |= {"items": [_draft_07(item) for item in new.pop("prefixItems")], "additionalItems": False}
    for key in ("items", "additionalProperties"):
        if isinstance(new.get(key), dict):
            new[key] = _draft_07(new[key])
    options = schema.get("anyOf") or schema.get("oneOf") or []
    branches = [_draft_07(option) for option in options if option != {"type": "null"}]
    if len(branches) > 1:
        return {**new, "anyOf": branches}
    return _told(branches[0], new) if branches and new else branches[0] if branches else new


# --- what only the environment knows, and formulas -------------------------------------------------


def _offer(definitions: Mapping[str, Schema], environment: Environment) -> None:
    """Known names, for completion; any other string may be a plugin's."""
    offers = {("Experiment", "backend"): environment.backends}
    offers |= {("Experiment", "delivery"): environment.deliveries}
    offers |= {("Simulator", "executor"): environment.executors, ("Simulator", "world"): environment.worlds}
    offers |= {("LanguageModel", "provider"): environment.llms}
    offers |= {("Agents", role): names for role, names in (environment.agents or {}).items()}
    for (table, key), names in offers.items():
        if names:
            known: Schema = {"anyOf": [{"enum": sorted(names)}, {"type": "string"}]}
            definitions[table]["properties"][key] |= known


def _formula(environment: Environment) -> Schema:
    functions = {**FUNCTIONS, **environment.functions}
    return {
        "description": (
            "A formula of signals, params, constants and terms: + - * / **, comparisons, "
            f"and the functions {', '.join(functions)}."
        ),
        "type": ["string", "number"],
        "pattern": r"""^[^"#$%&':;?@\\^`{|}~]+$""",
        "maxLength": MAX_LENGTH,
    }


def _guardrail() -> Schema:
    return {
        "description": "A limit with a percent sign is on the lift over production, without on the level.",
        "type": "string",
        "pattern": r"^\s*(>=|<=)\s*[+-]?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)\s*%?\s*$",
        "examples": [">= -1%", "<= +15%", "<= 120"],
    }


def _used(value: Any, definitions: Mapping[str, Schema]) -> set[str]:
    """Names of the definitions that a schema needs."""
    if isinstance(value, list):
        return {name for item in value for name in _used(item, definitions)}
    if not isinstance(value, dict):
        return set()
    found = {name for item in value.values() for name in _used(item, definitions)}
    if isinstance(value.get("$ref"), str):
        name = value["$ref"].removeprefix(REF)
        found |= {name} | _used(definitions[name], definitions)
    return found
