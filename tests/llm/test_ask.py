"""The repair loop: what a model writes is read strictly, and sent back once."""

import json
import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from rectune_dsl.hooks.api import LLMAnswer, NoAnswerError
from rectune_dsl.llm.ask import (
    LONGEST_PROBLEM,
    LONGEST_QUOTE,
    MOST_PROBLEMS,
    UnusableAnswerError,
    ask,
)

PROMPT = ("Be brief.", "Which weights?")


class Weights(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    w_like: float = Field(ge=0.1, le=50)
    mood: Literal["bold", "careful"] = "bold"


class Scripted:
    """A model that says what it is told to, one text after the other; `prompts` is what it was asked."""

    def __init__(self, *texts):
        self.texts, self.prompts, self.schemas = list(texts), [], []

    def complete(self, prompt, schema):
        self.prompts.append(tuple(prompt))
        self.schemas.append(schema)
        text = self.texts.pop(0)
        if isinstance(text, Exception):
            raise text
        return LLMAnswer(text, "scripted-1", 10, 5)


def quoted(llm):
    """What the model was told of its first answer."""
    told = llm.prompts[1]
    assert told[: len(PROMPT)] == PROMPT
    return json.loads(told[-1])


GOOD = '{"w_like": 2.0}'


def test_a_good_answer_is_asked_for_once():
    llm = Scripted(GOOD)
    assert ask(llm, PROMPT, Weights) == Weights(w_like=2.0)
    assert llm.prompts == [PROMPT]
    assert llm.schemas == [Weights.model_json_schema()]


def test_a_schema_may_be_narrower_than_the_type():
    llm, schema = Scripted(GOOD), {"type": "object"}
    ask(llm, PROMPT, Weights, schema=schema)
    assert llm.schemas == [schema]


@pytest.mark.parametrize(
    "text", [f"```json\n{GOOD}\n```", f"```\n{GOOD}```\n", f"\n ```JSON\r\n{GOOD}\r\n```"]
)
def test_a_fence_around_it_does_not_matter(text):
    assert ask(Scripted(text), PROMPT, Weights) == Weights(w_like=2.0)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ('{"w_like": 99}', "w_like: Input should be less than or equal to 50"),
        ('{"w_like": "2.0"}', "w_like: Input should be a valid number"),
        ('{"w_like": true}', "w_like: Input should be a valid number"),
        ('{"w_like": 2, "mood": "wild"}', "mood: Input should be 'bold' or 'careful'"),
        ('{"w_like": 2, "w_hate": 1}', "w_hate: Extra inputs are not permitted"),
        ('{"w_like": NaN}', "NaN is no JSON number; write a finite one"),
        ('{"w_like": -Infinity}', "-Infinity is no JSON number; write a finite one"),
        ('{"w_like": 1e999}', "1e999 is too large; write a finite number"),
        (f'{{"w_like": 1{"0" * 400}}}', "is too large; write a finite number"),
        ('{"w_like": 2', "this is not JSON"),
        ("I think 2.0 is best.", "this is not JSON"),
        ("", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
    ],
)
def test_an_answer_that_cannot_be_used_comes_back_with_the_exact_problem(bad, problem):
    llm = Scripted(bad, GOOD)
    assert ask(llm, PROMPT, Weights) == Weights(w_like=2.0)
    (told,) = quoted(llm)["problems"]
    assert problem in told
    assert quoted(llm)["answer"][:1000] == bad[:1000]


def test_a_check_of_the_callers_own_counts_like_the_types():
    def too_timid(weights):
        return ["w_like is too close to production"] if weights.w_like < 1 else []

    llm = Scripted('{"w_like": 0.5}', GOOD)
    assert ask(llm, PROMPT, Weights, too_timid).w_like == 2.0
    assert quoted(llm)["problems"] == ["w_like is too close to production"]


def test_it_comes_back_once_and_not_again():
    llm = Scripted('{"w_like": 99}', "```json\nnot yet\n```", GOOD)
    with pytest.raises(UnusableAnswerError, match="scripted-1 gave no usable answer") as failed:
        ask(llm, PROMPT, Weights)
    assert isinstance(failed.value, NoAnswerError)
    assert failed.value.problems[0].startswith("this is not JSON")
    assert len(llm.prompts) == 2


def test_what_the_model_raises_is_raised():
    blocked = NoAnswerError("no", "blocked")
    with pytest.raises(NoAnswerError) as failed:
        ask(Scripted(blocked), PROMPT, Weights)
    assert failed.value is blocked
    with pytest.raises(NoAnswerError) as failed:
        ask(Scripted("{}", blocked), PROMPT, Weights)
    assert failed.value is blocked


def test_what_is_sent_back_is_bounded():
    llm = Scripted('{"w_like": 2, "why": "' + "x" * 100_000 + '"}', GOOD)
    ask(llm, PROMPT, Weights)
    assert len(quoted(llm)["answer"]) == LONGEST_QUOTE
    llm = Scripted(GOOD, GOOD)
    with pytest.raises(UnusableAnswerError):
        ask(llm, PROMPT, Weights, lambda weights: ["y" * 1000] * 99)
    assert len(quoted(llm)["problems"]) == MOST_PROBLEMS + 1
    assert max(map(len, quoted(llm)["problems"])) == LONGEST_PROBLEM


@given(st.text(max_size=300))
def test_whatever_it_wrote_comes_back_as_data(text):
    llm = Scripted(text + "}", GOOD)  # never JSON: nothing opens what the brace closes
    try:
        json.loads(text + "}")
    except ValueError:
        ask(llm, PROMPT, Weights)
        assert quoted(llm)["answer"] == text + "}"


@given(st.floats() | st.integers(), st.booleans())
def test_only_finite_numbers_within_bounds_pass(number, quote):
    text = json.dumps({"w_like": str(number) if quote else number})
    try:
        passed = ask(Scripted(text, text), PROMPT, Weights).w_like
    except UnusableAnswerError:
        assert quote or not (math.isfinite(number) and 0.1 <= number <= 50)
    else:
        assert not quote
        assert passed == number
