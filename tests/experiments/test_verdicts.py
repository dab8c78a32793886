"""The rules of evidence: what may ship, and how often it does by mistake."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.experiments.verdicts import OBJECTIVE, confirmation_alpha, verdict
from rectune_dsl.hooks.errors import BackendError, UsageError

NAMES = ("watch", "likes", "return", "latency")
COVARIANCE = np.diag([0.004**2, 0.004**2, 0.003**2, 0.01**2])
LEVELS, ERRORS = {"latency": 100.0}, {"latency": 2.0}


def judged(make, lifts=(0.02, 0.0, 0.0, 0.0), latency=100.0, *, confirmation=1, **more):
    observation = make.estimates(
        dict(zip(NAMES, lifts, strict=True)), COVARIANCE, {"latency": latency}, ERRORS, **more
    )
    return verdict(make.task(), observation, spec=make.spec(), confirmation=confirmation)


def test_levels_of_all_confirmations_add_up_to_alpha():
    total = sum(confirmation_alpha(0.05, r) for r in range(1, 100_000))
    assert total == pytest.approx(0.05, rel=1e-4)
    assert confirmation_alpha(0.05, 1) == pytest.approx(0.05 * 6 / math.pi**2)


def test_a_clear_gain_within_all_guardrails_ships(make):
    found = judged(make)
    assert found.decision == "ship"
    assert [b.metric for b in found.bounds] == [OBJECTIVE, "return", "latency"]
    assert found.alpha == confirmation_alpha(0.05, 1)
    assert all(b.shown and not b.refuted for b in found.bounds)
    assert found.reasons[0].startswith("U is shown to be > 0: estimate +2.00%, lower bound +")
    assert "latency is shown to be <= 120: estimate 100, upper bound 103.7" in found.reasons[2]


def test_what_is_not_shown_holds_and_says_how_many_users_would_show_it(make):
    found = judged(make, (0.02, 0.0, -0.007, 0.0))
    assert found.decision == "hold"
    (reason,) = found.reasons
    assert reason.startswith("return is not shown to be >= -1%: estimate -0.70%, lower bound -1.26%")
    # (z(alpha_1) + z(.8))^2 (0.003 / 0.003)^2 of the 1,000 users
    assert "about 7,400 users per arm would show it with 80% power" in reason
    hopeless = judged(make, (0.02, 0.0, -0.012, 0.0))
    assert "no number of users would show it" in hopeless.reasons[0]


def test_shown_harm_keeps_production(make):
    assert judged(make, (-0.05, 0.0, 0.0, 0.0)).decision == "keep production"
    broken = judged(make, (0.02, 0.0, -0.03, 0.0))
    assert broken.decision == "keep production"
    assert broken.reasons[0].startswith("return is shown not to be >= -1%: estimate -3.00%, upper bound -2.4")
    assert judged(make, latency=140.0).decision == "keep production"


def test_an_arm_stopped_for_harm_keeps_production(make):
    observation = make.estimates(dict.fromkeys(NAMES, 0.02), COVARIANCE, LEVELS, ERRORS)
    task, spec = make.task(), make.spec()
    found = verdict(task, observation, spec=spec, confirmation=1, stopped={"new": "harm."})
    assert (found.decision, found.reasons) == ("keep production", ("It was stopped: harm.",))
    frozen = verdict(task, observation, spec=spec, confirmation=1, frozen="SRM.")
    assert (frozen.decision, frozen.reasons, frozen.bounds) == ("hold", ("SRM.",), ())


def test_later_confirmations_need_more_evidence(make):
    lifts = (0.01, 0.0, 0.0, 0.0)
    assert judged(make, lifts, confirmation=1).decision == "ship"
    assert judged(make, lifts, confirmation=4).decision == "hold"


lift = st.one_of(st.none(), st.floats(-0.05, 0.05))


@settings(max_examples=200, deadline=None)
@given(st.tuples(lift, lift, lift, lift))
def test_nothing_ships_with_a_guardrail_or_north_star_missing(make, lifts):
    found = judged(make, lifts)
    if None in lifts[:3]:
        assert found.decision != "ship"
    assert (found.decision == "ship") == all(b.shown for b in found.bounds)


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(*[st.floats(-0.05, 0.05)] * 3),
    st.tuples(*[st.floats(0, 0.05)] * 3),
    st.floats(100, 125),
    st.floats(0, 10),
)
def test_worse_never_turns_hold_into_ship(make, lifts, worse, latency, slower):
    """Nor `keep production` into anything else."""
    order = ("keep production", "hold", "ship")
    better = judged(make, (*lifts, 0.0), latency)
    down = (lifts[0] - worse[0], lifts[1] + worse[1], lifts[2] - worse[2], 0.0)
    assert order.index(judged(make, down, latency + slower).decision) <= order.index(better.decision)


def test_a_guardrail_at_its_margin_ships_no_more_often_than_its_level(make):
    runs = 4_000
    z = make.generator("margin").standard_normal(runs)
    ships = sum(judged(make, (0.05, 0.0, -0.01 + 0.003 * x, 0.0)).decision == "ship" for x in z)
    alpha = confirmation_alpha(0.05, 1)
    assert abs(ships / runs - alpha) < 3.5 * math.sqrt(alpha / runs)


def test_no_gain_ships_no_more_often_than_its_level(make):
    runs = 4_000
    z = make.generator("nogain").standard_normal((runs, 2)) * 0.004
    ships = sum(judged(make, (x, y, 0.02, 0.0)).decision == "ship" for x, y in z)
    alpha = confirmation_alpha(0.05, 1)
    assert abs(ships / runs - alpha) < 3.5 * math.sqrt(alpha / runs)


def test_a_config_that_changes_nothing_at_all_does_not_ship(make):
    observation = make.estimates(dict.fromkeys(NAMES, 0.0), np.zeros((4, 4)), LEVELS, ERRORS)
    assert verdict(make.task(), observation, spec=make.spec(), confirmation=1).decision == "hold"


# --- maturity and freshness -------------------------------------------------------------------------


def slow_task(make):
    return make.task(
        {"watch": {"goal": "maximize"}, "return": {"kind": "proportion", "matures_after_days": 2}},
        {"return": ">= -1%"},
    )


@pytest.mark.parametrize(
    ("as_of_days", "complete_days", "decision", "words"),
    [
        (9, 9, "ship", "shown to be >= -1%"),
        (9, None, "ship", "shown to be >= -1%"),
        (8, None, "hold", "is not mature before 2026-01-14 00:00 UTC"),
        (9, 8, "hold", "is stale: complete until 2026-01-13 00:00 UTC only, not 2026-01-14 00:00"),
    ],
)
def test_an_immature_or_stale_metric_is_inconclusive(make, as_of_days, complete_days, decision, words):
    known = {} if complete_days is None else {"return": make.start + timedelta(days=complete_days)}
    observation = make.estimates(
        {"watch": 0.1, "return": 0.0},
        np.eye(2) * 0.001**2,
        as_of=make.start + timedelta(days=as_of_days),
        complete_until=known,
    )
    found = verdict(slow_task(make), observation, spec=make.spec(), confirmation=1)
    assert found.decision == decision
    assert any(words in reason for reason in found.reasons)


def test_a_metric_has_to_be_complete_until_users_were_really_served(make):
    """A ramp that was late: users were served for two days more than the spec has it."""
    served = make.start + timedelta(days=9)
    observation = make.estimates(
        {"watch": 0.1, "return": 0.0},
        np.eye(2) * 0.001**2,
        as_of=make.start + timedelta(days=11),
        complete_until={"return": make.start + timedelta(days=9)},
    )
    found = verdict(slow_task(make), observation, spec=make.spec(), confirmation=1, served=served)
    assert found.decision == "hold"
    assert any("is stale: complete until 2026-01-14" in reason for reason in found.reasons)


def test_an_immature_metric_refutes_nothing(make):
    observation = make.estimates({"watch": 0.1, "return": -0.5}, np.eye(2) * 0.001**2)
    found = verdict(slow_task(make), observation, spec=make.spec(), confirmation=1)
    assert found.decision == "hold"
    assert found.bounds[1].estimate is None


# --- moments ----------------------------------------------------------------------------------------


def population(make, name, n, gain=0.0, harm=0.0):
    rng = make.generator(name, n)
    taste = rng.gamma(4.0, 1.0, n)
    watch = taste * rng.lognormal(0, 0.2, n) * (1 + gain)
    back = (rng.random(n) < 0.5 * (1 - harm)).astype(float)
    return np.column_stack([watch, back, taste])


COLUMNS = ("watch", "return", "before")


def small_task(make):
    metrics = {"watch": {"goal": "maximize", "covariate": "before"}, "return": {"kind": "proportion"}}
    return make.task(metrics, {"return": ">= -5%"})


def test_users_assigned_unevenly_freeze_the_verdict(make):
    arms = {"control": population(make, "c", 20_000), "new": population(make, "n", 20_000, 0.1)}
    task, spec = small_task(make), make.spec()
    moments = make.moments(arms, COLUMNS)
    assert verdict(task, moments, spec=spec, confirmation=1).decision == "ship"
    uneven = make.moments(arms, COLUMNS, {"control": 25_000, "new": 20_000})
    frozen = verdict(task, uneven, spec=spec, confirmation=1)
    assert frozen.decision == "hold"
    assert "sample-ratio mismatch" in frozen.reasons[0]
    stopped = verdict(task, uneven, spec=spec, confirmation=1, stopped={"new": "harm."})
    assert stopped.decision == "keep production", "its missing users were taken away on purpose"
    unchecked = verdict(task, uneven, spec=spec, confirmation=1, randomised=False)
    assert unchecked.decision == "ship", "where nothing is randomised no ratio was designed"


def test_estimates_that_tell_how_many_were_assigned_are_checked_too(make):
    found = make.estimates(dict.fromkeys(NAMES, 0.02), COVARIANCE, {"latency": 100.0}, ERRORS)

    def verdict_with(*assigned, **more):
        seen = replace(found, assigned=assigned)
        return verdict(make.task(), seen, spec=make.spec(), confirmation=1, **more)

    assert verdict_with().decision == verdict_with(10_000, 10_050).decision == "ship"
    frozen = verdict_with(10_000, 9_000)
    assert frozen.decision == "hold"
    assert "control 10,000" in frozen.reasons[0]
    assert "sample-ratio mismatch" in frozen.reasons[0]
    assert verdict_with(10_000, 9_000, randomised=False).decision == "ship"


def test_every_guardrail_must_also_be_kept_against_the_holdout(make):
    """Two ships of -4 % each would pass one by one; the holdout remembers the first."""
    arms = {
        "control": population(make, "c", 40_000, harm=0.04),
        "new": population(make, "n", 40_000, gain=0.1, harm=0.06),
    }
    task, spec = small_task(make), make.spec("control", "new", "holdout")
    fresh = make.moments(arms | {"holdout": population(make, "h", 30_000, harm=0.04)}, COLUMNS)
    found = verdict(task, fresh, spec=spec, confirmation=1)
    assert found.decision == "ship"
    assert [b.metric for b in found.bounds] == ["U", "return", "return against the holdout"]
    spent = make.moments(arms | {"holdout": population(make, "h", 30_000)}, COLUMNS)
    found = verdict(task, spent, spec=spec, confirmation=1)
    assert found.decision != "ship"
    assert found.bounds[1].shown
    assert found.bounds[2].detail.startswith("Against the holdout: return is ")
    unseen = verdict(task, make.moments(arms, COLUMNS), spec=spec, confirmation=1)
    assert unseen.reasons == ("return against the holdout is inconclusive: the holdout was not observed.",)


def test_the_holdout_does_not_touch_the_comparison_with_control(make):
    arms = {"control": population(make, "c", 5_000), "new": population(make, "n", 5_000, 0.1)}
    odd = population(make, "h", 2_000)
    odd[:, 2] *= 5
    task = small_task(make)
    alone = verdict(task, make.moments(arms, COLUMNS), spec=make.spec(), confirmation=1)
    with_holdout = make.moments(arms | {"holdout": odd}, COLUMNS)
    spec = make.spec("control", "new", "holdout")
    assert verdict(task, with_holdout, spec=spec, confirmation=1).bounds[:2] == alone.bounds


def test_a_confirmation_has_one_treatment_and_observes_it(make):
    observation = make.estimates(dict.fromkeys(NAMES, 0.0), COVARIANCE)
    with pytest.raises(UsageError, match="one treatment"):
        verdict(make.task(), observation, spec=make.spec("control", "a", "b"), confirmation=1)
    with pytest.raises(BackendError, match="no arm 'new'"):
        verdict(make.task(), replace(observation, arms=("old",)), spec=make.spec(), confirmation=1)
