"""From GrowthBook's numbers to estimates: what is exact, what is an upper bound, and what is not told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rectune_growthbook.results import Wanted, estimates
from rectune_growthbook.wire import Record

from rectune_dsl.hooks.api import BackendError, Estimates

AS_OF = datetime(2026, 3, 5, tzinfo=UTC)
ARMS = {"control": "v0", "a": "v1", "b": "v2"}
NAMES = {"gain": "fact__gain", "cost": "fact__cost", "guard": "fact__guard"}
WEIGHTS = {"gain": 1.0, "cost": -0.5}


def result(stats, **changes):
    """An answer with (users, mean, stddev) per metric and arm; `changes` of the fields of an analysis, by
    metric and arm."""
    metrics = []
    for metric, cells in stats.items():
        variations = []
        for variation, (users, mean, deviation) in zip(ARMS.values(), cells, strict=True):
            analysis = {
                "mean": mean,
                "stddev": deviation,
                "denominator": users,
                "percentChange": mean / cells[0][1] - 1 if cells[0][1] else 0.0,
            }
            analysis |= changes.get(f"{metric}_{variation}", {})
            variations.append({"variationId": variation, "users": users, "analyses": [analysis]})
        metrics.append({"metricId": f"fact__{metric}", "variations": variations})
    return Record({"results": [{"metrics": metrics}]}, "the result")


def read(found, ratios=(), complete=AS_OF) -> Estimates:
    return estimates(found, Wanted(ARMS, NAMES, frozenset(ratios), WEIGHTS), AS_OF, complete)


PLAIN = {
    "gain": ((1000, 10.0, 4.0), (1100, 11.0, 4.5), (900, 9.0, 3.5)),
    "cost": ((1000, 2.0, 1.0), (1100, 2.5, 1.5), (900, 1.5, 1.0)),
    "guard": ((1000, 0.5, 0.5), (1100, 0.4, 0.49), (900, 0.6, 0.48)),
}


def test_lifts_levels_and_errors_are_those_of_the_means():
    found = read(result(PLAIN))
    assert found.lift[0] == pytest.approx((0.1, 0.25, -0.2))
    assert found.level[1] == (11.0, 2.5, 0.4)
    assert found.level_se[0] == pytest.approx((4 / 1000**0.5, 1 / 1000**0.5, 0.5 / 1000**0.5))
    own, shared = 4.5**2 / 1100 / 10**2, 1.1**2 * 4**2 / 1000 / 10**2
    assert found.covariance[0][0] == pytest.approx(own + shared)
    assert found.covariance[0][3] == pytest.approx(1.1 * 0.9 * 4**2 / 1000 / 10**2), "a and b share control"
    degrees = (own + shared) ** 2 / (own**2 / 1099 + shared**2 / 999)
    assert found.effective_n[0][0] == pytest.approx(degrees + 1)
    assert found.assigned == (1000, 1100, 900)
    assert found.missing == found.complete_until == {}


moment = st.floats(0.05, 3.0)


@given(st.lists(st.tuples(moment, moment), min_size=6, max_size=6), st.floats(-1, 1), st.floats(-1, 1))
def test_no_correlation_between_north_stars_makes_u_less_certain_than_it_is_said_to_be(cells, own, shared):
    stats = {
        "gain": tuple((500, mean, deviation) for mean, deviation in cells[:3]),
        "cost": tuple((500, mean, deviation) for mean, deviation in cells[3:]),
        "guard": PLAIN["guard"],
    }
    found = read(result(stats))
    joint = np.array(found.covariance)
    assert np.allclose(joint, joint.T)
    scale = np.sqrt(np.diag(joint))
    assert np.linalg.eigvalsh(joint / np.outer(scale, scale)).min() > -1e-9
    for arm in (0, 1):
        at = slice(3 * arm, 3 * arm + 2)
        weights = np.array(list(WEIGHTS.values()))
        said = weights @ joint[at, at] @ weights
        true = 0.0
        for source, correlation in ((arm + 1, own), (0, shared)):
            slopes = [
                weight * (1 / c[0][1] if source else -c[arm + 1][1] / c[0][1] ** 2)
                for weight, c in zip(weights, (stats["gain"], stats["cost"]), strict=True)
            ]
            errors = [c[source][2] / 500**0.5 for c in (stats["gain"], stats["cost"])]
            parts = np.array(slopes) * errors
            true += parts @ parts + 2 * correlation * parts[0] * parts[1]
        assert true <= said * (1 + 1e-9)


def test_other_metrics_are_taken_to_be_uncorrelated():
    joint = np.array(read(result(PLAIN)).covariance)
    assert (joint[[2, 5]][:, [0, 1, 3, 4]] == 0).all()
    assert joint[2, 5] > 0, "but for the control that a metric's arms share"


def test_users_that_a_metric_leaves_out_do_not_count_and_a_ratio_s_denominator_counts_none():
    fewer = result(PLAIN, gain_v1={"denominator": 400})
    assert read(fewer).level_se[1][0] == pytest.approx(4.5 / 400**0.5)
    sums = result(PLAIN, gain_v1={"denominator": 40_000})
    assert read(sums, ratios=["gain"]).level_se[1][0] == pytest.approx(4.5 / 1100**0.5)
    assert read(result(PLAIN, gain_v1={"denominator": 3}), ratios=["gain"]).level_se[1][0] == pytest.approx(
        4.5 / 1100**0.5
    )


@pytest.mark.parametrize(
    ("stats", "missing", "why"),
    [
        ({"gain": ((1000, 10.0, 4.0), (1100, 0.0, 0.0), (900, 9.0, 3.5))}, ["a/gain"], "its query failed"),
        ({"gain": ((1000, 0.0, 0.0), (1100, 1.0, 1.0), (900, 9.0, 3.5))}, ["a/gain", "b/gain"], "control: "),
        ({"gain": ((1000, -1.0, 2.0), (1100, 1.0, 1.0), (900, 9.0, 3.5))}, ["a/gain", "b/gain"], "a lift is"),
        ({"gain": ((1000, 10.0, 4.0), (1, 10.0, 4.0), (900, 9.0, 3.5))}, ["a/gain"], "1 users are counted"),
    ],
)
def test_what_has_no_lift_is_missing_with_a_reason(stats, missing, why):
    found = read(result({**PLAIN, **stats}))
    assert sorted(found.missing) == missing
    assert all(why in said for said in found.missing.values())
    at = [("a", "b").index(name.partition("/")[0]) for name in missing]
    assert all(found.lift[a][0] is None and found.effective_n[a][0] == 0 for a in at)
    joint = np.array(found.covariance)
    assert all((joint[3 * a] == 0).all() for a in at)


def test_a_metric_that_is_not_reported_is_missing():
    found = read(result({name: cells for name, cells in PLAIN.items() if name != "cost"}))
    assert set(found.missing) == {"a/cost", "b/cost"}
    assert "reports nothing of fact__cost" in found.missing["a/cost"]


def test_an_adjusted_metric_is_missing_since_its_errors_are_not_those_of_the_means():
    found = read(result(PLAIN, gain_v1={"percentChange": 0.07}))
    assert list(found.missing) == ["a/gain"]
    assert "CUPED" in found.missing["a/gain"]


def test_without_results_nothing_is_known():
    found = read(Record({"results": []}, "the result"))
    assert set(found.missing) == set(NAMES)
    assert found.lift == ((None,) * 3,) * 2


def test_events_that_may_still_come_make_every_metric_incomplete():
    late = AS_OF - timedelta(hours=3)
    assert read(result(PLAIN), complete=late).complete_until == dict.fromkeys(NAMES, late)


def test_results_without_users_are_none():
    found = Record({"results": [{"metrics": []}]}, "the result")
    with pytest.raises(BackendError, match="users of every variation"):
        read(found)


@pytest.mark.parametrize("hours", [0.1, 2.0, 72.0])
def test_a_look_within_the_lag_is_taken_at_once_and_says_until_when_it_is_complete(lab, monkeypatch, hours):
    backend, spec = lab.backend(lag_hours=hours), lab.spec()
    experiment = backend.create(spec, spec.key)
    backend.start(experiment)
    monkeypatch.setattr("rectune_growthbook.backend.time.sleep", lambda _: pytest.fail("it waits"))
    as_of = lab.pass_days(1)
    lab.platform.pass_until(as_of + timedelta(minutes=1))
    known = lab.platform.now - timedelta(hours=hours)
    found = backend.observe(experiment, as_of)
    assert found.as_of == as_of
    assert found.lift[0][0] is not None
    assert found.complete_until == dict.fromkeys(found.metrics, known)
    lab.platform.pass_until(as_of + timedelta(hours=hours))
    assert backend.observe(experiment, as_of).complete_until == {}, "by then the day's events have come"


def test_a_moment_finer_than_growthbook_s_is_complete_when_it_has_passed(lab):
    backend, experiment = lab.started()
    as_of = lab.platform.now + timedelta(microseconds=999)
    lab.platform.pass_until(as_of)
    found = backend.observe(experiment, as_of)
    assert (found.as_of, found.complete_until) == (as_of, {})
