"""A backend that fails now and then."""

import contextlib
from datetime import timedelta

import pytest

from rectune_dsl.hooks.api import BackendError
from rectune_dsl.simulator.experiment import EPOCH
from rectune_dsl.simulator.faults.flaky import Line


def fails(line, *what):
    done = False
    try:
        with line.call(*what):
            done = True
    except BackendError:
        return "unanswered" if done else "undone"
    return ""


def test_calls_fail_as_often_as_asked_half_of_them_after_they_were_done():
    line = Line(1, 0.4, 0)
    found = [fails(line, "observe", str(day)) for day in range(1_000)]
    assert found.count("undone") == pytest.approx(200, abs=50)
    assert found.count("unanswered") == pytest.approx(200, abs=50)


def test_another_attempt_has_luck_of_its_own_in_this_process_or_the_next():
    line = Line(1, 0.5, 0)
    here = [fails(line, "create", "salt") for _ in range(12)]
    later = [fails(Line(1, 0.5, attempt), "create", "salt") for attempt in range(12)]
    assert here == later
    assert len(set(here)) == 3


def test_no_call_fails_where_none_shall():
    assert {fails(Line(1, 0.0, 0), "create", str(n)) for n in range(100)} == {""}


def test_a_retry_finds_the_experiment_that_was_made(on):
    platform, asked = on.backend(on.task("flaky = 0.6")), on.spec()
    as_of = EPOCH + timedelta(days=2)
    created = insist(platform.create, asked, "k")
    insist(platform.start, created)
    insist(platform.set_exposure, created, 1.0)
    insist(platform.deliver, on.other)
    assert repr(insist(platform.observe, created, as_of)) == repr(on.observe(on.plain, 2))
    insist(platform.stop, created, "finished")


def insist(call, *given):
    """Call until it works."""
    for _ in range(40):
        with contextlib.suppress(BackendError):
            return call(*given)
    raise AssertionError("it never works")
