"""What happens on the way to GrowthBook: keys, limits, failures, answers that get lost or are others."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rectune_growthbook.client import TRIES
from rectune_growthbook.limiter import Limiter
from rectune_growthbook.testing import Fault

from rectune_dsl.hooks.api import BackendContext, BackendError, Config, UsageError
from rectune_dsl.plugins.host import Host


@pytest.fixture
def waits(monkeypatch):
    """The seconds that were slept, which take none."""
    slept = []
    monkeypatch.setattr("rectune_growthbook.client.time.sleep", slept.append)
    return slept


def test_a_key_that_is_wrong_or_may_too_little_is_an_error_that_says_so(lab, monkeypatch):
    backend, spec = lab.backend(), lab.spec()
    lab.server.reads_only = True
    with pytest.raises(BackendError, match="answered 403: API key user") as refused:
        backend.create(spec, spec.key)
    assert "GROWTHBOOK_API_KEY" in refused.value.help
    monkeypatch.setenv("GROWTHBOOK_API_KEY", "secret_of_somebody_else")
    with pytest.raises(BackendError, match="answered 401") as refused:
        backend.create(spec, spec.key)
    assert "secret_of" not in str(refused.value)
    monkeypatch.setenv("GROWTHBOOK_API_KEY", "schlüssel")
    with pytest.raises(BackendError, match="cannot be asked: UnicodeEncodeError") as refused:
        backend.create(spec, spec.key)
    assert refused.value.__context__ is None or refused.value.__suppress_context__
    monkeypatch.delenv("GROWTHBOOK_API_KEY")
    with pytest.raises(UsageError, match="GROWTHBOOK_API_KEY is not set"):
        backend.create(spec, spec.key)
    assert lab.platform.experiments == {}


@pytest.mark.parametrize("before", [0, 290, 299])
def test_a_key_that_the_server_repeats_is_in_no_error_not_even_a_part_of_it(lab, before):
    backend = lab.backend()
    lab.server.faults.append(Fault(400, message=f"{'x' * before}{lab.server.key} is no key"))
    with pytest.raises(BackendError, match="answered 400: ") as refused:
        backend.rollback()
    said = str(refused.value).partition("answered 400: ")[2]
    assert said == f"{'x' * before}*** is no key"[:300]


def test_another_variable_may_hold_the_key(lab, monkeypatch):
    monkeypatch.delenv("GROWTHBOOK_API_KEY")
    monkeypatch.setenv("TEAM_KEY", lab.server.key)
    assert lab.backend(key_variable="TEAM_KEY").check() == []


def test_too_many_requests_wait_as_long_as_they_are_told(lab, waits):
    lab.server.faults.append(Fault(429, times=2, headers={"Retry-After": "7"}))
    spec = lab.spec()
    lab.backend().create(spec, spec.key)
    assert waits == [7.0, 7.0]
    lab.server.faults[:] = [Fault(429, times=99, headers={"Retry-After": "3600"})]
    with pytest.raises(BackendError, match="asks to wait 3600 s") as refused:
        lab.backend().create(spec, spec.key)
    assert waits == [7.0, 7.0]
    assert refused.value.help


@pytest.mark.parametrize("what", [500, 502, 503, 504, "dropped", "garbage"])
def test_what_passes_is_tried_again_and_again_but_not_for_ever(lab, waits, what):
    backend, experiment = lab.started()
    lab.server.faults.append(Fault(what, times=TRIES - 1))
    backend.stop(experiment, "finished")
    assert lab.platform.experiments[experiment]["status"] == "stopped"
    assert len(waits) == TRIES - 1
    assert all(0 < wait <= 0.001 * 2**TRIES for wait in waits)
    lab.server.faults[:] = [Fault(what, times=TRIES)]
    with pytest.raises(BackendError) as failed:
        backend.rollback()
    assert "/features/feed" in str(failed.value)
    assert failed.value.help


def test_a_server_that_does_not_answer_is_given_up(lab):
    lab.server.faults.append(Fault("slow", times=99))
    with pytest.raises(BackendError, match="was not answered: ReadTimeout"):
        lab.backend(timeout=0.05).rollback()


@pytest.mark.parametrize("what", ["lost", "dropped", 500, "garbage"])
def test_an_experiment_whose_making_is_not_answered_is_looked_up_and_not_made_twice(lab, what):
    spec = lab.spec()
    lab.server.faults.append(Fault(what, "POST", "/experiments$"))
    experiment = lab.backend().create(spec, spec.key)
    assert list(lab.platform.experiments) == [experiment]
    assert len(lab.server.asked("POST", "/experiments$")) == (1 if what == "lost" else 2)


def test_an_experiment_that_somebody_made_first_is_taken(lab, monkeypatch):
    """Two processes with the same key: between a look and the making the other one was faster."""
    spec, backend = lab.spec(), lab.backend()
    made = lab.backend().create(spec, spec.key)
    found = type(backend._experiments).find
    answers = [None]
    blind = lambda self, key: answers.pop() if answers else found(self, key)  # noqa: E731
    monkeypatch.setattr(type(backend._experiments), "find", blind)
    assert backend.create(spec, spec.key) == made
    assert len(lab.platform.experiments) == 1


@pytest.mark.parametrize("path", ["/features/feed$", r"/exp_\d+$", "/snapshot$"])
def test_other_answers_may_get_lost(lab, path):
    lab.server.faults.append(Fault("lost", "POST", path))
    backend, experiment = lab.started()
    found = backend.observe(experiment, lab.platform.now)
    assert found.lift[0][0] is not None
    assert len(lab.platform.flag["environments"]["production"]["rules"]) == 1
    backend.deliver(Config({"w_like": 2.0, "w_hate": 1.0}))
    backend.rollback()
    assert lab.production() == {"w_like": 1.0, "w_hate": 1.0}


def test_every_page_of_a_list_is_read(lab):
    backend, spec = lab.backend(), lab.spec()
    first = backend.create(spec, spec.key)
    others = lab.platform.experiments
    template = others[first]
    for number in range(2, 243):
        others[f"exp_{number}"] = {
            **template,
            "id": f"exp_{number}",
            "trackingKey": f"theirs-{number}",
            "description": "",
        }
    others[first]["description"], others["exp_242"]["description"] = "", template["description"]
    others[first], others["exp_242"] = others["exp_242"], others[first]
    before = len(lab.server.asked("GET", "/experiments$"))
    fresh = lab.spec(key="k2", salt="s2", fresh_of=(spec.exposure(3600),), users_per_arm=100)
    backend.create(fresh, fresh.key)
    assert len(lab.server.asked("GET", "/experiments$")) - before >= 3
    space = others["exp_243"]["phases"][-1]["namespace"]
    assert space["range"][0] == template["phases"][-1]["namespace"]["range"][1]


def test_early_versions_tell_the_tracking_key_among_the_settings_only(lab):
    lab.platform.keeps = False
    backend, spec = lab.backend(), lab.spec()
    assert backend.create(spec, spec.key) == lab.backend().create(spec, spec.key)
    assert len(lab.platform.experiments) == 1


def test_a_slow_snapshot_is_waited_for_and_not_for_ever(lab):
    backend, experiment = lab.started()
    lab.platform.slow = 5
    assert backend.observe(experiment, lab.platform.now).lift[0][0] is not None
    assert len(lab.server.asked("GET", "/snapshots/")) == 5
    lab.platform.slow = 10**6
    impatient = lab.backend(snapshot_timeout=0.01)
    with pytest.raises(BackendError, match="computes results of experiment exp_1 for more than") as failed:
        impatient.observe(experiment, lab.platform.now)
    assert "snapshot_timeout" in failed.value.help


def test_a_snapshot_that_fails_says_why(lab):
    backend, experiment = lab.started()
    lab.platform.broken = "Query failed: no such table: events"
    with pytest.raises(BackendError, match="no such table: events") as failed:
        backend.observe(experiment, lab.platform.now)
    assert "which query failed" in failed.value.help


def test_no_more_requests_in_a_minute_than_allowed():
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    limiter, times = Limiter(3, lambda: now[0], sleep), []
    for _ in range(8):
        limiter.wait()
        times.append(now[0])
        now[0] += 1.0
    assert times == [0.0, 1.0, 2.0, 60.0, 61.0, 62.0, 120.0, 121.0]
    assert slept == [57.0, 57.0]


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(lab, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert lab.backend().check() == []


def test_rectune_finds_it_by_its_entry_point(lab):
    backend = Host().backend("growthbook")(BackendContext(lab.task(), seed=1))
    assert backend.check() == []


def test_httpx_is_imported_only_when_growthbook_is_asked():
    lines = (
        "import sys",
        "from rectune_dsl.plugins.host import Host",
        "Host().backend('growthbook')",
        "print('httpx' in sys.modules)",
    )
    run = [sys.executable, "-c", "\n".join(lines)]
    assert subprocess.run(run, capture_output=True, text=True, timeout=60).stdout == "False\n"
