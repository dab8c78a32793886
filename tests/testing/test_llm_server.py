"""The server of a language model itself: samples fit their schemas, faults are what they are called."""

import json
from typing import Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from rectune_dsl.hooks.api import ModelSettings, NoAnswerError
from rectune_dsl.llm.gemini import Gemini
from rectune_dsl.testing.llm_contract import PROMPT, SCHEMA
from rectune_dsl.testing.llm_server import LLMServer, sample


class Idea(BaseModel):
    share: float = Field(gt=0, lt=0.001)
    arms: int = Field(ge=2, le=3)
    why: str = Field(min_length=30, max_length=40)
    mood: Literal["bold", "careful"] | None
    weights: dict[str, float]
    pair: tuple[int, str]
    better: list["Idea"] = Field(max_length=3)


BOUNDS = st.floats(-1e6, 1e6)
NUMBERS = st.tuples(BOUNDS, BOUNDS).map(
    lambda ends: {"type": "number", "minimum": min(ends), "maximum": max(ends)}
)
WHOLES = st.tuples(st.integers(-99, 99), st.integers(1, 9)).map(
    lambda found: {"type": "integer", "exclusiveMinimum": found[0], "maximum": found[0] + found[1]}
)
OPEN = st.one_of(
    BOUNDS.map(lambda low: {"type": "number", "exclusiveMinimum": low}),
    BOUNDS.map(lambda high: {"type": "number", "exclusiveMaximum": high}),
    st.just({"type": "number"}),
    st.integers(2, 50).map(lambda unit: {"type": "integer", "minimum": 1, "multipleOf": unit}),
)
TEXTS = st.integers(0, 20).map(lambda least: {"type": "string", "minLength": least, "maxLength": least + 2})
LEAVES = st.one_of(
    NUMBERS,
    WHOLES,
    OPEN,
    TEXTS,
    st.just({"type": "boolean"}),
    st.just({"const": 3}),
    st.just({"enum": ["a", None]}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.integers(0, 3)).map(
            lambda found: {"type": "array", "items": found[0], "minItems": found[1], "maxItems": found[1] + 1}
        ),
        st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3).map(
            lambda found: {
                "type": "object",
                "properties": found,
                "required": list(found),
                "additionalProperties": False,
            }
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found}),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_a_sample_fits_its_schema(schema):
    jsonschema.validate(sample(schema), schema)
    assert sample(schema) == sample(schema)


def test_a_sample_fits_a_recursive_model():
    made = Idea.model_validate(sample(Idea.model_json_schema()))
    assert made.share == pytest.approx(0.0005)
    assert made.mood == "bold"


def test_what_nothing_fits_is_an_error():
    with pytest.raises(ValueError, match="no number fits"):
        sample({"type": "integer", "minimum": 0.2, "maximum": 0.8})


def asked(server):
    return Gemini(ModelSettings(endpoint=server.url)).complete(PROMPT, SCHEMA)


def test_faults_are_used_up_one_by_one(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k" * 20)
    with LLMServer(faults=["blocked", "ok", "truncated"]) as server:
        outcomes = []
        for _ in range(4):
            try:
                outcomes.append(json.loads(asked(server).text) == sample(SCHEMA))
            except NoAnswerError as error:
                outcomes.append(error.outcome)
    assert outcomes == ["blocked", True, "truncated", True]


def test_faults_may_be_a_function_and_answers_too(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k" * 20)

    def answer(prompt, schema):
        return json.dumps([len(prompt), sorted(schema["properties"])])

    with LLMServer(answer=answer, faults=lambda number: "fenced" if number == 1 else "ok") as server:
        first, second = asked(server).text, asked(server).text
    assert json.loads(first) == [3, ["arms", "w_like", "why"]]
    assert second == f"```json\n{first}\n```"


def test_a_fault_that_does_not_exist_is_an_error():
    with pytest.raises(ValueError, match="there is no fault 'tired'; there are ok, busy"):
        LLMServer(faults=["ok", "tired"])


def test_it_has_stopped_when_it_is_left(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k" * 20)
    with LLMServer() as server:
        asked(server)
    with pytest.raises(NoAnswerError, match="cannot be reached"):
        asked(server)
