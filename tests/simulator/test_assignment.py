"""Who takes part: disjoint arms of equal size, none of them used before."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from rectune_dsl.hooks.api import Arm, Exposure
from rectune_dsl.hooks.errors import BackendError
from rectune_dsl.simulator.assignment import assign
from rectune_dsl.simulator.keyed import key_of, uniform

USERS = 200_000


@pytest.fixture
def arms(changed):
    return tuple(Arm(name, changed()) for name in ("control", "a", "b", "c"))


def _ids(spec, population=USERS):
    return [arm.within(0, population) for arm in assign(spec, population)]


def test_arms_are_disjoint_and_as_large_as_asked(make_spec, arms):
    found = _ids(make_spec(arms=arms, users_per_arm=10_000))
    for a, b in combinations(found, 2):
        assert np.intersect1d(a, b).size == 0
    assert chisquare([ids.size for ids in found]).pvalue > 1e-4
    assert all(abs(ids.size - 10_000) < 500 for ids in found)
    assert all((np.diff(ids) > 0).all() for ids in found)


def test_another_salt_assigns_independently(make_spec):
    first = _ids(make_spec(users_per_arm=20_000, salt="one"))[0]
    second = _ids(make_spec(users_per_arm=20_000, salt="two"))[0]
    common = np.intersect1d(first, second).size
    assert common == pytest.approx(20_000 * 0.1, rel=0.1)


def test_a_user_keeps_the_arm_whatever_the_population(make_spec):
    spec = make_spec(users_per_arm=1_000)
    small = make_spec(users_per_arm=100)
    ids, smaller = _ids(spec)[0], _ids(small, USERS // 10)[0]
    assert np.array_equal(ids[ids < USERS // 10], smaller)


def test_fresh_users_were_in_no_earlier_experiment(make_spec, arms):
    first = make_spec(arms=arms, users_per_arm=10_000, salt="one")
    used = first.exposure(USERS)
    spec = make_spec(users_per_arm=15_000, salt="two", fresh_of=(used, Exposure("other", 0.25)))
    found = np.concatenate(_ids(spec))
    assert np.intersect1d(found, np.concatenate(_ids(first))).size == 0
    assert (uniform(key_of("assign", "other"), found) >= 0.25).all()
    assert found.size == pytest.approx(30_000, rel=0.03)


def test_exposure_names_exactly_the_users_that_were_used(make_spec):
    spec = make_spec(users_per_arm=10_000)
    hashes = uniform(key_of("assign", spec.salt), np.arange(USERS))
    assert np.array_equal(
        np.flatnonzero(hashes < spec.exposure(USERS).share), np.sort(np.concatenate(_ids(spec)))
    )


def test_the_holdout_takes_part_as_the_holdout_arm_only(make_spec, arms):
    spec = make_spec(arms=(*arms[:2], Arm("holdout", arms[0].config)), users_per_arm=8_000, holdout_share=0.1)
    *served, held = _ids(spec)
    in_holdout = uniform(key_of("holdout", "home-feed"), np.arange(USERS)) < 0.1
    assert in_holdout[held].all()
    assert not in_holdout[np.concatenate(served)].any()
    assert held.size == pytest.approx(8_000, rel=0.05)


def test_places_are_uniform_in_their_arm(make_spec):
    for arm in assign(make_spec(users_per_arm=20_000), USERS):
        assert kstest(arm.placed(0, USERS)[1], "uniform").pvalue > 1e-4


@pytest.mark.parametrize("cuts", [(0, USERS), (0, 1, 17_000, 17_000, USERS), range(0, USERS + 1, 25_000)])
def test_ranges_of_ids_together_have_the_users_of_the_whole(make_spec, arms, cuts):
    spec = make_spec(arms=(*arms[:2], Arm("holdout", arms[0].config)), users_per_arm=5_000, holdout_share=0.1)
    for arm in assign(spec, USERS, (0.0, 0.7)):
        parts = [arm.within(start, stop) for start, stop in pairwise(cuts)]
        assert np.array_equal(np.concatenate(parts), arm.within(0, USERS))


def test_a_fraction_of_an_arm_is_its_first_part(make_spec):
    whole, part = (assign(make_spec(users_per_arm=20_000), USERS, (0, to))[1] for to in (1.0, 0.3))
    ids, places = whole.placed(0, USERS)
    assert np.array_equal(part.within(0, USERS), ids[places < 0.3])
    assert part.expected == pytest.approx(part.within(0, USERS).size, rel=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"users_per_arm": 100_001}, r"200,002; of the 200,000 simulated users 200,000 are free"),
        ({"fresh_of": (Exposure("x", 0.999),)}, r"200 are free"),
        ({"fresh_of": (Exposure("salt", 0.1),)}, r"its own salt 'salt'"),
    ],
)
def test_too_few_users_are_refused(make_spec, change, message):
    with pytest.raises(BackendError, match=message) as refused:
        assign(make_spec(**change), USERS)
    assert refused.value.help


def test_too_small_a_holdout_is_refused(make_spec, arms):
    spec = make_spec(
        arms=(*arms[:2], Arm("holdout", arms[0].config)), users_per_arm=3_000, holdout_share=0.01
    )
    with pytest.raises(BackendError, match="the holdout has 2,000"):
        assign(spec, USERS)
