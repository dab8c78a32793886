"""How much is known while a ramp goes up: never more than users and their days can tell."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.experiments.information import information_share
from rectune_dsl.hooks.api import Arm, Config, ExperimentSpec, ExperimentState, Ramp, Serving
from rectune_dsl.workflow.clock import EPOCH

DAY = timedelta(days=1)
RAMPS = st.builds(
    lambda steps, days: Ramp(tuple(sorted(steps)), days),
    st.sets(st.sampled_from([0.01, 0.05, 0.2, 0.5, 0.9]), max_size=3),
    st.integers(1, 4),
)


def state_of(ramp, days):
    """An experiment that goes up its ramp on time."""
    arms = (Arm("control", Config({})), Arm("a", Config({})))
    spec = ExperimentSpec("k", "explore", "feed", arms, 100, days, EPOCH, "salt", ramp=ramp)
    rises = (*ramp.steps, 1.0)
    servings = tuple(Serving(EPOCH + n * ramp.days * DAY, rise) for n, rise in enumerate(rises))
    return ExperimentState(spec, servings=servings)


@given(st.integers(1, 9), st.floats(0, 12))
def test_without_a_ramp_it_is_the_share_of_days(days, passed):
    found = information_share(state_of(Ramp(), days), EPOCH + passed * DAY)
    assert found == pytest.approx(min(passed / days, 1), abs=1e-9)


@given(RAMPS, st.integers(1, 6), st.floats(0, 1), st.data())
def test_it_is_never_more_than_there_is_however_much_users_persist(ramp, days, persistence, data):
    """One user's mean over d days has the variance p + (1 - p) / d; independent users are weighted by their
    information, which is the most that any estimate can have."""
    state = state_of(ramp, days)
    passed = data.draw(st.integers(1, state.spec.lasts))
    planned = np.array(ramp.planned(days))

    def information(until):
        entered = np.diff(np.maximum.accumulate(planned[:until]), prepend=0.0)
        had = until - np.arange(until)
        return float((entered / (persistence + (1 - persistence) / had)).sum())

    true = information(passed) / information(state.spec.lasts)
    assert information_share(state, EPOCH + passed * DAY) <= true + 1e-9


@given(RAMPS, st.integers(1, 6))
def test_it_grows_from_nothing_to_all(ramp, days):
    state = state_of(ramp, days)
    shares = [information_share(state, EPOCH + n * DAY) for n in range(state.spec.lasts + 3)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-3:] == pytest.approx([1, 1, 1])


@given(RAMPS, st.integers(1, 6), st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_a_late_ramp_knows_no_more_at_any_moment_and_in_the_end_as_much(ramp, days, hours):
    timely = state_of(ramp, days)
    late = [timedelta(hours=sum(hours[:n])) for n in range(len(timely.servings))]
    servings = (replace(s, since=s.since + more) for s, more in zip(timely.servings, late, strict=True))
    state = replace(timely, servings=tuple(servings))
    for n in range(state.spec.lasts + 12):
        at = EPOCH + n * DAY
        assert information_share(state, at) <= information_share(timely, at) + 1e-9
    whole_days = all(more % DAY == timedelta() for more in late)
    if whole_days:
        assert information_share(state, state.ends(EPOCH)) == pytest.approx(1)
