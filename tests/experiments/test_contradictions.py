"""Numbers that no users have are refused where they come in; those of any users are not."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rectune_dsl.experiments.contradictions import checked
from rectune_dsl.experiments.evidence import evidence
from rectune_dsl.hooks.api import BackendError, Histogram

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False) | st.sampled_from([0.0, 1e9, 0.1])
USERS = arrays.arrays(np.float64, st.tuples(st.integers(0, 30), st.just(2)), elements=VALUES)


@given(USERS, USERS)
def test_sums_over_any_users_can_be(make, control, new):
    observed = make.moments({"control": control, "new": new}, ("watch", "likes"))
    assert checked(observed) is observed


def test_the_histograms_of_households_count_their_users(make):
    households = np.array([[2.0, 7.0], [3.0, 1.0]])  # users, clicks
    observed = make.moments({"control": households}, ("users", "clicks"))
    of_five = Histogram((1.0, 3.0), (4, 1))
    for histogram, can_be in ((of_five, True), (Histogram((1.0,), (2,)), False)):
        told = replace(observed, arms=(replace(observed.arms[0], histograms={"clicks": histogram}),))
        if can_be:
            assert checked(told) is told
        else:
            with pytest.raises(BackendError, match="does not count its 5 users"):
                checked(told)


@pytest.fixture
def moments(make):
    users = make.generator("users").normal(5.0, 1.0, (40, 2))
    return make.moments({"control": users, "new": users + 0.1}, ("watch", "likes"))


def _of_new(**changes):
    return lambda told: replace(told, arms=(told.arms[0], replace(told.arms[1], **changes)))


BROKEN_MOMENTS = {
    "has no arms": lambda told: replace(told, arms=()),
    "'new' do not have one sum per column": _of_new(sums=(1.0,)),
    "a sum of watch in arm 'new' is not a finite number": _of_new(sums=(math.nan, 1.0)),
    "a sum of likes in arm 'new' is not a finite number": _of_new(products=((1e9, 1e9), (1e9, math.inf))),
    "1,000 users of arm 'new' are counted, and 40 were assigned": _of_new(n=1000),
    "-1 users of arm 'new'": _of_new(n=-1),
    "the squares of watch in arm 'new' are too few": _of_new(products=((1.0, 0.0), (0.0, 1e9))),
    "histogram of watch in arm 'new' does not count": _of_new(histograms={"watch": Histogram((1.0,), (3,))}),
    "time of as_of has no time zone": lambda told: replace(told, as_of=told.as_of.replace(tzinfo=None)),
    "time of watch has no time zone": lambda told: replace(
        told, complete_until={"watch": told.as_of.replace(tzinfo=None) - timedelta(days=1)}
    ),
}


@pytest.mark.parametrize("why", BROKEN_MOMENTS)
def test_moments_that_cannot_be_are_the_backends_fault(moments, why):
    with pytest.raises(BackendError, match=why) as refused:
        checked(BROKEN_MOMENTS[why](moments))
    assert "report it to its author" in refused.value.help


@pytest.fixture
def estimates(make):
    return make.estimates({"watch": 0.01, "return": None}, np.diag([1e-4, 0.0]))


BROKEN_ESTIMATES = {
    "lift has what is not a finite number": {"lift": ((math.nan, None),)},
    "level has what is not": {"level": ((1.0, 1.0), (math.inf, 1.0))},
    "variance of watch's lift of arm 'new' is -0.0001, below 0": {"covariance": ((-1e-4, 0.0), (0.0, 0.0))},
    "covariance is not 2 x 2": {"covariance": ((1e-4,),)},
    "covariance is not symmetric": {"covariance": ((1e-4, 1e-5), (0.0, 1e-4))},
    "level is not 2 x 2": {"level": ((1.0, 1.0),)},
    "standard error of a level is below 0": {"level_se": ((0.1, 0.1), (-0.1, 0.1))},
    "effective number of users is below 0": {"effective_n": ((-1.0, 5.0),)},
    "effective_n has what is not": {"effective_n": ((math.nan, 5.0),)},
}


def test_estimates_with_what_is_missing_can_be(estimates):
    assert checked(estimates) is estimates


@pytest.mark.parametrize("why", BROKEN_ESTIMATES)
def test_estimates_that_cannot_be_are_refused_before_any_rule_sees_them(make, estimates, why):
    broken = replace(estimates, **BROKEN_ESTIMATES[why])
    with pytest.raises(BackendError, match=why):
        checked(broken)
    with pytest.raises(BackendError, match=why):
        evidence(broken, make.task(guardrails={}).judged)
