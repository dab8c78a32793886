from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.hooks.api import Config, JointSurrogate
from rectune_dsl.surrogate.data import level_changes, lifts_of, production_level
from rectune_dsl.surrogate.limits import chance_to_hold
from rectune_dsl.surrogate.params import ParamView, fit

NAMES = ("watch", "skips", "returns", "latency")


def configs(*points):
    return [Config({f"x{i}": float(v) for i, v in enumerate(point)}) for point in points]


def test_knowing_nothing_production_is_safe_and_doubt_grows_with_distance(make_task):
    task = make_task(2)
    surrogate = fit(task, ())
    ray = configs((0.5, 0.5), (0.6, 0.5), (0.8, 0.5), (1.0, 0.5))
    mean, sd = surrogate.predict(ray)
    assert surrogate.metrics == NAMES
    assert mean.shape == sd.shape == (4, 4)
    lifts = slice(0, 3)
    assert mean[:, lifts] == pytest.approx(0.0)
    assert sd[0, lifts] == pytest.approx(0.0, abs=1e-4)
    assert (np.diff(sd[:, lifts], axis=0) > 0).all()
    assert (sd[-1, lifts] <= 0.06).all()
    p = surrogate.p_feasible(ray)
    assert p[0] > 0.99
    assert (np.diff(p) < 0).all()
    assert np.isfinite(surrogate.objective(ray)[0]).all()


def test_an_absolute_metric_is_predicted_in_its_unit(make_task, make_round):
    task = make_task(1)
    history = [make_round(task, [[0.9], [0.1]], [[0, 0, 0, 0.3], [0, 0, 0, -0.1]])]
    mean, sd = fit(task, history).predict(configs((0.5,), (0.9,), (0.1,)))
    assert mean[:, 3] == pytest.approx([100.0, 130.0, 90.0], abs=1.0)
    assert sd[0, 3] == pytest.approx(0.5, abs=0.05)  # production's own level is known to its standard error
    p = fit(task, history).p_feasible(configs((0.5,), (0.9,), (0.1,)))
    assert p[1] < 0.01 < 0.9 < min(p[0], p[2])


@pytest.mark.parametrize("control", [0.0, -2.0])
def test_an_absolute_metric_needs_no_level_above_zero(make_task, make_round, control):
    """Where control's level is not positive there are no lifts; arms at 3 +- 0.1 above it break `<= 0.5`."""
    task = make_task(1, {"returns": ">= -1%", "latency": "<= 0.5"})
    result = make_round(task, [[0.9], [0.8], [0.3]], [[0.0, 0.0, 0.0, None]] * 3)
    metrics = result.estimates.metrics
    at = metrics.index("latency")
    arms = (control, control + 3.0, control + 2.6, control)

    def put(rows, values):
        return tuple(
            tuple(value if i == at else old for i, old in enumerate(row))
            for row, value in zip(rows, values, strict=True)
        )

    estimates = replace(
        result.estimates,
        level=put(result.estimates.level, arms),
        level_se=put(result.estimates.level_se, (0.05, 0.1, 0.1, 0.1)),
    )
    surrogate = fit(task, [replace(result, estimates=estimates)])
    tested = configs((0.9,), (0.3,), (0.5,))
    mean, sd = surrogate.predict(tested)
    assert mean[:, at] == pytest.approx([control + 3.0, control, control], abs=0.25)
    assert (sd[:, at] < 0.25).all()
    p = surrogate.p_feasible(tested)
    assert p[0] == pytest.approx(float(control + 3.0 <= 0.5), abs=0.02) or control < 0
    assert p[2] > 0.9


def test_arms_share_their_controls_error_of_a_level(make_task, make_round):
    task = make_task(1)
    history = [make_round(task, [[0.9], [0.1]], [[0, 0, 0, 0.3], [0, 0, 0, -0.1]])]
    found = level_changes(ParamView(task).points, history, "latency")
    assert found.values == pytest.approx([30.0, -10.0])
    assert found.noise == pytest.approx(np.array([[0.5, 0.25], [0.25, 0.5]]))


@pytest.mark.parametrize("unit", [1000.0, 1e-3])
def test_the_unit_of_an_absolute_metric_changes_no_chance(make_task, make_round, unit):
    def chances(scale):
        task = make_task(1, {"latency": f"<= {120 * scale}"})
        result = make_round(task, [[0.9], [0.1]], [[0, 0, 0, 0.3], [0, 0, 0, -0.1]])
        found = result.estimates
        level, se = (
            tuple(tuple(scale * x for x in row) for row in rows) for rows in (found.level, found.level_se)
        )
        scaled = replace(result, estimates=replace(found, level=level, level_se=se))
        return fit(task, [scaled]).p_feasible(configs((0.6,), (0.7,), (0.75,), (0.9,)))

    assert chances(unit) == pytest.approx(chances(1.0), abs=1e-6)


@pytest.mark.parametrize("factor", [100.0, 0.001])
def test_the_unit_of_weights_scales_u_and_nothing_else(make_task, make_round, factor):
    task = make_task(1)
    metrics = {n: m.model_copy(update={"weight": factor * m.weight}) for n, m in task.metrics.items()}
    history = [make_round(task, [[0.9], [0.2]], [[0.04, 0.06, 0, 0], [-0.02, -0.02, 0, 0]], 1e-4 * np.eye(8))]
    plain, scaled = fit(task, history), fit(task.model_copy(update={"metrics": metrics}), history)
    there = configs((0.9,), (0.6,), (0.2,))
    for one, other in zip(plain.objective(there), scaled.objective(there), strict=True):
        assert other == pytest.approx(factor * one, rel=1e-6)
    draws = [s.objective_draws(there, np.random.default_rng(0), 9) for s in (plain, scaled)]
    assert draws[1] == pytest.approx(factor * draws[0], rel=1e-6)


def test_u_is_the_weighted_sum_of_signed_lifts(make_task, make_round):
    task = make_task(1)
    history = [make_round(task, [[0.9], [0.2]], [[0.04, 0.06, 0, 0], [-0.02, -0.02, 0, 0]])]
    u, _ = fit(task, history).objective(configs((0.9,), (0.2,)))
    assert u == pytest.approx([0.04 - 0.5 * 0.06, -0.02 + 0.5 * 0.02], abs=2e-3)


def test_noise_of_u_comes_from_the_joint_covariance(make_task, make_round):
    """watch and skips err together, so that their errors cancel in U = watch - skips / 2."""
    task = make_task(1)
    root = np.zeros((4, 4))
    root[:2, 0] = [0.01, 0.02]
    result = make_round(task, [[0.8]], [[0.01, 0.01, 0.0, 0.0]], root @ root.T)
    measured = lifts_of(ParamView(task).points, [result], {"watch": 1.0, "skips": -0.5})
    assert measured.values == pytest.approx([0.005])
    assert measured.noise == pytest.approx(np.zeros((1, 1)), abs=1e-12)


def test_arms_of_a_round_share_their_control_and_rounds_share_nothing(make_task, make_round):
    task = make_task(1)
    size = 2 * 4
    covariance = np.kron(np.array([[2.0, 1.0], [1.0, 2.0]]), np.eye(4)) * 1e-4
    assert covariance.shape == (size, size)
    result = make_round(task, [[0.8], [0.3]], [[0.0] * 4] * 2, covariance)
    noise = lifts_of(ParamView(task).points, [result, result], {"watch": 1.0}).noise
    block = np.array([[2.0, 1.0], [1.0, 2.0]]) * 1e-4
    assert noise == pytest.approx(np.block([[block, 0 * block], [0 * block, block]]))


def test_missing_lifts_are_left_out_and_frozen_rounds_teach_nothing(make_task, make_round):
    task = make_task(1)
    partly = make_round(task, [[0.8], [0.3]], [[None, 0.1, 0.0, 0.0], [0.02, 0.1, 0.0, 0.0]])
    assert lifts_of(ParamView(task).points, [partly], {"watch": 1.0}).values == pytest.approx([0.02])
    assert lifts_of(ParamView(task).points, [partly], {"watch": 1.0, "skips": -0.5}).values == pytest.approx(
        [-0.03]
    )
    frozen = make_round(task, [[0.8]], [[0.5, 0, 0, 0]], frozen="sample-ratio mismatch")
    there = configs((0.8,))
    before, after = fit(task, []).predict(there), fit(task, [frozen]).predict(there)
    assert (after[0] == before[0]).all()
    assert (after[1] == before[1]).all()
    assert production_level([frozen], "latency") is None


def test_exact_values_without_noise_are_fitted(make_task, make_round):
    task = make_task(1)
    result = make_round(task, [[0.8], [0.8], [0.2]], [[0.1] * 4, [0.1] * 4, [-0.1] * 4], np.zeros((12, 12)))
    mean, sd = fit(task, [result]).predict(configs((0.8,)))
    assert mean[0, 0] == pytest.approx(0.1, abs=1e-3)
    assert sd[0, 0] < 5e-3


def test_draws_of_u_agree_with_its_mean_and_sd(make_task, make_round):
    task = make_task(2)
    surrogate = fit(task, [make_round(task, [[0.8, 0.2]], [[0.03, 0.0, 0.0, 0.0]], 1e-4 * np.eye(4))])
    assert isinstance(surrogate, JointSurrogate)
    points = configs((0.8, 0.2), (0.2, 0.9), (0.5, 0.5))
    drawn = surrogate.objective_draws(points, np.random.default_rng(0), 20_000)
    mean, sd = surrogate.objective(points)
    assert drawn.mean(0) == pytest.approx(mean, abs=4 * sd.max() / 140)
    assert drawn.std(0) == pytest.approx(sd, rel=0.05, abs=1e-4)


def test_the_same_history_gives_the_same_belief(make_task, make_round):
    task = make_task(2)
    history = [make_round(task, [[0.8, 0.2], [0.1, 0.1]], [[0.03, 0.0, 0.0, 0.0], [0.01, 0.1, 0.0, 0.0]])]
    there = configs((0.3, 0.3))
    assert (fit(task, history).predict(there)[0] == fit(task, list(history)).predict(there)[0]).all()


@pytest.mark.parametrize(
    ("limit", "mean", "sd", "expected"),
    [
        (">= -1%", 0.0, 0.0, 1.0),
        (">= -1%", -0.02, 0.0, 0.0),
        (">= -1%", -0.01, 0.5, 0.5),
        ("<= 120", 100.0, 20.0, 0.8413447),
        ("<= 120", 140.0, 20.0, 0.1586553),
    ],
)
def test_chance_to_hold_is_the_normal_tail(limit, mean, sd, expected):
    found = chance_to_hold(parse_limit(limit), np.array([mean]), np.array([sd]))
    assert found[0] == pytest.approx(expected, abs=1e-6)
