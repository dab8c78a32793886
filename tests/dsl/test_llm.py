"""The `[llm]` table: everything in it may be left out, and what it may not say is said."""

import pytest

from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.llm import LanguageModel
from rectune_dsl.dsl.written import to_toml

DAYS = "[confirm]\nusers_per_arm = 1000\ndays = 3\n"


@pytest.fixture
def with_llm(check_text):
    """Checks the small task with lines in [llm], in an environment of the tests or another."""

    def run(lines, **named):
        return check_text((DAYS, f"{DAYS}[llm]\n{lines}\n"), **named)

    return run


def test_it_may_be_left_out_or_empty(check_text, with_llm):
    assert check_text().task.llm == with_llm("").task.llm == LanguageModel()


def test_a_default_that_nobody_registered_is_no_slip_but_a_written_one_is(check_text, with_llm):
    bare = Environment(llms=frozenset({"openai"}))
    assert check_text(environment=bare).problems == ()
    (problem,) = with_llm('provider = "gemini"', environment=bare).problems
    assert (problem.code, problem.message) == ("RT515", "there is no provider `gemini`")


def test_a_slip_in_a_provider_is_mended(with_llm):
    (problem,) = with_llm('provider = "openia"').problems
    assert (problem.code, problem.fix[0].text) == ("RT515", '"openai"')


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("max_calls = 0", "RT105"),
        ("max_usd = 0.0", "RT105"),
        ("max_usd = inf", "RT103"),
        ("attempts = 0", "RT105"),
        ("timeout_seconds = 0", "RT105"),
        ('max_calls = "500"', "RT103"),
        ('thinking = "hgih"', "RT104"),
        ('thinking = ""', "RT104"),
        ("max_output_tokens = 900\nmax_tokens = 900", "RT516"),
        ('cassette_mode = "replay"', "RT517"),
        ('cassette = ""', "RT105"),
        ("max_cost = 5", "RT101"),
        ("options = { temperature = 0.2 }", "RT103"),
    ],
)
def test_what_it_may_not_say(with_llm, lines, code):
    assert [p.code for p in with_llm(lines).problems] == [code]


@pytest.mark.parametrize("most", [901, 10**9])
def test_a_cap_that_lets_one_call_pass_is_none_of_checks_business(with_llm, most):
    assert with_llm(f"max_output_tokens = 900\nmax_tokens = {most}").problems == ()


def test_it_is_written_where_it_is_in_force(check_text, with_llm):
    assert "[llm]" not in to_toml(check_text().task)
    assert 'thinking = "low"' in to_toml(with_llm('thinking = "low"').task)
