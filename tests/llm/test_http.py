"""What HTTP says to providers: statuses, `Retry-After`, and whose addresses are this machine's."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.http import is_loopback, outcome_of, seconds_to_wait

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@given(st.integers(0, 10**6))
def test_retry_after_may_be_seconds_or_a_date(seconds):
    assert seconds_to_wait(str(seconds)) == seconds
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert seconds_to_wait(date, NOW) == seconds


@pytest.mark.parametrize(
    ("header", "wait"), [(None, None), ("soon", None), ("inf", None), ("-5", 0.0), ("", None)]
)
def test_a_header_that_says_nothing_is_none(header, wait):
    assert seconds_to_wait(header) == wait


def test_a_date_that_has_passed_is_no_wait():
    assert seconds_to_wait("Sun, 01 Nov 2026 11:00:00 GMT", NOW) == 0.0


@given(st.text(max_size=30))
def test_no_header_is_an_error(header):
    wait = seconds_to_wait(header, NOW)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(429, "unavailable"), (500, "unavailable"), (503, "unavailable"), (400, "refused"), (404, "refused")],
)
def test_statuses_say_whether_to_try_again(status, outcome):
    assert outcome_of(status) == outcome


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.1.2.3", True),
        ("http://[::1]:8000", True),
        ("http://localhost:11434/v1", True),
        ("http://models.localhost", True),
        ("https://api.openai.com/v1", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_only_this_machine_is_reached_without_a_proxy(url, local):
    assert is_loopback(url) is local
