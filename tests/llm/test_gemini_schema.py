"""Schemas for Gemini: nothing that fits is lost, and what Gemini ignores is said in words that it heeds."""

from typing import Annotated, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from rectune_dsl.llm.gemini_schema import heeded
from rectune_dsl.testing.llm_server import sample


class Arm(BaseModel):
    kind: Literal["arm"] = "arm"
    share: float = Field(gt=0, lt=1)
    items: list[Annotated[int, Field(gt=0)]] = []


class Plan(BaseModel):
    best: Arm = Field(description="The best of them", examples=[{"share": 0.5}])
    others: dict[str, Arm]
    const: str = "a name, not a keyword"


def parts(schema):
    """All schemas inside a schema of pydantic's."""
    yield schema
    for inner in schema.values():
        for found in inner if isinstance(inner, list) else [inner]:
            if isinstance(found, dict):
                yield from parts(found)


def test_every_reference_stands_alone():
    schema = Plan.model_json_schema()
    assert "description" in schema["properties"]["best"]
    refs = [part for part in parts(heeded(schema)) if "$ref" in part]
    assert refs == [{"$ref": "#/$defs/Arm"}] * 2


def test_constants_and_open_bounds_are_said_in_heeded_words():
    arm = heeded(Plan.model_json_schema())["$defs"]["Arm"]["properties"]
    assert arm["kind"]["enum"] == ["arm"]
    assert (arm["share"]["minimum"], arm["share"]["maximum"]) == (0, 1)
    assert arm["items"]["items"]["minimum"] == 0


def test_names_of_properties_are_no_keywords():
    assert "enum" not in heeded(Plan.model_json_schema())["properties"]["const"]
    assert set(heeded(Plan.model_json_schema())["properties"]) == {"best", "others", "const"}


@given(
    st.floats(0, 1, exclude_min=True, exclude_max=True), st.lists(st.integers(1)), st.text("abc", max_size=3)
)
def test_what_fits_still_fits(share, items, name):
    schema, arm = Plan.model_json_schema(), {"kind": "arm", "share": share, "items": items}
    plan = {"best": arm, "others": {name: arm}}
    jsonschema.validate(plan, schema)
    jsonschema.validate(plan, heeded(schema))


def test_what_fits_the_heeded_schema_fits_the_whole_one_as_far_as_samples_go():
    schema = Plan.model_json_schema()
    jsonschema.validate(sample(heeded(schema)), schema)


@pytest.mark.parametrize("closed", [True, False])
def test_the_schema_itself_is_left_as_it_was(closed):
    schema = {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": closed}
    before = repr(schema)
    assert heeded(schema)["additionalProperties"] is closed
    assert repr(schema) == before
