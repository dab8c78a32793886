"""Exposures: who is served when, the same in every order; and slots, whose users nobody else has."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import Arm, Config, ExperimentSpec, ExperimentState, Exposure, Ramp, Serving, Slot
from rectune_dsl.hooks.serving import cohorts, ends, served
from rectune_dsl.simulator.assignment import assign
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine
from rectune_dsl.simulator.threads import Threads

DAY = timedelta(days=1)
FRACTIONS = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), min_size=1, max_size=8)
RAMP = Ramp((0.1, 0.4), 1)
RISES = [Serving(EPOCH, 0.1), Serving(EPOCH + DAY, 0.4), Serving(EPOCH + 2 * DAY, 1.0)]


@given(FRACTIONS, st.floats(0, 1, exclude_max=True))
def test_a_user_is_served_from_the_first_day_that_exposes_his_place_to_the_first_that_does_not(
    fractions, place
):
    exposed = [place < fraction for fraction in fractions]
    days = []
    if any(exposed):
        first = exposed.index(True)
        stays = [*exposed[first:], False].index(False)
        days = list(range(first, first + stays))
    mine = [c for c in cohorts(fractions) if c.low <= place < c.high]
    assert [d for c in mine for d in range(c.first, c.first + c.days)] == days


@pytest.mark.parametrize(
    ("fractions", "first"),
    [
        ([0.1, 0.4], None),
        ([0.1, 0.4, 1.0], 2),
        ([0.1, 0.4, 1.0, 1.0], 2),
        ([0.1, 0.4, 1.0, 0.4], None),
        ([0.1, 0.4, 1.0, 0.4, 1.0, 1.0], 4),
        ([1.0, 0.0, 1.0], 2),
    ],
)
def test_the_days_begin_when_all_are_served_and_anew_after_a_step_back(fractions, first):
    """The first day of those on which all are served, as a campaign and a platform have it."""
    servings = tuple(Serving(EPOCH + n * DAY, fraction) for n, fraction in enumerate(fractions))
    expected = None if first is None else EPOCH + (first + 3) * DAY
    assert ends(EPOCH, RAMP, servings, 3) == expected
    assert ends(EPOCH, Ramp(), servings, 3) == EPOCH + 3 * DAY
    arms = (Arm("control", Config({})),)
    spec = ExperimentSpec("k", "explore", "feed", arms, 10, 3, EPOCH, "salt", ramp=RAMP)
    told = ExperimentState(spec, servings=servings).ends(EPOCH + 9 * DAY)
    up = servings[-1].fraction < 0.4  # a step of a day is left
    assert told == (expected or EPOCH + (9 + up + 3) * DAY)


def test_all_may_be_served_before_the_first_day():
    assert ends(EPOCH, RAMP, [Serving(EPOCH - 5 * DAY, 1.0)], 3) == EPOCH + 3 * DAY


@given(FRACTIONS, st.randoms())
def test_exposures_of_days_can_be_set_in_any_order(fractions, random):
    servings = [Serving(EPOCH + n * DAY, fraction) for n, fraction in enumerate(fractions)]
    random.shuffle(servings)
    assert served(EPOCH, servings, len(fractions), 0.7) == tuple(fractions)
    assert served(EPOCH, (), len(fractions), 0.7) == (0.7,) * len(fractions)


def test_an_exposure_within_a_day_holds_from_the_next():
    noon = Serving(EPOCH + DAY / 2, 1.0)
    assert served(EPOCH, (Serving(EPOCH - DAY, 0.1), noon), 3, 0.5) == (0.1, 1.0, 1.0)


@pytest.fixture
def make(world, funnel, make_spec):
    def make(servings=RISES, machine=None, **given):
        spec = make_spec(**{"users_per_arm": 1_500, "ramp": RAMP, "days": 2, **given})
        experiment = Experiment(world, funnel, spec, 1, machine)
        for serving in servings:
            experiment = experiment.with_serving(serving)
        return experiment

    return make


def test_users_are_assigned_as_they_are_exposed(make):
    experiment = make()
    for days, fraction in ((0, 0.1), (1, 0.1), (2, 0.4), (3, 1.0), (4, 1.0), (9, 1.0)):
        for arm in experiment.observe(EPOCH + days * DAY).arms:
            assert arm.assigned == pytest.approx(1_500 * fraction, rel=0.25)
            assert arm.n <= arm.assigned


@pytest.mark.parametrize(
    "machine", [Machine(Threads(1), 7), Machine(Threads(2), 512), Machine(Threads(3), 90)]
)
def test_looks_and_rises_in_any_order_and_on_any_machine_change_no_bit(make, machine):
    whole = make()
    growing = make(RISES[:1], machine)
    seen = {}
    for day, rise in enumerate([*RISES[1:], None, None, None], start=1):
        seen[day] = repr(growing.observe(EPOCH + day * DAY))  # a look, then the rise it allows
        growing = growing.with_serving(rise) if rise else growing
    for day in (5, 1, 3, 2, 4):
        assert repr(whole.observe(EPOCH + day * DAY)) == seen[day]


def test_whoever_comes_later_lives_through_the_same_days(make, make_spec, world, funnel):
    """Users of the last step alone are those of an experiment that starts when they are let in."""
    late = make([Serving(EPOCH, 0.0), Serving(EPOCH + 2 * DAY, 1.0)])
    plain = Experiment(world, funnel, make_spec(users_per_arm=1_500, days=2, start=EPOCH + 2 * DAY), 1)
    assert late.observe(EPOCH + 9 * DAY).arms == plain.observe(EPOCH + 9 * DAY).arms


USERS = 200_000


def ids(spec):
    return np.concatenate([arm.within(0, USERS) for arm in assign(spec, USERS)])


def test_slots_of_one_layer_share_no_user_and_are_as_large_as_asked(make_spec):
    lower, upper = (
        ids(make_spec(users_per_arm=20_000, slot=Slot("feed", *ends), salt=salt, holdout_share=0.05))
        for ends, salt in (((0.0, 0.4), "one"), ((0.4, 1.0), "two"))
    )
    assert np.intersect1d(lower, upper).size == 0
    assert lower.size == pytest.approx(40_000, rel=0.03)
    assert upper.size == pytest.approx(40_000, rel=0.03)


def test_a_slot_is_independent_of_arms_and_of_earlier_experiments(make_spec):
    slot = Slot("feed", 0.2, 0.7)
    spec = make_spec(users_per_arm=15_000, slot=slot, fresh_of=(Exposure("old", 0.3),))
    sizes = [arm.within(0, USERS).size for arm in assign(spec, USERS)]
    assert sizes == pytest.approx([15_000] * 2, rel=0.03)
    everyone = ids(make_spec(users_per_arm=30_000, salt="another"))
    inside = np.intersect1d(everyone, ids(make_spec(users_per_arm=45_000, slot=slot))).size
    assert inside == pytest.approx(everyone.size * 0.5 * 0.9, rel=0.03)
