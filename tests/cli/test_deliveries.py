"""Several runs on one surface: what an abort restores, and who may still ship."""

import json
from pathlib import Path

import pytest

from rectune_dsl.hooks.api import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.workflow.limits import Gate

WORKFLOW = Path(__file__).parents[1] / "workflow"
PLANTED = ("--plugin", WORKFLOW / "planted.py")
TASK = (WORKFLOW / "planted.toml").read_text()
ASK = '[approval]\nmode = "ask"\n'
PRODUCTION = {"a": 0.4, "b": 0.4}


@pytest.fixture
def log(platform):
    return platform()


@pytest.fixture
def run(rectune, tmp_path, log):
    """`run(seed)` runs the task on its surface; returns the run's name."""

    def begin(seed=0, more="", until="end"):
        (tmp_path / "task.toml").write_text(TASK + more)
        done = rectune(*PLANTED, "run", "task.toml", "--seed", seed, "--until", until)
        assert done.code == 0, done.err
        return json.loads(rectune("status", "last", "--json").out)["run"]

    return begin


def delivered(log):
    calls = map(json.loads, log.read_text().splitlines())
    return [call[1] for call in calls if call[0] == "deliver"]


def abort(rectune, run):
    assert rectune(*PLANTED, "abort", run, "--why", "regret").code == 0


def test_each_abort_restores_what_was_there_before(rectune, run, log):
    """Also what the task's file was never told of."""
    first, second, third = run(), run(1), run(2)
    one, two, three = shipped = delivered(log)
    assert one != two != three != one
    for aborted in (third, second, first):
        abort(rectune, aborted)
    assert delivered(log) == [*shipped, two, one, PRODUCTION]


def test_what_was_aborted_is_not_restored(rectune, run, log):
    """The first is regretted while the second serves; then the second is regretted, too."""
    first, second = run(), run(1)
    shipped = delivered(log)
    abort(rectune, first)
    assert delivered(log) == shipped
    abort(rectune, second)
    assert delivered(log) == [*shipped, PRODUCTION]


def test_a_config_that_was_never_live_is_not_delivered_by_an_abort(rectune, run, log, monkeypatch):
    def refuse(self, config, moment):
        raise UsageError("nothing ships today")

    monkeypatch.setattr(Gate, "delivery", refuse)
    with pytest.raises(AssertionError, match="nothing ships today"):
        run()
    abort(rectune, "last")
    assert delivered(log) == []


def test_plan_warns_as_run_does_of_a_production_that_no_longer_serves(rectune, run, tmp_path):
    (tmp_path / "task.toml").write_text(TASK)
    assert "another config" not in rectune(*PLANTED, "plan", "task.toml").err
    first = run()
    planned = rectune(*PLANTED, "plan", "task.toml")
    assert planned.code == 0
    assert f"run {first} delivered another config than this task calls production" in planned.err


def test_plan_counts_a_day_in_the_singular(rectune, log, tmp_path):
    (tmp_path / "task.toml").write_text(f"{TASK}[ramp]\nsteps = [0.1]\n")
    assert "0.1 of its users, 1 day before all are served" in rectune(*PLANTED, "plan", "task.toml").out


def test_plan_says_for_how_long_freezes_make_it_wait(rectune, log, tmp_path):
    text = f"{TASK}[freeze]\nsale = {{ first = 2026-01-01, last = 2026-02-28 }}\n"
    (tmp_path / "task.toml").write_text(text)
    told = " ".join(rectune(*PLANTED, "plan", "task.toml").out.split())
    assert "freezes make it wait for 55 days: the first experiment starts on 2026-03-01" in told
    days = json.loads(rectune(*PLANTED, "plan", "task.toml", "--json").out)["schedule"]
    assert (days["begins"], days["frozen"]) == ("2026-03-01T00:00:00+00:00", 55)


def test_what_a_backend_that_serves_nobody_ships_is_not_called_delivered(rectune, tmp_path, platform):
    log = platform(serves=False)
    (tmp_path / "task.toml").write_text(TASK)
    ended = rectune(*PLANTED, "run", "task.toml")
    assert "verdict: ship" in ended.out
    assert "Nothing is delivered, for the backend serves nobody" in ended.out
    assert "delivered to the backend" not in ended.out
    assert delivered(log) == []
    assert "the backend serves nobody" in " ".join(rectune(*PLANTED, "show", "last").out.split())
    assert "delivered another config" not in rectune(*PLANTED, "plan", "task.toml").err


# --- who is overtaken --------------------------------------------------------------------------------


def shown(rectune, run):
    return json.loads(rectune("show", run, "--json").out)


@pytest.mark.slow
def test_who_is_overtaken_while_asking_to_ship_holds(rectune, run, log):
    slow = run(more=ASK, until="waiting")
    for step in ("round-1/approve", "round-2/approve", "confirm"):
        rectune("approve", slow, step)
        rectune(*PLANTED, "tick", slow)
    fast = run(1)
    rectune("approve", slow, "verdict")
    assert "hold" in rectune(*PLANTED, "tick", slow).out
    assert len(delivered(log)) == 1
    view = shown(rectune, slow)
    assert view["verdict"]["decision"] == "hold"
    assert f"Run {fast} has delivered another config" in view["verdict"]["reasons"][0]
    assert not view["delivered"]
    assert "hold" in rectune(*PLANTED, "resume", slow).out
    assert len(delivered(log)) == 1


def test_who_is_overtaken_before_the_verdict_is_not_asked_about_shipping(rectune, run, log):
    slow = run(more=ASK, until="waiting")
    run(1)
    for step in ("round-1/approve", "round-2/approve", "confirm"):
        rectune("approve", slow, step)
        rectune(*PLANTED, "tick", slow)
    view = shown(rectune, slow)
    assert view["verdict"]["decision"] == "hold"
    assert view["shipping"] is None
    journal = Journal(".rectune/journal.sqlite")
    assert journal.entry(slow, "verdict/request") is None
    assert len(delivered(log)) == 1


def test_a_delivery_that_was_taken_back_overtakes_nobody(rectune, run, log):
    slow = run(more=ASK, until="waiting")
    abort(rectune, run(1))
    for step in ("round-1/approve", "round-2/approve", "confirm", "verdict"):
        rectune("approve", slow, step)
        rectune(*PLANTED, "tick", slow)
    assert shown(rectune, slow)["verdict"]["decision"] == "ship"
    assert shown(rectune, slow)["delivered"]
    assert len(delivered(log)) == 3
