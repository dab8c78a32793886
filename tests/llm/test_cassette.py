"""Cassettes: recorded over HTTP, replayed without it."""

import json
import shutil

import pytest

from rectune_dsl.hooks.api import ModelSettings, NoAnswerError, UsageError
from rectune_dsl.llm.cassette import Recorded, Replayed
from rectune_dsl.llm.gemini import DEFAULT_MODEL, Gemini
from rectune_dsl.llm.session import Session
from rectune_dsl.testing.llm_contract import PROMPT, SCHEMA
from rectune_dsl.testing.llm_server import LLMServer

OTHER = ("Be brief.", "Another question")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "actor.jsonl"


def recorder(server, path):
    settings = ModelSettings(endpoint=server.url)
    return Recorded(Gemini(settings), path, "gemini", settings)


def replay(path, **settings):
    return Replayed(path, "gemini", ModelSettings(**settings))


def test_what_was_recorded_is_replayed(path):
    with LLMServer() as server:
        first = [recorder(server, path).complete(prompt, SCHEMA) for prompt in (PROMPT, OTHER)]
    assert [replay(path).complete(prompt, SCHEMA) for prompt in (PROMPT, OTHER)] == first


def test_what_is_on_it_is_not_asked_again(path):
    with LLMServer() as server:
        recorder(server, path).complete(PROMPT, SCHEMA)
        tape = recorder(server, path)
        tape.complete(PROMPT, SCHEMA)
        tape.complete(OTHER, SCHEMA)
    assert len(server.requests) == len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("fault", ["truncated", "blocked"])
def test_failures_of_the_question_are_replayed_as_they_were(path, fault):
    with LLMServer(faults=[fault]) as server, pytest.raises(NoAnswerError) as first:
        recorder(server, path).complete(PROMPT, SCHEMA)
    with pytest.raises(NoAnswerError) as again:
        replay(path).complete(PROMPT, SCHEMA)
    assert vars(again.value) | {"help": ""} == vars(first.value) | {"help": ""}
    assert str(again.value) == str(first.value)


@pytest.mark.parametrize("fault", ["busy", "dropped", "unauthorized"])
def test_failures_of_the_day_are_not_kept(path, fault):
    with LLMServer(faults=[fault]) as server:
        tape = recorder(server, path)
        with pytest.raises(NoAnswerError):
            tape.complete(PROMPT, SCHEMA)
        assert not path.exists()
        answer = tape.complete(PROMPT, SCHEMA)
    assert replay(path).complete(PROMPT, SCHEMA) == answer


def test_an_unknown_question_says_which_step_asked_it(path, ledger, hands):
    with LLMServer() as server:
        recorder(server, path).complete(PROMPT, SCHEMA)
    session = Session(replay(path), "gemini", ModelSettings(), ledger, clock=hands.clock())
    with pytest.raises(
        NoAnswerError, match=r"critic of round-3/review: .*actor\.jsonl has no answer"
    ) as failed:
        session.at("round-3/review", "critic").complete(OTHER, SCHEMA)
    assert failed.value.outcome == "refused"
    assert "record it" in failed.value.help
    assert session.complete(PROMPT, SCHEMA).text


@pytest.mark.parametrize("changed", [{"model": "gemini-2.5-pro"}, {"thinking": "high"}])
def test_other_settings_are_another_question(path, changed):
    with LLMServer() as server:
        recorder(server, path).complete(PROMPT, SCHEMA)
    with pytest.raises(NoAnswerError, match="has no answer"):
        replay(path, **changed).complete(PROMPT, SCHEMA)


def test_no_key_is_on_it(path, key):
    with LLMServer(faults=["echo", "blocked"]) as server:
        tape = recorder(server, path)
        tape.complete([f"key={key}", f"Bearer {key}"], SCHEMA)
        with pytest.raises(NoAnswerError):
            tape.complete([key], SCHEMA)
    assert "[redacted]" in path.read_text()
    assert key not in path.read_text()


def test_a_cassette_can_be_read_and_moved(path, tmp_path):
    with LLMServer() as server:
        answer = recorder(server, path).complete(PROMPT, SCHEMA)
    line = json.loads(path.read_text())
    assert tuple(line["prompt"]) == PROMPT
    assert line["model"] == f"{DEFAULT_MODEL}-001"
    moved = shutil.move(path, tmp_path / "moved.jsonl")
    assert replay(moved).complete(PROMPT, SCHEMA) == answer


@pytest.mark.parametrize(("text", "place"), [("\n{}\n", ":2: "), ("[]\n", ":1: "), ('{"key": "\n', ":1: ")])
def test_a_broken_line_is_named(path, text, place):
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UsageError, match="no recorded answer") as refused:
        replay(path)
    assert f"{path}{place}" in str(refused.value)


def test_a_missing_cassette_says_so(path):
    with pytest.raises(UsageError, match="cannot be read"):
        replay(path)
