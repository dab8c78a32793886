"""`rectune run` on GrowthBook: plan, questions, ramp, harm, confirmation, ship, and what crashes leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from rectune_growthbook.testing import Fault, GrowthBookServer, People, Platform
from rectune_growthbook.testing.feed import METRICS, PRODUCTION, Feed

HERE = Path(__file__).parent
GOOD = {"w_like": 3.0, "w_hate": 1.0}
USERS = 24_000
LATE = timedelta(minutes=5, microseconds=123_457)
"""After midnight, when somebody resumes the run: a time as clocks have it, finer than GrowthBook's."""
CHANGES = {
    "population = 3600": f"population = {USERS}",
    "rounds = 2": "rounds = 1",
    "users_per_arm = 400\ndays = 3\n[confirm]": "users_per_arm = 2000\ndays = 2\n[confirm]",
    "users_per_arm = 400\ndays = 3\n[plugins": "users_per_arm = 8000\ndays = 2\n[plugins",
}
AGENTS = '[agents]\nactor = "planned"\ncritic = "none"\n[ramp]\nsteps = [0.25]\n'


@pytest.fixture
def many(lab):
    """So many users that a campaign can show something."""
    platform = Platform(People(USERS, Feed()), lab.platform.now, METRICS, PRODUCTION)
    with GrowthBookServer(platform, lab.server.key) as server:
        yield type(lab)(server)


@pytest.fixture
def project(many, rectune_project, monkeypatch):
    """A project whose days are the platform's."""
    monkeypatch.setattr("rectune_dsl.workflow.clock.utc_now", lambda: many.platform.now)
    rectune_project.write("task.toml", written(many))
    rectune_project.plugin((HERE / "planned.py").read_text(), "planned.py")
    return rectune_project


def written(lab, **changes):
    text = lab.text
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    return text.replace("[plugins.growthbook]\n", f"{AGENTS}[plugins.growthbook]\n")


def status(project):
    return json.loads(project.run("status", "last", "--json").stdout)


def go_on(project, lab, most=40):
    """Approve what is asked, and let a day pass where nothing is, to the end of the run. Returns the steps
    that were asked about."""
    asked = []
    for _ in range(most):
        now = status(project)
        if now["over"]:
            return asked
        if now["asks"] and not now["answer"]:
            asked.append(approve(project))
        else:
            midnight = lab.platform.now.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            lab.platform.pass_until(midnight + LATE)
        resume(project)
    raise AssertionError("the run does not end")


def begin(project):
    begun = project.run("run", "task.toml", "--until", "waiting")
    assert begun.exit_code == 0, begun.stderr


def approve(project):
    """Say yes to what is asked. Returns the step."""
    step = status(project)["asks"]["step"]
    assert project.run("approve", "last", step, "--by", "ada", "--why", "as planned").exit_code == 0
    return step


def resume(project):
    done = project.run("resume", "last", "--until", "waiting")
    assert done.exit_code == 0, done.stderr


def test_plan_says_what_the_campaign_takes_and_what_is_not_known(project):
    plan = project.run("plan", "task.toml")
    assert plan.exit_code == 0, plan.stderr
    assert "feature feed in production" in plan.stdout
    assert "16,000" in plan.stdout
    assert "does not tell how production's metrics vary" in plan.stdout + plan.stderr


def test_from_start_to_ship_by_approvals_and_back(project, many):
    begin(project)
    assert many.platform.experiments == {}
    assert go_on(project, many) == ["round-1/approve", "confirm", "verdict"]
    shown = project.run("show", "last").stdout
    assert "ship" in shown
    assert many.production() == GOOD
    explore, confirm = many.platform.experiments.values()
    assert {one["status"] for one in (explore, confirm)} == {"stopped"}
    assert many.platform.flag["environments"]["production"]["rules"] == []
    known = many.platform.people.exposures
    rounds, last = (known[one["trackingKey"]] for one in (explore, confirm))
    assert all((one.crossed == float("inf")).all() for one in (rounds, last)), "nobody was moved"
    assert (last.variation >= 0).sum() > 10_000
    assert not ((rounds.variation >= 0) & (last.variation >= 0)).any(), "the confirmation's users are fresh"
    assert len(many.server.asked("POST", "/snapshot$")) == 6, "one look a day, two days and the ramp's each"
    assert_ramped(many, explore)
    assert_stopped(many, explore, "r1-bad")
    assert "hate_rate" in shown

    taken = project.run("abort", "last", "--why", "users complain")
    assert taken.exit_code == 0, taken.stderr
    assert many.production() == PRODUCTION


def assert_ramped(lab, experiment):
    """A quarter of the users were served first, and then all."""
    sent = lab.server.asked("POST", f"/{experiment['id']}$")
    coverages = [request.body["phases"][-1]["coverage"] for request in sent if "phases" in request.body]
    whole = experiment["phases"][-1]["coverage"]
    assert coverages[0] == pytest.approx(whole / 4, rel=0.01)
    assert coverages[-1] == whole


def assert_stopped(lab, experiment, arm):
    """The arm's users were served its config first, and production in the end."""
    (variation,) = [one["variationId"] for one in experiment["variations"] if one["key"] == arm]
    served = [
        json.loads(value["value"])
        for request in lab.server.asked("POST", "/features/feed$")
        for rule in request.body.get("environments", {}).get("production", {}).get("rules", [])
        for value in rule["variations"]
        if value["variationId"] == variation
    ]
    assert served[0] != PRODUCTION
    assert served[-1] == PRODUCTION


def test_an_abort_stops_the_traffic(project, many):
    begin(project)
    approve(project)
    resume(project)
    (experiment,) = many.platform.experiments.values()
    assert experiment["status"] == "running"
    assert project.run("abort", "last", "--why", "an incident").exit_code == 0
    assert experiment["status"] == "stopped"
    assert "an incident" in experiment["phases"][-1]["reason"]
    assert many.platform.definition()["rules"] == []


def test_a_lost_answer_and_a_failing_platform_are_taken_up_where_they_were(project, many):
    begin(project)
    approve(project)
    many.server.faults += [
        Fault("lost", "POST", "/experiments$"),
        Fault(503, "POST", "/features/feed$", times=99),
    ]
    failed = project.run("resume", "last", "--until", "waiting")
    assert failed.exit_code == 3
    assert "503" in failed.stderr
    assert many.server.key not in failed.stderr
    many.server.faults.clear()
    resume(project)
    assert [one["status"] for one in many.platform.experiments.values()] == ["running"]
    assert len(many.platform.flag["environments"]["production"]["rules"]) == 1


def test_killed_in_every_act_it_launches_nothing_twice_and_ships_the_same(many, tmp_path):
    task = tmp_path / "task.toml"
    auto = '[approval]\nmode = "auto"\n[plugins.growthbook]\n'
    task.write_text(written(many).replace("[plugins.growthbook]\n", auto).replace("arms = 2", "arms = 1"))
    command = [sys.executable, HERE / "kill_chain.py", tmp_path / "store.sqlite", task, HERE / "planned.py"]
    done = subprocess.run(
        [*map(str, command), many.server.clock_url],
        cwd=tmp_path,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[-1]) > 20
    assert many.production() == GOOD
    assert len(many.platform.experiments) == 2
    for exposures in many.platform.people.exposures.values():
        assert (exposures.crossed == float("inf")).all(), "nobody was moved"
    assert many.platform.definition()["rules"] == []
