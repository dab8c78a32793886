"""Who is served what: as GrowthBook's own SDK for Python has it, which loads the same definitions."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import growthbook
import pytest
from growthbook.core import gbhash, getBucketRanges, inRange
from hypothesis import given
from hypothesis import strategies as st
from rectune_growthbook.testing.hashing import place
from rectune_growthbook.users import BUCKETS, PLACES, Share, share_of
from scipy.stats import binom

from rectune_dsl.hooks.api import Arm, BackendError, Config, Exposure, Ramp, Slot

RAMP = (0.01, 0.05, 0.25, 0.5)


def by_sdk(lab, experiment, users):
    """User -> arm, where the SDK tracks the experiment."""
    found, platform = lab.platform.experiments[experiment], lab.platform
    definition, at = platform.definition(), int(platform.now.timestamp()) - 1
    names = [one["key"] for one in found["variations"]]
    arms = {}
    for user in users:
        gb = growthbook.GrowthBook(
            attributes={"id": user, "now": at}, features={"feed": growthbook.Feature(**definition)}
        )
        result = gb.eval_feature("feed")
        if result.experiment is not None and result.experiment.key == found["trackingKey"]:
            assert result.value == definition["rules"][0]["variations"][result.experimentResult.variationId]
            arms[user] = names[result.experimentResult.variationId]
    return arms


@given(st.text("abcdefghij-_/0123456789", max_size=30), st.text("user-0123456789", max_size=20))
def test_users_are_hashed_as_the_sdk_does_it(seed, user):
    for version in (1, 2):
        assert place(seed, user, version) == gbhash(seed, user, version)


def test_the_server_s_users_are_served_what_the_sdk_serves_through_a_ramp(lab):
    backend, spec = lab.backend(), lab.spec(ramp=Ramp(RAMP, 1), users_per_arm=1000)
    experiment = backend.create(spec, spec.key)
    users = lab.platform.people.ids[:600]
    backend.set_exposure(experiment, RAMP[0], None, spec.start)
    backend.start(experiment)
    assert by_sdk(lab, experiment, users) == {}
    seen = []
    for day, fraction in enumerate((*RAMP[1:], 1.0), 1):
        lab.pass_days(day)
        found = by_sdk(lab, experiment, users)
        assert found == {user: arm for user, arm in lab.arms_of(experiment).items() if user in users}
        seen.append(found)
        backend.set_exposure(experiment, fraction, None, lab.platform.now)
    lab.pass_days(5)
    seen.append(by_sdk(lab, experiment, users))
    assert len(seen[-1]) > 400
    for before, after in pairwise(seen):
        assert before.items() <= after.items(), "nobody moves or goes out"


def test_of_ten_thousand_users_none_changes_the_arm_over_a_ramp():
    share, seed = Share(0, 1000, 4, 2500), "feed/0/round-1"
    places = [gbhash(seed, f"u{n}", 2) for n in range(10_000)]
    arms = []
    for fraction in (0.01, 0.05, 0.25, 0.5, 1.0):
        ranges = getBucketRanges(4, share.coverage(fraction), share.weights)
        arm = [next((a for a, r in enumerate(ranges) if inRange(n, r)), None) for n in places]
        served = sum(a is not None for a in arm)
        low, high = binom.interval(1 - 1e-6, len(places), fraction)
        assert low <= served <= high
        arms.append(arm)
    for before, after in pairwise(arms):
        assert all(a is None or a == b for a, b in zip(before, after, strict=True))


@given(st.integers(2, 100), st.data())
def test_arms_have_exactly_as_many_buckets_at_any_coverage(arms, data):
    most = data.draw(st.integers(1, BUCKETS // arms))
    share = Share(0, PLACES, arms, most)
    fraction = data.draw(st.sampled_from((0.01, 0.05, 0.25, 1 / 3, 0.5, 1.0)))
    ranges = getBucketRanges(arms, share.coverage(fraction), share.weights)
    wanted = max(1, round(most * fraction))
    assert sum(share.weights) == pytest.approx(1, abs=1e-12)
    for low, high in ranges:
        near = range(int(low * BUCKETS) - 2, int(high * BUCKETS) + 3)
        assert sum(0 <= n < BUCKETS and inRange(n / BUCKETS, (low, high)) for n in near) == wanted


@given(st.integers(2, 30), st.integers(10, 500_000), st.integers(1000, 10_000_000), st.data())
def test_a_share_has_the_users_of_the_spec(arms, users, population, data):
    spec = SimpleNamespace(users=users * arms, users_per_arm=users, arms=(None,) * arms, slot=None)
    free = data.draw(st.integers(0, 999))
    try:
        share = share_of(spec, population, [(0, free)])
    except BackendError:
        assert users * arms > population * (1 - (free + 1) / PLACES)
        return
    assert free <= share.low < share.high <= PLACES
    got = population * (share.high - share.low) / PLACES * share.buckets / BUCKETS
    step = population * (share.high - share.low) / PLACES / BUCKETS
    assert abs(got - users) <= max(step, users * arms / BUCKETS)


def test_fresh_users_are_of_no_earlier_experiment(lab):
    backend, first = lab.backend(), lab.spec()
    one = backend.create(first, first.key)
    backend.start(one)
    lab.pass_days(1)
    used = lab.arms_of(one)
    backend.stop(one, "finished")
    fresh = (first.exposure(3600),)
    changes = {"key": "run-1/confirm", "salt": "feed/0/confirm", "start": first.start + timedelta(days=4)}
    confirm = lab.spec(purpose="confirm", fresh_of=fresh, arms=first.arms[:2], **changes)
    other = backend.create(confirm, confirm.key)
    backend.start(other)
    lab.pass_days(6)
    found = lab.arms_of(other)
    assert len(used) > 900
    assert len(found) > 600
    assert not used.keys() & found.keys()


def test_earlier_experiments_are_listed_once_however_many_there_are(lab):
    backend = lab.backend()
    salts = [f"feed/0/round-{number}" for number in range(1, 6)]
    for number, salt in enumerate(salts):
        earlier = lab.spec(key=f"k{number}", salt=salt, users_per_arm=20)
        backend.create(earlier, earlier.key)
    before = len(lab.server.asked("GET", "/experiments$"))
    fresh = tuple(Exposure(salt, 0.02) for salt in salts)
    confirm = lab.spec(key="confirm", salt="confirm", fresh_of=fresh, users_per_arm=20)
    backend.create(confirm, confirm.key)
    looked_up = 2  # by its key: whether it is there, and whether it was made
    assert len(lab.server.asked("GET", "/experiments$")) - before == 1 + looked_up
    *ends, (first, _) = (one["phases"][-1]["namespace"]["range"] for one in lab.platform.experiments.values())
    assert first == max(end for _, end in ends)


def test_whose_users_cannot_be_told_are_refused(lab):
    backend, spec = lab.backend(), lab.spec()
    stranger = lab.spec(fresh_of=(Exposure("another-salt", 0.1),))
    with pytest.raises(BackendError, match="no experiment with the salt 'another-salt'"):
        backend.create(stranger, stranger.key)
    made = backend.create(spec, spec.key)
    lab.platform.experiments[made]["phases"][-1]["namespace"]["namespaceId"] = "ns-other"
    again = lab.spec(key="k2", salt="s2", fresh_of=(Exposure(spec.salt, 0.3),))
    with pytest.raises(BackendError, match="not limited to a range of namespace ns-feed"):
        backend.create(again, again.key)
    assert len(lab.platform.experiments) == 1


def test_too_few_users_are_refused(lab):
    backend, spec = lab.backend(), lab.spec()
    backend.create(spec, spec.key)
    fresh = (spec.exposure(3600),)
    many = lab.spec(key="k2", salt="s2", fresh_of=fresh, users_per_arm=900)
    with pytest.raises(BackendError, match="were in none of the experiments before") as refused:
        backend.create(many, many.key)
    assert "users_per_arm" in refused.value.help


def test_slots_are_ranges_of_the_namespace(lab):
    backend = lab.backend()
    for number, (low, high) in enumerate(((0.0, 0.4), (0.4, 1.0)), 1):
        spec = lab.spec(key=f"k{number}", salt=f"s{number}", slot=Slot("home", low, high), users_per_arm=100)
        experiment = backend.create(spec, spec.key)
        space = lab.platform.experiments[experiment]["phases"][-1]["namespace"]
        assert low <= space["range"][0] < space["range"][1] <= high
        backend.start(experiment)
    lab.pass_days(1)
    one, other = (lab.arms_of(experiment) for experiment in lab.platform.experiments)
    assert one
    assert other
    assert not one.keys() & other.keys()


def test_days_begin_when_all_are_served_however_late_that_is(lab):
    backend, spec = lab.backend(), lab.spec(ramp=Ramp((0.5,), 1))
    experiment = backend.create(spec, spec.key)
    backend.set_exposure(experiment, 0.5, None, spec.start)
    backend.start(experiment)
    late = spec.start + timedelta(days=2, hours=7)
    lab.platform.pass_until(late)
    backend.set_exposure(experiment, 1.0, None, late)
    backend.set_exposure(experiment, 1.0, None, late + timedelta(days=1))  # as after a crash
    condition = json.loads(lab.platform.experiments[experiment]["phases"][-1]["condition"])["now"]
    assert condition["$gte"] == spec.start.timestamp()
    assert condition["$lt"] == (late + timedelta(days=3)).timestamp()


@pytest.mark.parametrize(
    "changes",
    [
        {"holdout_share": 0.1},
        {"unit": "household"},
        {"caps": {"watch_minutes": 10.0}},
        {"fresh_of": (Exposure("feed/0/round-1", 0.1),)},
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_made(lab, changes):
    spec = lab.spec(**changes)
    with pytest.raises(BackendError) as refused:
        lab.backend().create(spec, spec.key)
    assert refused.value.help
    assert lab.platform.experiments == {}


def test_control_has_to_be_what_the_feature_serves(lab):
    spec = lab.spec()
    stale = dataclasses.replace(spec.arms[0], config=Config({"w_like": 1.5, "w_hate": 1.0}))
    spec = lab.spec(arms=(stale, *spec.arms[1:]))
    with pytest.raises(BackendError, match=r"has w_like = 1.0 by default, and control is to be 1.5"):
        lab.backend().create(spec, spec.key)
    assert lab.platform.experiments == {}


def test_other_fields_of_the_value_and_rules_of_others_stay(lab):
    lab.platform.flag["defaultValue"] = json.dumps({"w_like": 1.0, "w_hate": 1.0, "model": "m7"})
    theirs = {
        "type": "force",
        "id": "fr_x",
        "value": '{"model": "qa"}',
        "enabled": False,
        "description": "QA",
    }
    lab.platform.flag["environments"]["production"]["rules"].append(dict(theirs))
    backend, spec = lab.backend(), lab.spec()
    experiment = backend.create(spec, spec.key)
    rules = lab.platform.flag["environments"]["production"]["rules"]
    assert [json.loads(one["value"])["model"] for one in rules[1]["variations"]] == ["m7"] * 3
    backend.set_exposure(experiment, 0.0, "a", spec.start)
    backend.deliver(Config({"w_like": 2.0, "w_hate": 1.0}))
    assert lab.production() == {"w_like": 2.0, "w_hate": 1.0, "model": "m7"}
    backend.stop(experiment, "finished")
    (left,) = lab.platform.flag["environments"]["production"]["rules"]
    assert {**theirs, "condition": ""} == {**left, "condition": ""}


def test_arms_are_stopped_whole_and_by_name(lab):
    backend, spec = lab.backend(), lab.spec()
    experiment = backend.create(spec, spec.key)
    with pytest.raises(BackendError, match="no arm 'z'") as unknown:
        backend.set_exposure(experiment, 0.0, "z")
    assert "control, a, b" in unknown.value.help
    with pytest.raises(BackendError, match="of one arm cannot be served"):
        backend.set_exposure(experiment, 0.5, "a")


def test_what_somebody_else_delivered_since_is_not_undone(lab):
    backend = lab.backend()
    backend.deliver(Config({"w_like": 2.0, "w_hate": 1.0}))
    lab.platform.flag["defaultValue"] = '{"w_like": 5.0, "w_hate": 1.0}'
    with pytest.raises(BackendError, match="was changed since rectune delivered it"):
        backend.rollback()
    assert lab.production()["w_like"] == 5.0


def test_an_experiment_is_two_arms_at_least(lab):
    spec = lab.spec(arms=(Arm("control", Config({"w_like": 1.0, "w_hate": 1.0})),))
    with pytest.raises(BackendError, match="two arms"):
        lab.backend().create(spec, spec.key)
