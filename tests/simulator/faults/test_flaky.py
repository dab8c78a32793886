"""A backend that fails now and then."""

import contextlib
from datetime import timedelta

import pytest

from rectune_dsl.hooks.api import ABBackend, BackendError
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
    insist(platform.rollback)
    assert repr(insist(platform.observe, created, as_of)) == repr(on.observe(on.plain, 2))
    insist(platform.stop, created, "finished")


CALLS = {
    "create": lambda platform, on: platform.create(on.spec(), "other"),
    "start": lambda platform, on: platform.start("k"),
    "set_exposure": lambda platform, on: platform.set_exposure("k", 0.5),
    "observe": lambda platform, on: platform.observe("k", EPOCH),
    "stop": lambda platform, on: platform.stop("k", "finished"),
    "deliver": lambda platform, on: platform.deliver(on.other),
    "rollback": lambda platform, on: platform.rollback(),
}
LOGS = {
    "capabilities": lambda platform: platform.capabilities(),
    "check": lambda platform: platform.check(),
    "panel": lambda platform: platform.panel(5),
    "baseline": lambda platform: platform.baseline(1),
}


def test_every_call_of_a_platform_is_one_of_these():
    declared = {name for name in vars(ABBackend) if not name.startswith("_")} | {"panel", "baseline"}
    assert {*CALLS, *LOGS} == declared


@pytest.fixture
def unreliable(on):
    platform = on.backend(on.task("flaky = 0.999"))
    insist(platform.create, on.spec(), "k", tries=10_000)
    return platform


@pytest.mark.parametrize("call", CALLS)
def test_what_changes_or_reads_an_experiment_fails(unreliable, on, call):
    with pytest.raises(BackendError, match=f"did not (do|answer) `{call}`"):
        CALLS[call](unreliable, on)


@pytest.mark.parametrize("log", LOGS)
def test_what_is_known_beforehand_comes(unreliable, log):
    LOGS[log](unreliable)


def test_a_rollback_whose_answer_was_lost_may_be_repeated(on):
    platform = on.backend(on.plain)
    served = [repr(platform.baseline(1))]
    for config in (on.other, on.production):
        platform.deliver(config)
        served.append(repr(platform.baseline(1)))
    assert served[0] == served[2] != served[1]
    for _ in range(2):
        platform.rollback()
        assert repr(platform.baseline(1)) == served[1]


def insist(call, *given, tries=40):
    """Call until it works."""
    for _ in range(tries):
        with contextlib.suppress(BackendError):
            return call(*given)
    raise AssertionError("it never works")
