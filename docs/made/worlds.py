"""The page on world files: every key of theirs, from the docstrings of their tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from rectune_dsl.dsl.docstrings import field_docstrings
from rectune_dsl.dsl.table import Table
from rectune_dsl.dsl.written import literal
from rectune_dsl.simulator import targets, worldfile
from rectune_dsl.simulator.tables import catalogue, models, responses, users
from rectune_dsl.simulator.targets import OTHER_MEASURES

TABLES: dict[str, type[Table]] = {
    "": worldfile.WorldFile,
    "[items]": catalogue.Items,
    "[items] size": catalogue.Size,
    "[users]": users.Population,
    "[relevance]": responses.Relevance,
    "[responses] NAME": responses.Response,
    "[amounts.NAME]": responses.Amount,
    "[habits]": users.Habits,
    "[fatigue]": users.Fatigue,
    "[latency]": models.Latency,
    "[early] NAME, [full] NAME": models.View,
    "[targets] NAME": targets.Target,
}
INTRODUCTION = """\
# The world file

<!-- made by docs/generate.py -->

What the simulator lives by: who comes, what there is, what people do, and how models see it. A task names a
world in `[simulator] world`: a bundled one (`short-video`, `news-feed`, `shop`), or a file that ends in
`.toml`, by its path from the task file. `rectune simulate show short-video` prints one to start from, and
[Fit a world to your own rates](../how-to/fit-a-world.md) tells how to make it yours.

Unknown keys are errors. Attraction (what makes people look), satisfaction (what is worth their time) and
tastes have mean 0 and standard deviation 1. A probability is 1 / (1 + exp(-z)) of its log-odds z.
"""
STANDARD = """\
## `[standard.STAGE]`

The funnel that is standard there, with the keys of `[stages.STAGE]` in [task files](task-file.md). What
targets say of standard exposure is measured with it.
"""


def world_page() -> str:
    """Every key of world files, from the docstrings of their tables."""
    sections = [_section(heading, table) for heading, table in TABLES.items()]
    measures = "\n".join(f"| `{name}` | {about} |" for name, about in OTHER_MEASURES.items())
    others = f"## Measures that are no rates\n\n| measure | what it is |\n|---|---|\n{measures}\n"
    return "\n".join([INTRODUCTION, *sections[:-1], STANDARD, sections[-1], others])


def _section(heading: str, table: type[Table]) -> str:
    """A table of a world file: what it is, and each key with its values, its default and its meaning."""
    about = " ".join((table.__doc__ or "").split())
    rows = "\n".join(_rows(table))
    title = f"## `{heading}`" if heading else "## The file"
    return f"{title}\n\n{about}\n\n| key | values | default | |\n|---|---|---|---|\n{rows}\n"


class _Schema(GenerateJsonSchema):
    """Formulas and guardrails, which validate themselves, are text."""

    def function_plain_schema(self, schema: Any) -> dict[str, Any]:
        return {"type": "string"}


def _rows(table: type[Table]) -> Iterator[str]:
    properties = table.model_json_schema(schema_generator=_Schema)["properties"]
    told = field_docstrings(table)
    for name, field in table.model_fields.items():
        about = told.get(name) or " ".join((field.annotation.__doc__ or "").split())
        default = (
            "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        )
        yield f"| `{name}` | {_values(properties[name])} | {default} | {about} |"


def _default(value: Any) -> str:
    if value is None or value == {} or isinstance(value, Table):
        return ""
    return f"`{literal(list(value) if isinstance(value, tuple) else value)}`"


def _values(schema: dict[str, Any]) -> str:
    """What a key may have, in words."""
    if "anyOf" in schema:
        return _values(schema["anyOf"][0])
    match schema.get("type"):
        case "string":
            return "text"
        case "boolean":
            return "true, false"
        case "array":
            return f"{schema['minItems']} numbers"
        case "number" | "integer":
            return _numbers(schema)
    return f"{schema['const']}" if "const" in schema else "table"


def _numbers(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return str(schema["const"])
    kind = "whole number" if schema["type"] == "integer" else "number"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    return " ".join([kind, ", ".join(bounds)]).strip()
