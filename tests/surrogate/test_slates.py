from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, Arm, Config, Mechanic
from rectune_dsl.surrogate import params
from rectune_dsl.surrogate.gp import GaussianProcess, Observations
from rectune_dsl.surrogate.hygiene import Profile, shifts, surprise
from rectune_dsl.surrogate.hyper import negative_log_posterior
from rectune_dsl.surrogate.mechanics import elasticities
from rectune_dsl.surrogate.semantics import (
    DOUBT,
    ELASTICITY,
    KIN,
    PARTLY,
    REPEATING,
    REPEATING_DOUBT,
    VALENCE,
    MechanicsPrior,
    by_names,
    prior_of,
)
from rectune_dsl.surrogate.slates import SlatedFamily, SlateView, fit, relative_changes
from rectune_dsl.surrogate.told import Told

NAMES = ("mean:p_like", "log:p_like", "mean:p_hate", "repetition:topic")
BASE = np.array([0.2, np.log(0.2), 0.04, 0.5])


@dataclass(frozen=True)
class LinearSlates:
    """A WhatIf whose features are linear in the params: x0 moves likes, x1 hates, x2 topics; x3 nothing."""

    names: tuple[str, ...] = NAMES
    by_param: tuple[float, ...] = (1.0, 1.0, 1.0)

    @property
    def production(self):
        return BASE

    @property
    def spread(self):
        return self.features([Config({f"x{i}": v for i in range(4)}) for v in (0.0, 1.0)]).std(0)

    def features(self, configs):
        moves = np.array([[c[f"x{i}"] - 0.5 for i in range(3)] for c in configs]).reshape(-1, 3)
        moves = moves * np.array(self.by_param)
        like = BASE[0] * (1 + 0.4 * moves[:, 0])
        return np.stack([like, np.log(like), BASE[2] * (1 + moves[:, 1]), BASE[3] * (1 + moves[:, 2])], 1)

    def overlaps(self, configs):
        return np.ones(len(configs))

    def slate_keys(self, configs):
        return tuple(repr(sorted(c.values.items())).encode() for c in configs)

    def slates(self, config):
        raise NotImplementedError


def task(guardrails=None):
    names = [f"x{i}" for i in range(4)]
    tuned = {name: {"production": 0.5, "low": 0.0, "high": 1.0} for name in names}
    return Task.model_validate(
        {
            "dsl": 1,
            "task": {"name": "small", "surface": "feed"},
            "signals": {"p_like": {}, "p_hate": {}},
            "stages": {
                "rank": {"keep": 10, "score": f"p_like * ({' + '.join(names)}) - p_hate", "params": tuned}
            },
            "metrics": {
                "likes": {"goal": "maximize"},
                "return": {"goal": "maximize"},
                "hate_rate": {"kind": "ratio", "numerator": "hates", "denominator": "impressions"},
            },
            "guardrails": guardrails or {"hate_rate": "<= +15%"},
            "experiment": {"users_per_arm": 1000, "days": 2},
            "confirm": {"users_per_arm": 4000, "days": 4},
        }
    )


def config(*values):
    return Config({f"x{i}": float(v) for i, v in enumerate((*values, 0.5, 0.5, 0.5, 0.5)[:4])})


def rounds(make_round, known, truth, count=3, arms=5, error=1e-4, seed=0):
    """Rounds of random arms with the lifts `truth(moves)` of the metrics, (metrics,) per arm."""
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        points = rng.random((arms, 4))
        lifts = np.array([truth(point - 0.5) for point in points])
        lifts += error * rng.standard_normal(lifts.shape)
        result = make_round(known, points.tolist(), lifts.tolist(), error**2 * np.eye(lifts.size))
        names = {f"a{i}": f"r{number}a{i}" for i in range(arms)}
        renamed = tuple(Arm(names.get(arm.name, CONTROL), arm.config) for arm in result.arms)
        estimates = replace(result.estimates, arms=tuple(names.values()))
        found.append(replace(result, key=f"round-{number}", arms=renamed, estimates=estimates))
    return found


# --- the covariance ---


def family(seed=0, features=4, dimension=3):
    rng = np.random.default_rng(seed)
    doubt = np.zeros((features, features))
    root = rng.normal(size=(2, 2))
    doubt[:2, :2] = root @ root.T
    return SlatedFamily(features, dimension, 0.3, np.array([0.5, -0.2, 0.0, 0.0]), doubt), rng


def covariance_by_hand(known, logs, left, right):
    """One pair of points at a time: slopes, then two Matérn terms."""
    linear, bent, length, rest, across = np.exp(logs)

    def matern(a, b, amplitude, scale):
        s = np.sqrt(5) * np.linalg.norm((a - b) / scale)
        return amplitude**2 * (1 + s + s * s / 3) * np.exp(-s)

    slopes = known.doubt + np.diag([0.0, 0.0, linear**2, linear**2])
    x, z = left[:4], right[:4]
    return (
        x @ slopes @ z
        + matern(x, z, linear * bent, length)
        + matern(left[4:], right[4:], linear * rest, across)
    )


@given(st.integers(0, 2**32 - 1))
def test_the_covariance_is_the_sum_of_its_parts(seed):
    known, rng = family(seed)
    logs = known.center + 0.5 * known.spread * rng.normal(size=5)
    left, right = rng.normal(size=(3, 7)), rng.normal(size=(2, 7))
    expected = [[covariance_by_hand(known, logs, a, b) for b in right] for a in left]
    kernel = known.at(logs)
    assert kernel(left, right) == pytest.approx(np.array(expected), rel=1e-6, abs=1e-9)
    assert kernel.variance(left) == pytest.approx(np.diag(kernel(left, left)), rel=1e-6)
    assert known.with_gradients(logs, left)[0] == pytest.approx(kernel(left, left), rel=1e-6, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_gradients_of_its_hyperparameters(seed):
    known, rng = family(seed)
    data = Observations(rng.normal(size=(6, 7)), 0.3 * rng.normal(size=6), 0.01 * np.eye(6))
    at = known.center + 0.5 * known.spread * rng.normal(size=5)

    def value(logs):
        return negative_log_posterior(logs, data, known)[0]

    def gradient(logs):
        return negative_log_posterior(logs, data, known)[1]

    assert check_grad(value, gradient, at) < 1e-3 * (1 + np.abs(gradient(at)).max())


# --- what is believed beforehand ---


def test_heads_tell_of_the_metrics_they_are_named_like():
    found = {(prior.metric, prior.causes): prior for prior in by_names(task(), NAMES)}
    likes, hates = found["likes", ("mean:p_like",)], found["hate_rate", ("mean:p_hate",)]
    assert likes.mean == hates.mean == pytest.approx([ELASTICITY])
    assert likes.covariance == pytest.approx(np.array([[DOUBT**2]]))
    assert found["return", ("mean:p_like",)].mean > 0 > found["return", ("mean:p_hate",)].mean
    assert found["likes", ("repetition:topic",)].mean < 0
    assert ("hate_rate", ("mean:p_like",)) not in found
    assert ("hate_rate", ("repetition:topic",)) not in found


@pytest.mark.parametrize(
    ("metric", "signal", "expected"),
    [
        ("watch_minutes", "p_long_view", KIN),
        ("watch_minutes", "p_like", None),
        ("new_creator_plays", "small_creator", PARTLY),
        ("shares", "p_share", ELASTICITY),
        ("share_rate", "p_share", None),  # a share of something, as far as words tell
        ("day_7_retention", "clickbait", -VALENCE),
        ("day_7_retention", "p_follow", VALENCE),
        ("latency_ms", "p_hate", None),
    ],
)
def test_what_names_have_to_do_with_each_other(metric, signal, expected):
    known = task().model_dump(mode="json")
    known["signals"] = {signal: {}, "p": {}}
    known["stages"]["rank"]["score"] = f"{signal} * (x0 + x1 + x2 + x3) + p"
    known["metrics"] = {metric: {"goal": "maximize"}}
    known["guardrails"] = {}
    found = by_names(Task.model_validate(known), (f"mean:{signal}",))
    assert [float(prior.mean[0]) for prior in found] == ([] if expected is None else [expected])


def test_before_anything_is_measured_more_likely_likes_are_more_likes():
    surrogate = fit(task(), (), LinearSlates())
    mean, sd = surrogate.predict([config(), config(1.0), config(0.5, 1.0)])
    likes, _, hates = mean.T
    assert likes == pytest.approx([0.0, ELASTICITY * 0.2, 0.0], abs=1e-9)  # x0 = 1 shows 20 % more
    assert hates == pytest.approx([0.0, 0.0, ELASTICITY * 0.5], abs=1e-9)
    assert sd[0] == pytest.approx(0.0, abs=1e-3)
    assert sd[1, 0] > DOUBT * 0.2
    safe = surrogate.p_feasible([config(), config(0.5, 1.0), config(0.5, 0.4)])
    assert safe[0] > 0.99
    assert safe[1] < 0.4 < 0.7 < safe[2]


def test_what_other_campaigns_learnt_is_believed_with_wider_doubt():
    learnt = Mechanic("return", "slate repetition:topic", "+1 %", -0.002, -0.003, -0.001, ("e",), "")
    about_params = replace(learnt, cause="x0")
    (prior,) = prior_of([learnt, about_params], NAMES)
    assert prior_of([replace(learnt, cause="slate p_like")], NAMES)[0].causes == ("mean:p_like",)
    assert prior_of([replace(learnt, cause="slate p_gone")], NAMES) == ()
    assert prior.mean == pytest.approx([-0.2])
    assert np.sqrt(prior.covariance[0, 0]) == pytest.approx(2 * 0.1 / 1.6449, rel=1e-3)
    mean, _ = fit(task(), (), LinearSlates(), Told((prior,))).predict([config(0.5, 0.5, 1.0)])
    learnt_says, names_say = prior.covariance[0, 0] ** -1, REPEATING_DOUBT**-2
    both = (-0.2 * learnt_says + REPEATING * names_say) / (learnt_says + names_say)
    assert mean[0, 1] == pytest.approx(both * 0.5)


def test_a_priors_covariance_ties_its_causes_together(make_round):
    """Elasticities known to be opposite: what one is measured to be tells of the other."""
    causes, known = ("mean:p_hate", "log:p_like"), task()
    history = [make_round(known, [[0.5, 0.9, 0.5, 0.5]], [[0.4, 0.0, 0.0]], 1e-6 * np.eye(3))]

    def likes(together):
        prior = MechanicsPrior("likes", causes, np.zeros(2), np.array([[1.0, together], [together, 1.0]]))
        told = Told((prior,), {"likes": 3.0})
        return fit(known, history, LinearSlates(), told).predict([config(0.9)])[0][0, 0]

    assert likes(-0.99) < likes(0.0) - 0.1 < likes(0.99) - 0.2


def test_priors_that_data_contradict_are_dropped(make_round):
    """Items likely to be liked get fewer likes: the head's name lied."""
    known, slates = task(), LinearSlates()
    lie = rounds(make_round, known, lambda m: [-0.6 * m[0], 0.0, 0.0])
    likes = fit(known, lie, slates).predict([config(1.0)])[0][0, 0]
    assert likes == pytest.approx(-0.3, abs=0.05)
    view = SlateView(known, slates)
    data = Observations(view.points([config(1.0), config(0.0)]), np.array([-0.3, 0.3]), 1e-6 * np.eye(2))
    assert not view.fit(data, {"likes": 1.0}).family.mean(data.points).any()
    agreeing = replace(data, values=np.array([0.16, -0.16]))
    assert view.fit(agreeing, {"likes": 1.0}).family.mean(data.points).any()


# --- learning ---


def test_production_is_known_and_errors_shrink_to_those_of_the_arms(make_round):
    known, slates = task(), LinearSlates()
    history = rounds(make_round, known, lambda m: [0.3 * m[0], 0.1 * m[2], 0.2 * m[1]], error=0.002)
    surrogate = fit(known, history, slates)
    fresh = [config(*point) for point in np.random.default_rng(9).random((20, 4))]
    mean, sd = surrogate.predict([*fresh, config()])
    moves = np.array([[c[f"x{i}"] - 0.5 for i in range(4)] for c in fresh])
    assert mean[:-1, 0] == pytest.approx(0.3 * moves[:, 0], abs=0.01)
    assert mean[:-1, 1] == pytest.approx(0.1 * moves[:, 2], abs=0.01)
    assert mean[-1] == pytest.approx(0.0, abs=1e-6)
    assert sd[-1] == pytest.approx(0.0, abs=1e-3)


def test_slates_teach_more_than_params_where_params_are_many_ways_to_one_slate(make_round):
    """The response is to the product of what two params do to one feature: a line in what is shown."""

    class Product(LinearSlates):
        def features(self, configs):
            found = super().features(configs)
            both = np.array([c["x0"] * c["x3"] * 4 - 1 for c in configs])
            found[:, 3] = BASE[3] * (1 + both)
            return found

    known, slates = task(), Product()

    def truth(m):
        return [0.0, 0.1 * ((m[0] + 0.5) * (m[3] + 0.5) * 4 - 1), 0.0]

    history = rounds(make_round, known, truth, count=2, arms=4, error=0.01)
    fresh = [config(*point) for point in np.random.default_rng(3).random((40, 4))]
    expected = np.array([truth(np.array([c[f"x{i}"] for i in range(4)]) - 0.5)[1] for c in fresh])
    by_slates = fit(known, history, slates).predict(fresh)[0][:, 1]
    by_params = params.fit(known, history).predict(fresh)[0][:, 1]
    assert np.mean((by_slates - expected) ** 2) < 0.5 * np.mean((by_params - expected) ** 2)


def test_what_the_panel_does_not_see_is_learnt_over_the_params(make_round):
    """x3 changes no slate, but the metric."""
    known, slates = task(), LinearSlates()
    history = rounds(make_round, known, lambda m: [0.0, 0.3 * m[3], 0.0], count=6, error=0.002)
    mean, _ = fit(known, history, slates).predict([config(0.5, 0.5, 0.5, v) for v in (0.2, 0.8)])
    assert mean[:, 1] == pytest.approx([-0.09, 0.09], abs=0.035)


def test_levels_of_absolute_guardrails_are_predicted_in_their_unit(make_round):
    known = task({"return": "<= 120"})
    history = [make_round(known, [[0.9, 0.5, 0.5, 0.5]], [[0.0, 0.3, 0.0]])]
    mean, _ = fit(known, history, LinearSlates()).predict([config(), config(0.9)])
    assert mean[:, 1] == pytest.approx([100.0, 130.0], abs=1.5)


# --- mechanics ---


def test_elasticities_are_those_of_the_response(make_round):
    known, slates = task(), LinearSlates()
    history = rounds(make_round, known, lambda m: [0.0, -0.1 * m[2] + 0.04 * m[1], 0.0], count=5, error=0.001)
    found = elasticities(known, history, slates, "return")
    assert found.features == NAMES
    effect, low, high = found.of("repetition:topic")
    assert effect == pytest.approx(-0.001, rel=0.05)
    assert low < -0.001 < high
    assert found.causes == ("p_like", "p_hate", "repetition:topic")
    assert found.of("p_hate")[0] == pytest.approx(0.0004, rel=0.1)


def test_intervals_of_elasticities_hold_the_truth_as_often_as_they_say(make_round):
    known, slates, inside = task(), LinearSlates(), 0
    for seed in range(30):
        slope = float(np.random.default_rng(seed).normal(REPEATING, REPEATING_DOUBT))
        history = rounds(make_round, known, lambda m, b=slope: [0.0, b * m[2], 0.0], error=0.02, seed=seed)
        _, low, high = elasticities(known, history, slates, "return").of("repetition:topic")
        inside += low <= 0.01 * slope <= high
    assert inside >= 23  # 27 of 30 are expected; fewer than 23 have a chance of 1 %


def test_relative_changes_are_differences_of_logarithms():
    changes = relative_changes(LinearSlates(), [config(1.0, 0.0)])[0]
    assert changes == pytest.approx([0.2, np.log(1.2), -0.5, 0.0], abs=1e-12)


# --- whether to believe it ---


def process_of(values, seed=0):
    rng = np.random.default_rng(seed)
    noise = np.kron(np.eye(4), 0.0001 * (np.eye(5) + 1))
    points = rng.random((20, 3))
    known = params.MaternFamily(3)
    return GaussianProcess(Observations(points, values(points, rng, noise), noise), known.at(known.center))


def test_a_model_that_is_right_is_rarely_surprised():
    def drawn(points, rng, noise):
        known = params.MaternFamily(3)
        return rng.multivariate_normal(np.zeros(20), known.at(known.center)(points, points) + noise)

    surprised = [surprise(process_of(drawn, seed)) > 1.0 for seed in range(200)]
    assert sum(surprised) <= 7  # 2 are expected


def test_rounds_unlike_the_others_widen_it():
    def odd(points, rng, noise):
        values = rng.multivariate_normal(np.zeros(20), noise)
        values[10:15] += rng.normal(0, 0.3, 5)
        return values

    assert surprise(process_of(odd)) > 1.5


def test_the_widening_is_in_the_predictions(make_round):
    known, slates = task(), LinearSlates()
    calm = rounds(make_round, known, lambda m: [0.0, 0.1 * m[2], 0.0], count=4, error=0.002)
    noise = np.random.default_rng(5)
    wild = rounds(make_round, known, lambda m: [0.0, float(noise.normal(0, 0.3)), 0.0], count=4, error=0.002)
    assert "return" not in fit(known, calm, slates).surprised()
    there = [config(0.3, 0.7, 0.2)]
    assert (
        fit(known, wild, slates).predict(there)[1][0, 1]
        > 5 * fit(known, calm, slates).predict(there)[1][0, 1]
    )


def test_a_changed_head_is_told_and_chance_is_not():
    began = Profile({"rank/p_like": (0.20, 0.005), "rank/p_hate": (0.04, 0.001)})
    assert shifts(began, replace(began, means={"rank/p_like": (0.21, 0.005)})) == ()
    (told,) = shifts(began, replace(began, means={"rank/p_like": (0.30, 0.005)}))
    assert "rank/p_like went from 0.2 to 0.3" in told
    assert shifts(began, Profile({"rank/p_new": (0.1, 0.1)})) == ("rank/p_new is new since the run began",)
