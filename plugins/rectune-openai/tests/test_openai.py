"""The provider over HTTP, against a server that misbehaves."""

import json
import subprocess
import sys

import pytest
from rectune_openai.provider import OpenAI

from rectune_dsl.hooks.api import ModelSettings, NoAnswerError, UsageError
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.llm_contract import PROMPT, SCHEMA, LLMContract
from rectune_dsl.testing.llm_server import LLMServer, sample


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def provider(server, **settings):
    return OpenAI(ModelSettings(**{"model": "small", "endpoint": f"{server.url}/v1", **settings}))


class TestOpenAI(LLMContract):
    @pytest.fixture
    def make(self):
        return lambda server, **settings: provider(server, **{"model": "", **settings})


class TestOpenAIWithoutSchemas(LLMContract):
    """A server that refuses JSON Schema is asked with the schema in the prompt."""

    @pytest.fixture
    def make(self):
        def made(server, **settings):
            old = provider(server, **{"model": "", **settings})
            old._knows_schemas = False
            return old

        return made

    def test_prompt_and_schema_arrive_as_they_are(self, make):
        with LLMServer() as server:
            make(server, model="small").complete(PROMPT, SCHEMA)
        assert server.requests[0].prompt[: len(PROMPT)] == PROMPT
        assert server.requests[0].schema == SCHEMA

    def test_what_the_model_writes_is_handed_over_unread(self, make):
        with LLMServer(faults=["garbage"]) as server:
            assert make(server, model="small").complete(PROMPT, SCHEMA).text.startswith("As a language model")


def test_a_server_that_refuses_schemas_is_asked_otherwise_and_then_only_so():
    with LLMServer(faults=lambda number: "no schema") as server:
        asked = provider(server)
        answers = [asked.complete(PROMPT, SCHEMA) for _ in range(2)]
    kinds = [request.body["response_format"]["type"] for request in server.requests]
    assert kinds == ["json_schema", "json_object", "json_object"]
    assert [json.loads(answer.text) for answer in answers] == [sample(SCHEMA)] * 2


def test_settings_reach_the_model():
    options = {"temperature": "0.25", "top_p": "0.5", "seed": "7"}
    with LLMServer() as server:
        provider(server, thinking="low", max_output_tokens=99, options=options).complete(PROMPT, SCHEMA)
        provider(server, options={"limit": "max_completion_tokens"}).complete(["Only this."], SCHEMA)
    first, second = (request.body for request in server.requests)
    assert (first["temperature"], first["top_p"], first["seed"]) == (0.25, 0.5, 7)
    assert (first["max_tokens"], first["reasoning_effort"]) == (99, "low")
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert second["max_completion_tokens"] == 8192
    assert "max_tokens" not in second
    assert [message["role"] for message in second["messages"]] == ["user"]


def test_address_and_key_come_from_the_environment(monkeypatch):
    with LLMServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1/")
        OpenAI(ModelSettings(model="small")).complete(PROMPT, SCHEMA)
        monkeypatch.setenv("OPENAI_API_KEY", "local-key")
        OpenAI(ModelSettings(model="small")).complete(PROMPT, SCHEMA)
    without, with_key = server.requests
    assert without.path == with_key.path == "/v1/chat/completions"
    assert "authorization" not in without.headers
    assert with_key.headers["authorization"] == "Bearer local-key"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"choices": [{"message": {"refusal": "I will not."}, "finish_reason": "stop"}]}, "blocked"),
        ({"choices": [{"message": {"content": "{}"}}]}, "truncated"),
        ({"choices": [{"message": {"content": "{}"}, "finish_reason": "tool_calls"}]}, "unavailable"),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}, "unavailable"),
        ({"choices": "none"}, "unavailable"),
        ([], "unavailable"),
    ],
)
def test_replies_that_are_no_answer(reply, outcome):
    from rectune_openai.wire import answer

    with pytest.raises(NoAnswerError) as failed:
        answer(json.dumps(reply).encode(), "small")
    assert failed.value.outcome == outcome


@pytest.mark.parametrize(
    ("settings", "wrong", "right"),
    [
        ({"model": ""}, "name of a model", "model ="),
        ({"options": {"temprature": "1"}}, "temprature", "temperature"),
        ({"options": {"seed": "odd"}}, "odd", "1"),
        ({"options": {"limit": "tokens"}}, "tokens", "max_completion_tokens"),
        ({"endpoint": "localhost:8000"}, "localhost:8000", "http://"),
    ],
)
def test_settings_that_cannot_be_are_errors_that_say_what_to_write(settings, wrong, right):
    with pytest.raises(UsageError, match=wrong) as refused:
        OpenAI(ModelSettings(**{"model": "small", **settings}))
    assert right in refused.value.help


def test_rectune_finds_it_by_its_entry_point():
    with LLMServer() as server:
        found = Host().llm("openai")(ModelSettings(model="small", endpoint=f"{server.url}/v1"))
        assert found.complete(PROMPT, SCHEMA).model == "small-001"


def test_httpx_is_imported_only_when_a_model_is_asked():
    lines = (
        "import sys",
        "from rectune_dsl.hooks.api import ModelSettings",
        "from rectune_dsl.plugins.host import Host",
        "Host().llm('openai')(ModelSettings(model='small'))",
        "print('httpx' in sys.modules)",
    )
    run = [sys.executable, "-c", "\n".join(lines)]
    assert subprocess.run(run, capture_output=True, text=True, timeout=60).stdout == "False\n"


def test_an_address_that_is_none_is_refused():
    with pytest.raises(NoAnswerError) as caught:
        OpenAI(ModelSettings(model="m", endpoint="http://127.0.0.1:port")).complete(PROMPT, SCHEMA)
    assert caught.value.outcome == "refused"
    assert "endpoint" in caught.value.help
