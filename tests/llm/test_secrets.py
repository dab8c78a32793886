"""Keys are taken out of whatever is written: those of the environment, and what looks like one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.llm.secrets import REDACTED, redacted

LETTERS = string.ascii_letters + string.digits
KEYS = st.one_of(
    st.text(LETTERS + "_-", min_size=35, max_size=35).map(lambda tail: f"AIza{tail}"),
    st.text(LETTERS, min_size=20, max_size=60).map(lambda tail: f"sk-{tail}"),
    st.text(LETTERS, min_size=20, max_size=60).map(lambda tail: f"sk-proj-{tail}"),
    st.text(LETTERS + "-_", min_size=20, max_size=60).map(lambda tail: f"ya29.{tail}"),
    st.text(LETTERS + "-_", min_size=20, max_size=60).map(lambda tail: f"AQ.{tail}"),
)
PROSE = st.text(st.characters(exclude_characters=LETTERS + "_-.", codec="utf-8"), max_size=40)


@given(PROSE, KEYS, PROSE)
def test_what_has_the_shape_of_a_key_is_gone_and_nothing_else_is(before, key, after):
    assert redacted(before + key + after) == before + REDACTED + after


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abcDEF.123-4", "Authorization: Bearer [redacted]"),
        ("https://host/v1/models?alt=json&key=abc123", "https://host/v1/models?alt=json&key=[redacted]"),
        ("{'x-goog-api-key': 'abc', 'accept': '*/*'}", "{'x-goog-api-key': '[redacted]', 'accept': '*/*'}"),
        ('{"api_key": "local-one"}', '{"api_key": "[redacted]"}'),
    ],
)
def test_what_stands_where_keys_stand_is_gone(text, left):
    assert redacted(text) == left


@given(PROSE, st.text(LETTERS + "/+=!~", min_size=8, max_size=64).filter(lambda key: key[0] != "/"), PROSE)
@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "MY_SERVICE_TOKEN", "AWS_SECRET_ACCESS_KEY"])
def test_a_key_of_the_environment_is_gone_whatever_it_looks_like(name, before, key, after):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, key)
        assert key not in redacted(before + key + after).replace(REDACTED, "")


def test_a_key_that_contains_another_leaves_no_rest(monkeypatch):
    monkeypatch.setenv("FIRST_API_KEY", "abcdefgh")
    monkeypatch.setenv("SECOND_API_KEY", "abcdefgh-and-more")
    assert redacted("it is abcdefgh-and-more.") == f"it is {REDACTED}."


def test_placeholders_of_servers_without_keys_are_left_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "ollama")
    assert redacted("served by ollama") == "served by ollama"


@given(st.text(max_size=200))
def test_redacting_twice_changes_no_more(text):
    assert redacted(redacted(text)) == redacted(text)


@given(st.recursive(st.floats(allow_nan=False) | st.text(LETTERS + " ", max_size=20), st.lists, max_leaves=8))
def test_honest_json_stays_as_it_is(value):
    import json

    text = json.dumps({"w_like": value, "key_metric": "watch_minutes"})
    assert redacted(text) == text
