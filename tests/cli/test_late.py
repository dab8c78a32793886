"""Ticks that come late: what was missed is not made up for at the users' expense."""

import json
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from rectune_dsl.hooks.api import ExperimentSpec
from rectune_dsl.memory.codec import decode
from rectune_dsl.memory.journal import Journal

WORKFLOW = Path(__file__).parents[1] / "workflow"
PLANTED = ("--plugin", WORKFLOW / "planted.py")
TASK = (WORKFLOW / "planted.toml").read_text()
RAMP = "[ramp]\nsteps = [0.05, 0.5]\n"
DAY = timedelta(days=1)


class Late:
    """A run of real days: `tick()` does what can be done now; `calls` are (when, name, arguments)."""

    def __init__(self, rectune, folder, platform, days):
        self.rectune, self.folder, self.platform, self.days = rectune, folder, platform, days
        self.log, self.calls = platform(virtual_time=False), []

    def begin(self, text, code=0, **options):
        (self.folder / "task.toml").write_text(text)
        return self._do(code, options, "run", "task.toml", "--until", "waiting")

    def tick(self, code=0, **options):
        return self._do(code, options, "tick")

    def resume(self, **options):
        return self._do(0, options, "resume", "last", "--until", "waiting")

    def until(self, done, most=60, **step):
        """Tick again and again until something is so."""
        for _ in range(most):
            if done():
                return
            self.days.pass_(**step)
            self.tick()
        raise AssertionError("it never is")

    def of(self, name):
        return [(at, *args) for at, called, *args in self.calls if called == name]

    def exposed(self):
        """Whom the first experiment served since when, arms that were stopped apart."""
        first = self.of("create")[0][1]
        return [(at, f) for at, e, f, arm in self.of("expose") if e == f"planted:{first}" and arm is None]

    def entries(self):
        journal = Journal(".rectune/journal.sqlite")
        return {e.key: e.body for e in journal.entries(journal.find("last").run)}

    def spec(self, place="round-1/experiment"):
        return decode(ExperimentSpec, self.entries()[f"{place}/design"])

    def shown(self):
        return json.loads(self.rectune("show", "last", "--json").out)

    def over(self):
        return json.loads(self.rectune("status", "last", "--json").out)["over"]

    def _do(self, code, options, *words):
        self.platform(virtual_time=False, **options)
        before = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        done = self.rectune(*PLANTED, *words)
        assert done.code == code, done.err
        lines = self.log.read_text().splitlines()[before:] if self.log.exists() else []
        self.calls += [(self.days.now, *json.loads(line)) for line in lines]
        return done


@pytest.fixture
def late(rectune, tmp_path, platform, days):
    return Late(rectune, tmp_path, platform, days)


# --- ramps -------------------------------------------------------------------------------------------


def test_a_late_tick_climbs_one_step_and_each_step_serves_its_days(late):
    late.begin(TASK + RAMP)
    late.days.pass_(days=9, hours=3)
    late.tick()
    assert [fraction for _, fraction in late.exposed()] == [0.05, 0.5]
    late.until(lambda: late.of("stop"), hours=7)
    (_, _), (half, _), (full, last) = late.exposed()
    assert last == 1.0
    assert full - half >= DAY
    [(stopped, *_)] = late.of("stop")
    assert 2 * DAY <= stopped - full < 2 * DAY + timedelta(hours=7)
    looks = late.shown()["rounds"][0]["looks"]
    assert datetime.fromisoformat(looks[-1]["as_of"]) == full + 2 * DAY


def test_steps_follow_the_days_that_no_look_had_seen(late):
    """Whoever is shown to do harm on the missed days is stopped before more users are served."""
    late.begin(TASK + RAMP)
    late.days.pass_(days=4)
    late.tick()
    looks = [key for key in late.entries() if key.startswith("round-1/experiment/look-")]
    rises = [key for key in looks if key.endswith("/act-1")]
    assert rises[-1] == "round-1/experiment/look-3/act-1"  # served from the 3rd of March, now is the 6th
    assert len(late.exposed()) == 2


def test_the_terminal_tells_what_is_served_and_not_what_was_put_off(late):
    late.begin(TASK + RAMP)
    late.days.pass_(days=4)
    told = late.resume().out
    assert told.count("exposure stays at 5%: 50% is put off") == 2
    assert next(line for line in told.splitlines() if "exposure 50%" in line).startswith("day 3: ")
    assert told.count("exposure 50%") == 1


@pytest.mark.slow
def test_a_timely_ramp_takes_the_days_that_were_planned(late):
    late.begin(TASK + RAMP)
    late.until(lambda: late.of("stop"), hours=1, most=200)
    start = late.spec().start
    delays = [at - start - k * DAY for k, (at, _) in enumerate(late.exposed())]
    assert len(delays) == 3
    assert max(delays) < timedelta(hours=3)
    assert late.of("stop")[0][0] - start < 4 * DAY + timedelta(hours=4)


def test_no_exposure_rises_in_a_freeze_and_looks_go_on(late):
    sale = "[freeze]\nsale = { first = 2026-03-08, last = 2026-03-11 }\n"
    late.begin(TASK + RAMP + sale)
    late.days.pass_(days=6)  # from the 2nd to the 8th
    late.until(lambda: late.days.now.date() > date(2026, 3, 11), days=1)
    in_freeze = late.entries()
    late.until(lambda: late.of("stop"), hours=6)
    times = [at for at, _ in late.exposed()]
    assert times[0].date() == date(2026, 3, 2)
    assert times[1].date() == date(2026, 3, 12)
    assert times[2] - times[1] >= DAY
    assert late.of("stop")[0][0] - times[2] >= 2 * DAY
    assert sum(key.count("look-") for key in in_freeze if not key.startswith("attempt")) >= 8


def test_a_step_whose_answer_was_lost_is_taken_back_when_it_is_too_late_for_it(late):
    late.begin(TASK + RAMP)
    late.days.pass_(days=2)
    late.tick(code=3, lost="expose")
    late.days.pass_(days=3)
    late.tick()
    assert [fraction for _, fraction in late.exposed()] == [0.05, 0.5, 0.05, 0.5]


def test_a_journal_that_does_not_say_since_when_is_read_all_the_same(rectune, tmp_path, platform):
    """As earlier versions wrote it."""
    platform()
    (tmp_path / "task.toml").write_text(TASK + RAMP)
    rectune(*PLANTED, "run", "task.toml")
    shown = rectune("show", "last", "--json").out
    with sqlite3.connect(".rectune/journal.sqlite") as db:
        acts = "key LIKE '%/act-%' AND key NOT LIKE 'attempt:%'"
        assert db.execute(f"UPDATE rectune_entries SET body = 'null' WHERE {acts}").rowcount == 6
    assert rectune(*PLANTED, "resume", "last").code == 0
    assert rectune("show", "last", "--json").out == shown


@pytest.mark.parametrize(
    ("turnout", "said"),
    [(0.0, "Nobody is in the experiment after 1 day"), (5.0, "control has 75,000 users after 1 day")],
)
def test_who_came_is_told_by_the_run_its_status_and_show(late, turnout, said):
    late.begin(TASK)
    late.days.pass_(days=2)
    assert said in " ".join(late.resume(turnout=turnout).out.split())
    for words in (("status", "last"), ("show", "last")):
        assert said in " ".join(late.rectune(*PLANTED, *words).out.split())


# --- starts ------------------------------------------------------------------------------------------


def test_an_experiment_that_was_refused_for_days_begins_on_a_later_day(late):
    late.begin(TASK, code=3, refuse=True)
    late.days.pass_(days=3)
    late.tick()
    *refused, (made, key) = late.of("create")
    assert late.spec("round-1/experiment/launch-2").start == datetime(2026, 3, 6, tzinfo=UTC) > made
    assert key not in [earlier for _, earlier in refused]
    assert late.of("start") == [(made, f"planted:{key}")]
    late.until(late.over, days=1)
    assert late.shown()["verdict"]["decision"] == "ship"
    assert late.shown()["rounds"][0]["spec"]["start"] == "2026-03-06T00:00:00Z"
    assert len(late.shown()["rounds"][0]["looks"]) == 2


@pytest.mark.parametrize("lost", ["create", "start"])
def test_a_half_made_experiment_is_stopped_and_launched_once_more(late, lost):
    late.begin(TASK, code=3, lost=lost)
    [(_, half)] = late.of("create")
    late.days.pass_(days=2)
    late.tick()
    [(_, stopped, why)] = late.of("stop")
    assert (stopped, why) == (f"planted:{half}", "it was not started in time")
    assert len({key for _, key in late.of("create")}) == 2
    started = {experiment for at, experiment in late.of("start") if at == late.days.now}
    assert started == {f"planted:{late.spec('round-1/experiment/launch-2').key}"}
    done = late.rectune(*PLANTED, "abort", "last", "--why", "enough")
    assert done.out.split()[-2:] == ["stopped:", "round-1/experiment/launch-2"]


def test_what_was_made_in_time_starts_in_time(late):
    late.begin(TASK, code=3, lost="start")
    late.days.pass_(hours=2)
    late.tick()
    assert len(late.of("start")) == 2
    assert len({key for _, key in late.of("create")}) == 1
    assert late.of("stop") == []


@pytest.mark.parametrize(("back", "first"), [(8, 10), (9, 10), (10, 11)])
def test_what_was_held_up_begins_on_the_first_free_day_that_lies_ahead(late, back, first):
    """Back in a freeze, or on the day after it: that day has begun."""
    late.begin(TASK + "[freeze]\nsale = { first = 2026-03-07, last = 2026-03-09 }\n", code=3, lost="start")
    assert late.spec().start == datetime(2026, 3, 3, tzinfo=UTC)
    [(_, half)] = late.of("create")
    late.days.pass_(days=back - 2)
    late.tick()
    assert [experiment for _, experiment, _ in late.of("stop")] == [f"planted:{half}"]
    again = late.spec("round-1/experiment/launch-2")
    assert again.start == datetime(2026, 3, first, tzinfo=UTC)
    assert [at.day for at, e in late.of("start") if e == f"planted:{again.key}"] == [back]
