"""Gemini's provider: the real library over HTTP, against a server that misbehaves."""

import json
import subprocess
import sys

import pytest

from rectune_dsl.hooks.api import ModelSettings, NoAnswerError, UsageError
from rectune_dsl.llm.gemini import DEFAULT_MODEL, Gemini
from rectune_dsl.testing.llm_contract import PROMPT, SCHEMA, LLMContract
from rectune_dsl.testing.llm_server import LLMServer
from rectune_dsl.testing.llm_server.server import TOKEN_PATH


class TestGemini(LLMContract):
    @pytest.fixture
    def make(self):
        return lambda server, **settings: Gemini(ModelSettings(endpoint=server.url, **settings))


def asked(settings, faults=()):
    """The request that settings lead to, and the answer."""
    with LLMServer(faults=faults) as server:
        answer = Gemini(ModelSettings(endpoint=server.url, **settings)).complete(PROMPT, SCHEMA)
    return server.requests[0], answer


def test_settings_reach_the_model():
    request, _ = asked(
        {"max_output_tokens": 99, "options": {"temperature": "0.25", "seed": "7", "top_p": "0.5"}}
    )
    wanted = request.body["generationConfig"]
    assert wanted["maxOutputTokens"] == 99
    assert (wanted["temperature"], wanted["seed"], wanted["topP"]) == (0.25, 7, 0.5)
    assert wanted["responseMimeType"] == "application/json"
    assert "thinkingConfig" not in wanted
    assert request.model == DEFAULT_MODEL


@pytest.mark.parametrize(("thinking", "name", "value"), [("low", "level", "LOW"), ("0", "budget", 0)])
def test_thinking_is_a_level_or_a_number_of_tokens(thinking, name, value):
    request, answer = asked({"thinking": thinking})
    told = request.body["generationConfig"]["thinkingConfig"]
    assert {key.lower().replace("_", ""): told[key] for key in told} == {f"thinking{name}": value}
    assert "Let me think" not in answer.text
    assert answer.output_tokens == asked({})[1].output_tokens + 5  # the server says it thought 5 tokens


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_the_version_of_the_api_is_a_setting(version):
    request, _ = asked({"api_version": version})
    assert request.path == f"/{version}/models/{DEFAULT_MODEL}:generateContent"


def test_the_key_goes_into_a_header(key):
    request, _ = asked({})
    assert request.headers["x-goog-api-key"] == key
    assert key not in str(request.body) + request.path


def test_vertex_ai_is_reached_by_its_environment_variables(monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    request, answer = asked({"api_version": "v1"})
    assert request.path == f"/v1/publishers/google/models/{DEFAULT_MODEL}:generateContent"
    assert answer.text
    assert request.schema == SCHEMA


def test_vertex_ai_takes_project_and_place_from_options_and_the_token_of_a_service_account(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.delenv("GEMINI_API_KEY")
    with LLMServer() as server:
        account = tmp_path / "account.json"
        account.write_text(json.dumps(service_account(server.url + TOKEN_PATH)))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
        place = {"project": "tuning", "location": "europe-west4"}
        settings = ModelSettings(endpoint=server.url, api_version="v1", options=place)
        assert Gemini(settings).complete(PROMPT, SCHEMA).text
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer ya29.of-this-server"
    assert request.path == (
        f"/v1/projects/tuning/locations/europe-west4/publishers/google/models/{DEFAULT_MODEL}:generateContent"
    )


def service_account(token_uri):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "client_email": "tuner@tuning.iam.gserviceaccount.com",
        "private_key": key.decode(),
        "token_uri": token_uri,
    }


def test_without_a_key_it_says_which_to_set(monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY")
    with pytest.raises(NoAnswerError, match="no client for it: ") as failed:
        Gemini(ModelSettings()).complete(PROMPT, SCHEMA)
    assert failed.value.outcome == "refused"
    assert "GEMINI_API_KEY" in failed.value.help
    assert "GOOGLE_CLOUD_PROJECT" in failed.value.help


@pytest.mark.parametrize(
    ("settings", "wrong", "right"),
    [
        ({"options": {"temprature": "1"}}, "temprature", "temperature"),
        ({"options": {"seed": "odd"}}, "odd", "1"),
        ({"thinking": "hard"}, "hard", "high"),
        ({"endpoint": "localhost:8000"}, "localhost:8000", "https://"),
    ],
)
def test_settings_that_it_does_not_know_are_errors_that_say_what_to_write(settings, wrong, right):
    with pytest.raises(UsageError, match=wrong) as refused:
        Gemini(ModelSettings(**settings))
    assert right in refused.value.help


def test_a_delay_in_the_body_of_an_error_counts_as_well():
    with LLMServer(faults=["quota"], retry_after="34.5") as server, pytest.raises(NoAnswerError) as failed:
        Gemini(ModelSettings(endpoint=server.url)).complete(PROMPT, SCHEMA)
    assert (failed.value.outcome, failed.value.retry_after) == ("unavailable", 34.5)


@pytest.mark.parametrize("reply", ['{"candidates": 3}', "[]", '"text"', "3", "null", '{"candidates": [{}]}'])
def test_a_reply_of_another_shape_is_no_answer(reply, monkeypatch):
    with LLMServer() as server:
        monkeypatch.setattr(server, "respond", lambda request: ("ok", 200, reply.encode()))
        with pytest.raises(NoAnswerError):
            Gemini(ModelSettings(endpoint=server.url)).complete(PROMPT, SCHEMA)


def test_the_library_is_imported_only_when_a_model_is_asked():
    lines = (
        "import sys",
        "from rectune_dsl.hooks.api import ModelSettings",
        "from rectune_dsl.plugins.host import Host",
        "Host().llm('gemini')(ModelSettings())",
        "import rectune_dsl.llm.session, rectune_dsl.llm.ask, rectune_dsl.llm.cassette",
        "unwanted = 'google.genai', 'httpx', 'httpx2', 'requests', 'opentelemetry'",
        "print([name for name in unwanted if name in sys.modules])",
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    loaded = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert loaded.stdout == "[]\n", loaded.stderr
