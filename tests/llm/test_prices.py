"""Price lists: which line speaks for a model, and what a call costs by it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import UsageError
from rectune_dsl.llm.gemini import DEFAULT_MODEL
from rectune_dsl.llm.prices import Price, load_prices

AUTUMN = date(2026, 11, 1)
MINE = """
[[price]]
model = "small"
input = 0.1
output = 0.2
since = 2026-01-01
source = "our contract"

[[price]]
model = "gemini-2.5-pro"
input = 1.0
output = 5.0
since = 2026-01-01
source = "our contract"
"""


def test_every_bundled_price_says_when_and_by_whom():
    lines = load_prices().lists[0]
    assert len(lines) > 5
    for line in lines:
        assert line.source
        assert line.since >= date(2026, 1, 1)
        assert 0 < line.input <= line.output


def test_the_default_model_has_a_price():
    assert load_prices().of(DEFAULT_MODEL, AUTUMN) is not None


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-2.5-flash-lite", "gemini-2.5-flash-lite"),
        ("gemini-2.5-flash-lite-001", "gemini-2.5-flash-lite"),
        ("gemini-2.5-pro@default", "gemini-2.5-pro"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("models/gemini-3.5-flash", "gemini-3.5-flash"),
    ],
)
def test_the_longest_name_that_a_model_is_a_version_of_wins(model, line):
    assert load_prices().of(model, AUTUMN).model == line


@pytest.mark.parametrize("model", ["", "small", "gemini", "gemini-2.5-professional", "gemini-2.5"])
def test_an_unknown_model_has_no_price(model):
    assert load_prices().of(model, AUTUMN) is None


def test_a_price_holds_from_its_day_on():
    prices = load_prices()
    days = [date(2026, 12, 31), date(2027, 1, 1)]
    assert [prices.of("gemini-3.8-flash", day).input for day in days] == [0.75, 1.50]
    assert prices.of("gemini-3.8-flash", date(2020, 1, 1)) is None


def test_a_long_prompt_costs_more_for_all_of_its_tokens():
    price = load_prices().of("gemini-3.1-pro-preview", AUTUMN)
    assert price.usd(200_000, 1_000) == pytest.approx(0.2 * 2 + 0.001 * 12)
    assert price.usd(200_001, 1_000) == pytest.approx(0.200001 * 4 + 0.001 * 18)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 100), st.floats(0, 100))
def test_cost_is_linear_in_tokens(read, written, input, output):
    price = Price(model="m", input=input, output=output, since=AUTUMN, source="s")
    assert price.usd(read, written) == pytest.approx(input * read / 1e6 + output * written / 1e6)


def test_a_file_of_ones_own_goes_first(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(MINE)
    prices = load_prices(path)
    assert prices.of("small", AUTUMN).output == 0.2
    assert prices.of("gemini-2.5-pro-002", AUTUMN).input == 1.0
    assert prices.of("gemini-2.5-flash", AUTUMN).input == 0.30


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[[price]", "Expected"),
        (MINE.replace("0.1", "-0.1"), "price.0.input"),
        (MINE.replace("0.1", "nan"), "price.0.input"),
        (MINE.replace('source = "our contract"', ""), "price.0.source"),
        (MINE.replace("since", "from"), "price.0.from"),
        (None, "No such file"),
    ],
)
def test_what_is_no_price_list_is_an_error_with_what_to_write(tmp_path, text, wrong):
    path = tmp_path / "prices.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=wrong) as refused:
        load_prices(path)
    assert "[[price]]" in refused.value.help
