"""A suite for authors of providers of language models: subclass `LLMContract`, and give it a fixture `make`.

    class TestMine(LLMContract):
        @pytest.fixture
        def make(self):
            return lambda server, **settings: Mine(ModelSettings(endpoint=server.url, **settings))

`make(server, ...)` is a provider that asks an `LLMServer`, which speaks Gemini's and OpenAI's protocols. No
patch release adds a test to the suite.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rectune_dsl.hooks.api import LLM, LLMAnswer, NoAnswerError, Outcome, UsageError
from rectune_dsl.testing.llm_server import Fault, LLMServer, sample

Make = Callable[..., LLM]
PROMPT = ("You tune rankers. \u4f60\u597d", 'What comes "next"?\n```json\n{}\n```', "Answer with care.")
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "w_like": {"type": "number", "minimum": 0.1, "maximum": 10.0},
        "why": {"type": "string", "minLength": 3},
        "arms": {"type": "array", "items": {"$ref": "#/$defs/Arm"}, "minItems": 2},
    },
    "required": ["w_like", "why", "arms"],
    "additionalProperties": False,
    "$defs": {"Arm": {"type": "string", "enum": ["bold", "careful"]}},
}
OUTCOMES: Mapping[Fault, Outcome] = {
    "busy": "unavailable",
    "quota": "unavailable",
    "broken": "unavailable",
    "slow": "unavailable",
    "dropped": "unavailable",
    "cut off": "unavailable",
    "malformed": "unavailable",
    "empty": "unavailable",
    "unauthorized": "refused",
    "unknown model": "refused",
    "truncated": "truncated",
    "blocked": "blocked",
    "unsafe": "blocked",
}
"""How a call ends under each fault that leaves no whole answer."""
WRITTEN: tuple[Fault, ...] = ("garbage", "wrong", "nan", "echo", "fenced")
"""Faults of the model itself: its answer is whole, and whoever asked has to read it."""


class LLMContract:
    """What every provider has to do: one attempt at one answer, and an honest word on how it ended."""

    def test_a_whole_answer_has_text_model_and_tokens(self, make: Make) -> None:
        with LLMServer() as server:
            answer = make(server, model="small").complete(PROMPT, SCHEMA)
        assert isinstance(answer, LLMAnswer)
        assert json.loads(answer.text) == sample(SCHEMA)
        assert answer.model == "small-001"  # the version that answered, not the name that was asked
        assert answer.input_tokens > 0
        assert answer.output_tokens > 0

    def test_prompt_and_schema_arrive_as_they_are(self, make: Make) -> None:
        with LLMServer() as server:
            make(server, model="small").complete(PROMPT, SCHEMA)
        assert server.requests[0].model == "small"
        assert server.requests[0].prompt == PROMPT
        assert server.requests[0].schema == SCHEMA

    def test_without_a_model_named_it_takes_one_of_its_own_or_says_that_it_needs_one(
        self, make: Make
    ) -> None:
        with LLMServer() as server:
            try:
                provider = make(server)
            except UsageError as error:
                told = f"{error} {error.help}"
            else:
                provider.complete(PROMPT, SCHEMA)
        if server.requests:
            assert server.requests[0].model
            assert server.requests[0].model == getattr(provider, "model", "")
        else:
            assert "model" in told

    @pytest.mark.parametrize("fault", OUTCOMES)
    def test_what_is_no_whole_answer_is_told_by_its_outcome(self, make: Make, fault: Fault) -> None:
        with LLMServer(faults=[fault]) as server:
            provider = make(server, model="small", timeout=0.3 if fault == "slow" else 20.0)
            with pytest.raises(NoAnswerError) as failed:
                provider.complete(PROMPT, SCHEMA)
        assert failed.value.outcome == OUTCOMES[fault]
        assert str(failed.value)

    @pytest.mark.parametrize("fault", WRITTEN)
    def test_what_the_model_writes_is_handed_over_unread(self, make: Make, fault: Fault) -> None:
        with LLMServer(faults=[fault, fault]) as server:
            first, second = (make(server, model="small").complete(PROMPT, SCHEMA) for _ in range(2))
        assert first == second
        assert first.text != json.dumps(sample(SCHEMA))
        if fault == "echo":
            assert first.text == "\n".join(PROMPT)

    def test_it_does_not_try_again_by_itself(self, make: Make) -> None:
        with LLMServer(faults=["busy", "broken", "dropped"]) as server:
            provider = make(server, model="small")
            for asked in (1, 2, 3):
                with pytest.raises(NoAnswerError):
                    provider.complete(PROMPT, SCHEMA)
                assert len(server.requests) == asked
            assert provider.complete(PROMPT, SCHEMA).text

    def test_it_says_how_long_a_busy_server_wants_to_be_left_alone(self, make: Make) -> None:
        with LLMServer(faults=["busy"], retry_after="7") as server, pytest.raises(NoAnswerError) as failed:
            make(server, model="small").complete(PROMPT, SCHEMA)
        assert failed.value.retry_after == 7

    def test_it_waits_no_longer_than_its_timeout(self, make: Make) -> None:
        began = time.monotonic()
        with LLMServer(faults=["slow"]) as server, pytest.raises(NoAnswerError):
            make(server, model="small", timeout=0.3).complete(PROMPT, SCHEMA)
        assert time.monotonic() - began < 10

    def test_an_answer_that_is_cut_short_has_a_cost(self, make: Make) -> None:
        with LLMServer(faults=["truncated"]) as server, pytest.raises(NoAnswerError) as failed:
            make(server, model="small").complete(PROMPT, SCHEMA)
        assert failed.value.input_tokens > 0
        assert failed.value.output_tokens > 0
        assert failed.value.model == "small-001"

    def test_tokens_that_are_not_told_are_none(self, make: Make) -> None:
        with LLMServer(faults=["no usage"]) as server:
            answer = make(server, model="small").complete(PROMPT, SCHEMA)
        assert (answer.input_tokens, answer.output_tokens) == (0, 0)

    def test_no_proxy_comes_between_it_and_this_machine(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
            monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with LLMServer() as server:
            assert make(server, model="small").complete(PROMPT, SCHEMA).text
