"""Ramps, freezes and slots: who is served when."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limited import DAY, TASK

from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.dsl.traffic import FreezeWindow
from rectune_dsl.hooks.api import PluginError, SetExposure, Slot, StopArm
from rectune_dsl.memory.slots import share_users
from rectune_dsl.workflow.calendar import first_start, frozen, thawed
from rectune_dsl.workflow.clock import VirtualClock
from rectune_dsl.workflow.schedule import schedule
from rectune_dsl.workflow.traffic import traffic

# --- ramps -------------------------------------------------------------------------------------------

RAMP = "[ramp]\nsteps = [0.05, 0.5]\ndays = 2\n"


def exposed(calls):
    """What each experiment was exposed to, in order."""
    found = {}
    for name, *args in calls:
        if name == "expose" and args[2] is None:
            found.setdefault(args[0], []).append(args[1])
    return list(found.values())


def test_a_ramp_serves_few_first_and_all_for_the_days_of_the_task(lab):
    view, calls, _ = lab(TASK + RAMP)
    assert exposed(calls) == [[0.05, 0.5, 1.0]] * 2
    order = [name for name, *_ in calls if name in ("create", "expose", "start", "stop")]
    assert order[:3] == ["create", "expose", "start"]
    [round] = view.rounds
    assert (round.looks[-1].as_of - round.spec.start) / DAY == 2 * 2 + 2
    assert view.verdict.decision == "ship"


def test_an_arm_that_does_strong_harm_is_stopped_while_few_are_served(lab):
    view, _, _ = lab(TASK + RAMP, harm=3.0)
    [round] = view.rounds
    stopped_at = {a.arm: look.as_of for look in round.looks for a in look.actions if isinstance(a, StopArm)}
    rises = [look.as_of for look in round.looks for a in look.actions if isinstance(a, SetExposure)]
    assert stopped_at
    assert min(stopped_at.values()) <= min(rises, default=max(stopped_at.values()))


class Blind(NumericOnline):
    """Serves more as soon as the ramp has it, and stops nobody."""

    def step(self, context, state, observation):
        return [a for a in super().step(context, state, observation) if not isinstance(a, StopArm)]


def test_nobody_serves_more_while_harm_is_shown(lab):
    with pytest.raises(PluginError, match=r"it serves more users, and .* is not stopped: harm breaks"):
        lab(TASK + RAMP, harm=3.0, online=Blind())
    assert exposed(lab.calls()) == [[0.05]]


class Pushing(NumericOnline):
    def step(self, context, state, observation):
        return [SetExposure(1.0, "now"), *super().step(context, state, observation)[-1:]]


def test_nobody_is_ahead_of_the_ramp(lab):
    with pytest.raises(PluginError, match=r"serves 1 of the users, and the ramp allows 0\.05"):
        lab(TASK + RAMP, online=Pushing())


# --- freezes -----------------------------------------------------------------------------------------


def window(first, last):
    return FreezeWindow(first=date.fromisoformat(first), last=date.fromisoformat(last))


def test_an_experiment_waits_until_it_fits_before_the_next_freeze(lab):
    text = TASK + "[freeze]\nsale = { first = 2026-01-06, last = 2026-01-07 }\n"
    text += "holidays = { first = 2026-01-12, last = 2026-01-20 }\n"
    view, _, _ = lab(text)
    assert view.rounds[0].spec.start == datetime(2026, 1, 8, tzinfo=UTC)  # two days, the 8th and the 9th
    assert view.confirmation.spec.start == datetime(2026, 1, 21, tzinfo=UTC)  # two days are not enough


def test_shipping_waits_until_a_freeze_is_over(lab, monkeypatch):
    waited = []
    monkeypatch.setattr(
        "rectune_dsl.workflow.pause.Pause.until", lambda self, key, moment, why: waited.append(moment)
    )
    text = TASK + "[freeze]\nsale = { first = 2026-01-10, last = 2026-01-15 }\n"
    view, calls, _ = lab(text)
    assert view.verdict.decision == "ship"
    assert view.confirmation.look.as_of == datetime(2026, 1, 10, tzinfo=UTC)
    assert waited[-1] == datetime(2026, 1, 16, tzinfo=UTC)
    assert calls[-1][0] == "deliver"


@pytest.mark.parametrize("more", ["", RAMP])
def test_the_schedule_is_that_of_an_undisturbed_campaign(lab, more):
    text = TASK + more + "[freeze]\nsale = { first = 2026-01-06, last = 2026-01-07 }\n"
    text += "holidays = { first = 2026-01-12, last = 2026-01-20 }\n"
    text += "lent = { first = 2026-01-24, last = 2026-02-04 }\n"
    view, _, _ = lab(text)
    planned = schedule(lab.load(text).task, VirtualClock())
    assert view.verdict.decision == "ship"
    assert planned.begins == view.rounds[0].spec.start
    assert planned.ends == max(view.confirmation.look.as_of, datetime(2026, 2, 5, tzinfo=UTC))
    free = schedule(lab.load(TASK + more).task, VirtualClock())
    assert free.frozen == 0
    assert planned.ends - free.ends == planned.frozen * DAY


DAYS = st.integers(0, 40).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
FREEZES = st.dictionaries(
    st.sampled_from("abc"),
    st.tuples(DAYS, DAYS).map(lambda pair: FreezeWindow(first=min(pair), last=max(pair))),
)


@given(FREEZES, DAYS, st.integers(1, 9))
def test_a_start_is_the_first_with_enough_free_days(freezes, earliest, days):
    begin_at = datetime.combine(earliest, datetime.min.time(), UTC)
    start = first_start(freezes, begin_at, days)

    def is_free(day):
        return not any(w.first <= day <= w.last for w in freezes.values())

    def fits(first):
        return all(is_free(first + timedelta(days=n)) for n in range(days))

    assert fits(start.date())
    assert not any(fits(earliest + timedelta(days=n)) for n in range((start - begin_at).days))
    noon = begin_at + timedelta(hours=12)
    moment = thawed(freezes, noon)
    assert is_free(moment.date())
    assert (moment == noon) == is_free(earliest)
    assert bool(frozen(freezes, noon)) != is_free(earliest)


# --- slots -------------------------------------------------------------------------------------------

SLOTS = st.none() | st.builds(
    lambda layer, ends: Slot(layer, *sorted(ends)),
    st.sampled_from(["feed", "search"]),
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=2, max_size=2, unique=True),
)


@given(SLOTS, SLOTS)
def test_slots_share_users_unless_they_are_apart_in_one_layer(one, other):
    places = [n / 8 + 1 / 16 for n in range(8)]

    def has(slot, layer, place):
        return slot is None or slot.layer != layer or slot.low <= place < slot.high

    common = any(
        has(one, "feed", x) and has(other, "feed", x) and has(one, "search", y) and has(other, "search", y)
        for x in places
        for y in places
    )
    assert share_users(one, other) == share_users(other, one) == common


def test_the_experiments_of_a_task_with_a_slot_are_in_it_and_the_plan_knows(lab):
    text = TASK + '[exclusion]\nlayer = "feed"\nshare = [0.25, 0.5]\n'
    view, _, _ = lab(text)
    specs = [view.rounds[0].spec, view.confirmation.spec]
    assert [spec.slot for spec in specs] == [Slot("feed", 0.25, 0.5)] * 2
    loaded = lab.load(text)
    capabilities = loaded.backend.capabilities()
    assert traffic(loaded.task, capabilities).eligible == capabilities.population / 4
