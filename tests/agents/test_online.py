from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rectune_dsl.agents.online_numeric import PATIENCE, NumericOnline
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.turnout import LATEST
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Arm,
    ArmMoments,
    Config,
    ExperimentState,
    Exposure,
    Finish,
    Freeze,
    Launch,
    Moments,
    Ramp,
    Serving,
    SetExposure,
    Slot,
    StopArm,
    UsageError,
    Wait,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
COLUMNS = ("watch", "returns")


@pytest.fixture
def task(kit):
    return kit.task()  # 3 days, returns mature a day later


def launch(task, purpose="explore", names=("r1p1", "r1p2"), holdout=False):
    arms = [Arm(name, Config({**task.production, "a_click": 1.0 + 0.1 * i})) for i, name in enumerate(names)]
    if holdout:
        arms.append(Arm(HOLDOUT, Config(task.production)))
    control = Arm(CONTROL, Config(task.production))
    return Launch("run/round-1", "salt", START, (control, *arms), purpose, (Exposure("old", 0.1),))


def moments(days, returns, assigned=None, n=4000):
    """Arms by name with their true return rate; everyone watches 10 +- 5 minutes."""
    arms = []
    for i, (name, rate) in enumerate(returns.items()):
        products = ((n * 125.0, n * 10.0 * rate), (n * 10.0 * rate, n * rate))
        count = n if assigned is None else assigned[i]
        arms.append(ArmMoments(name, count, n, (n * 10.0, n * rate), products))
    return Moments(START + timedelta(days=days), COLUMNS, tuple(arms))


def step(kit, task, observation, purpose="explore", names=("r1p1", "r1p2"), stopped=None, holdout=False):
    context = kit.context(task)
    spec = NumericOnline().design(context, launch(task, purpose, names, holdout))
    return NumericOnline().step(context, ExperimentState(spec, 1, stopped or {}), observation)


def test_a_design_spends_what_the_task_gives(kit, task):
    explore = NumericOnline().design(kit.context(task), launch(task))
    assert [arm.name for arm in explore.arms] == [CONTROL, "r1p1", "r1p2"]
    assert explore.arms[0].config.values == task.production
    assert (explore.users_per_arm, explore.days, explore.purpose) == (1000, 3, "explore")
    assert (explore.key, explore.salt, explore.start, explore.surface) == (
        "run/round-1",
        "salt",
        START,
        "feed",
    )
    assert explore.fresh_of == (Exposure("old", 0.1),)
    assert explore.holdout_share == 0.0
    confirm = NumericOnline().design(kit.context(task), launch(task, "confirm", ("recommended",)))
    assert (confirm.users_per_arm, confirm.days, confirm.purpose) == (6000, 7, "confirm")


def test_a_design_needs_an_arm_to_test(kit, task):
    with pytest.raises(UsageError, match="no arm to test") as error:
        NumericOnline().design(kit.context(task), launch(task, "confirm", (), holdout=True))
    assert error.value.help


SAME = {CONTROL: 0.5, "r1p1": 0.5, "r1p2": 0.5}
ONE_BAD = {CONTROL: 0.5, "r1p1": 0.5, "r1p2": 0.3}
ALL_BAD = {CONTROL: 0.5, "r1p1": 0.3, "r1p2": 0.3}


@pytest.mark.parametrize(
    ("days", "returns", "kinds", "until"),
    [
        (1, SAME, [Wait], 2),
        (1.25, SAME, [Wait], 2),
        (2, SAME, [Wait], 3),
        (3, SAME, [Wait], 4),
        (4, SAME, [Finish], None),
        (9, SAME, [Finish], None),
        (1, ONE_BAD, [StopArm, Wait], 2),
        (4, ONE_BAD, [StopArm, Finish], None),
        (1, ALL_BAD, [StopArm, StopArm, Finish], None),
        (0, SAME, [Wait], 1),
    ],
)
def test_what_is_done_next(kit, task, days, returns, kinds, until):
    actions = step(kit, task, moments(days, returns))
    assert [type(action) for action in actions] == kinds
    assert all(action.why for action in actions)
    if until is not None:
        assert actions[-1].until == START + timedelta(days=until)
    for action in actions:
        if isinstance(action, StopArm):
            assert returns[action.arm] == 0.3
            assert "returns breaks its guardrail (>= -1%)" in action.why


def test_unequal_assignment_freezes_before_anything_else(kit, task):
    actions = step(kit, task, moments(1, ALL_BAD, assigned=(4000, 4000, 4500)))
    assert [type(a) for a in actions] == [Freeze]
    assert "sample-ratio mismatch" in actions[0].why


def test_daily_looks_share_one_false_alarm_rate(kit, task):
    """Four looks; p = 0.0008 at one of them is no reason to freeze, p = 0.0001 is."""
    same = {CONTROL: 0.5, "r1p1": 0.5}
    likely, rare = (4000, 4306), (4000, 4355)
    actions = step(kit, task, moments(1, same, assigned=likely), names=("r1p1",))
    assert [type(a) for a in actions] == [Wait]
    actions = step(kit, task, moments(1, same, assigned=rare), names=("r1p1",))
    assert [type(a) for a in actions] == [Freeze]


def test_an_arm_that_was_stopped_is_neither_stopped_again_nor_a_mismatch(kit, task):
    observation = moments(2, ONE_BAD, assigned=(4000, 4000, 1900))
    actions = step(kit, task, observation, stopped={"r1p2": "harm"})
    assert [type(a) for a in actions] == [Wait]


def test_when_the_last_arm_is_stopped_it_is_over(kit, task):
    actions = step(kit, task, moments(2, ALL_BAD), stopped={"r1p2": "harm"})
    assert [type(a) for a in actions] == [StopArm, Finish]
    assert "Every arm was stopped" in actions[-1].why


def test_a_harmful_confirmation_ends_early(kit, task):
    rates = {CONTROL: 0.5, "recommended": 0.3}
    actions = step(kit, task, moments(2, rates), "confirm", ("recommended",))
    assert [type(a) for a in actions] == [StopArm, Finish]


def test_the_holdout_is_neither_counted_nor_judged_nor_stopped(kit, task):
    rates = {CONTROL: 0.5, "recommended": 0.5, HOLDOUT: 0.3}
    observation = moments(2, rates, assigned=(4000, 4000, 90_000))
    actions = step(kit, task, observation, "confirm", ("recommended",), holdout=True)
    assert [type(a) for a in actions] == [Wait]


def test_looks_are_at_whole_days_and_the_confirmation_waits_for_its_metrics(kit, task):
    rates = {CONTROL: 0.5, "recommended": 0.5}
    looks = [START + timedelta(days=1)]
    while True:
        (action,) = step(
            kit, task, moments((looks[-1] - START) / timedelta(days=1), rates), "confirm", ("recommended",)
        )
        if isinstance(action, Finish):
            break
        looks.append(action.until)
    assert looks == [START + timedelta(days=day) for day in range(1, 9)]  # 7 days and 1 to mature
    assert "ran its 7 days, and 1 more for its metrics to mature" in action.why


def test_noise_alone_does_not_stop_an_arm(kit, task):
    rng = np.random.default_rng(0)
    for _ in range(50):
        rates = {name: float(rng.binomial(4000, 0.5)) / 4000 for name in (CONTROL, "r1p1", "r1p2")}
        for day in (1, 2, 3):
            assert not any(isinstance(a, StopArm) for a in step(kit, task, moments(day, rates)))


def test_a_step_is_a_pure_function(kit, task):
    assert step(kit, task, moments(1, ONE_BAD)) == step(kit, task, moments(1, ONE_BAD))


RAMP = Ramp((0.1, 0.5), 2)


def climbed(task, rises):
    """A state on the ramp: `rises` are days and fractions."""
    asked = replace(launch(task), ramp=RAMP, slot=Slot("feed", 0.0, 0.5))
    return asked, tuple(Serving(START + timedelta(days=day), fraction) for day, fraction in rises)


@pytest.mark.parametrize(
    ("rises", "day", "returns", "kinds"),
    [
        ([(0, 0.1)], 1, SAME, [Wait]),
        ([(0, 0.1)], 2, SAME, [SetExposure, Wait]),
        ([(0, 0.1)], 2, ALL_BAD, [StopArm, StopArm, Finish]),
        ([(0, 0.1), (2, 0.5)], 3, SAME, [Wait]),
        ([(0, 0.1), (2, 0.5)], 4, ONE_BAD, [StopArm, SetExposure, Wait]),
        ([(0, 0.1), (2, 0.5), (4, 1.0)], 7, SAME, [Wait]),
        ([(0, 0.1), (2, 0.5), (4, 1.0)], 8, SAME, [Finish]),  # 4 days of the ramp, 3, and 1 to mature
        ([(0, 0.1), (5.5, 0.5)], 6, SAME, [Wait]),
        ([(0, 0.1), (5.5, 0.5)], 7.5, SAME, [SetExposure, Wait]),
        ([(0, 0.1), (5.5, 0.5), (8, 1.0)], 11, SAME, [Wait]),
        ([(0, 0.1), (5.5, 0.5), (8, 1.0)], 12, SAME, [Finish]),
    ],
)
def test_a_ramp_goes_up_a_step_when_its_days_are_over_and_harm_is_stopped(
    kit, task, rises, day, returns, kinds
):
    asked, servings = climbed(task, rises)
    context = kit.context(task)
    spec = NumericOnline().design(context, asked)
    assert (spec.ramp, spec.slot) == (RAMP, asked.slot)
    state = ExperimentState(spec, day - 1, servings=servings)
    actions = NumericOnline().step(context, state, moments(day, returns))
    assert [type(action) for action in actions] == kinds
    for action in actions:
        if isinstance(action, SetExposure):
            assert action.fraction == RAMP.above(servings[-1].fraction)


def test_a_look_follows_each_whole_day_of_what_is_served(kit, task):
    asked, servings = climbed(task, [(0, 0.1), (5.5, 0.5)])
    spec = NumericOnline().design(kit.context(task), asked)
    state = ExperimentState(spec, 6, servings=servings)
    *_, wait = NumericOnline().step(kit.context(task), state, moments(5.5, SAME))
    assert wait.until == START + timedelta(days=6.5)
    assert wait.why.endswith("after day 6 of 11.")  # 7.5 until all are served, and 3
    assert state.ends(START + timedelta(days=5.5)) == START + timedelta(days=10.5)


def test_few_users_for_some_days_show_less_than_all_for_one(kit, task):
    """The same numbers stop an arm whose users are all there, and not one at the foot of a ramp."""
    rates = {CONTROL: 0.5, "r1p1": 0.5, "r1p2": 0.44}
    context = kit.context(task)
    spec = NumericOnline().design(context, replace(launch(task), ramp=Ramp((0.01,), 3)))
    low = ExperimentState(spec, 2, servings=(Serving(START, 0.01),))
    assert [type(a) for a in NumericOnline().step(context, low, moments(3, rates))] == [SetExposure, Wait]
    assert StopArm in [type(a) for a in step(kit, task, moments(3, rates))]


def late(days, until, column="returns"):
    """Equal arms, of which one column is known until some day only."""
    return replace(moments(days, SAME), complete_until={column: START + timedelta(days=until)})


@pytest.mark.parametrize("column", COLUMNS)
def test_a_metric_that_is_stale_at_the_horizon_is_waited_for(kit, task, column):
    """3 days, and 1 for returns to mature; watch is complete with the third day."""
    needed = {"watch": 3, "returns": 4}[column]
    (action,) = step(kit, task, late(4, needed - 1, column))
    assert isinstance(action, Wait)
    assert action.until == START + timedelta(days=5)
    assert f"{column} is stale" in action.why
    (action,) = step(kit, task, late(5, needed, column))
    assert action == Finish("The experiment ran its 3 days, and 1 more for its metrics to mature.")


def test_it_is_waited_for_no_longer_than_stated_and_then_named(kit, task):
    (action,) = step(kit, task, late(4 + PATIENCE - 1, 2))
    assert isinstance(action, Wait)
    (action,) = step(kit, task, late(4 + PATIENCE, 2))
    assert isinstance(action, Finish)
    assert "returns is stale: complete until 2026-01-07" in action.why
    assert action.why.endswith(f"It was waited for, {PATIENCE} days longer.")


def test_a_metric_that_nobody_judges_is_not_waited_for(kit, task):
    (action,) = step(kit, task, late(4, 0, "latency"))
    assert isinstance(action, Finish)


NOBODY = (0, 0, 0)


@pytest.mark.parametrize(
    ("days", "complete", "kind"),
    [
        (0.9, None, Wait),
        (1, None, Freeze),
        (3, 0, Wait),  # the platform says that nothing has arrived yet
        (3, 0.5, Wait),
        (3, 1, Freeze),
        (4, 0, Wait),  # stale at the horizon, and waited for
        (LATEST, 0, Freeze),
    ],
)
def test_an_experiment_that_nobody_is_in_is_frozen_once_its_first_day_has_arrived(
    kit, task, days, complete, kind
):
    seen = moments(days, SAME, assigned=NOBODY, n=0)
    if complete is not None:
        until = START + timedelta(days=complete)
        seen = replace(seen, complete_until=dict.fromkeys(COLUMNS, until))
    (action,) = step(kit, task, seen)
    assert isinstance(action, kind)
    if kind is Freeze:
        assert f"Nobody is in the experiment after {days} day" in action.why
        assert "3,000 users were planned" in action.why


def test_few_users_at_the_foot_of_a_ramp_may_all_stay_away_for_a_day(kit, task):
    seen = moments(1, SAME, assigned=NOBODY, n=0)
    for fraction, kind in ((0.01, Wait), (0.1, Freeze)):
        spec = NumericOnline().design(kit.context(task), replace(launch(task), ramp=Ramp((fraction,), 3)))
        (action,) = NumericOnline().step(kit.context(task), ExperimentState(spec, 1), seen)
        assert isinstance(action, kind)


def test_a_platform_that_does_not_tell_who_was_assigned_is_not_taken_for_an_empty_one(kit, task):
    (action,) = step(kit, task, replace(estimate(moments(1, SAME), task.judged), assigned=()))
    assert isinstance(action, Wait)
