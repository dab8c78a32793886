import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad

from rectune_dsl.surrogate.gp import GaussianProcess, Observations
from rectune_dsl.surrogate.hyper import fit, negative_log_posterior
from rectune_dsl.surrogate.kernels import Hyperparameters, matern52, matern52_with_gradients
from rectune_dsl.surrogate.params import MaternFamily


def kernel_by_hand(x, y, hyper):
    """One pair at a time, from the textbook's formula."""
    r = np.sqrt(sum(((a - b) / scale) ** 2 for a, b, scale in zip(x, y, hyper.lengthscales, strict=True)))
    s = np.sqrt(5) * r
    return hyper.amplitude**2 * (1 + s + s * s / 3) * np.exp(-s)


def random_case(seed, count=6, dimension=3):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(count, count)) * 0.3
    observations = Observations(
        rng.random((count, dimension)), rng.normal(size=count), root @ root.T + 0.05 * np.eye(count)
    )
    return observations, Hyperparameters(rng.uniform(0.5, 2), rng.uniform(0.3, 2, dimension)), rng


@given(st.integers(0, 2**32 - 1))
def test_the_kernel_is_the_textbooks(seed):
    observations, hyper, rng = random_case(seed)
    others = rng.random((4, 3))
    expected = [[kernel_by_hand(x, y, hyper) for y in others] for x in observations.points]
    assert matern52(observations.points, others, hyper) == pytest.approx(np.array(expected), abs=1e-9)
    itself, _ = matern52_with_gradients(observations.points, hyper)
    assert itself == pytest.approx(matern52(observations.points, observations.points, hyper), abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_the_posterior_is_that_of_the_joint_normal(seed):
    observations, hyper, rng = random_case(seed)
    points = rng.random((4, 3))
    both = np.vstack([observations.points, points])
    prior = np.array([[kernel_by_hand(x, y, hyper) for y in both] for x in both])
    n = observations.count
    gain = prior[n:, :n] @ np.linalg.inv(prior[:n, :n] + observations.noise)
    mean, covariance = gain @ observations.values, prior[n:, n:] - gain @ prior[:n, n:]

    process = GaussianProcess(observations, hyper)
    assert process.joint(points)[0] == pytest.approx(mean, abs=1e-5)
    assert process.joint(points)[1] == pytest.approx(covariance, abs=1e-5)
    assert process.mean_sd(points)[0] == pytest.approx(mean, abs=1e-5)
    assert process.mean_sd(points)[1] ** 2 == pytest.approx(np.diag(covariance), abs=1e-5)


def test_one_observation_shrinks_by_signal_over_signal_plus_noise():
    point = np.array([[0.3]])
    process = GaussianProcess(
        Observations(point, np.array([2.0]), np.array([[3.0]])), Hyperparameters(1.0, np.ones(1))
    )
    mean, sd = process.mean_sd(point)
    assert mean[0] == pytest.approx(2.0 * 1 / (1 + 3), rel=1e-6)
    assert sd[0] ** 2 == pytest.approx(1 * 3 / (1 + 3), rel=1e-6)


def test_without_observations_the_posterior_is_the_prior():
    empty = Observations(np.empty((0, 2)), np.empty(0), np.empty((0, 0)))
    mean, sd = GaussianProcess(empty, Hyperparameters(0.7, np.ones(2))).mean_sd(np.random.rand(5, 2))
    assert mean == pytest.approx(0.0)
    assert sd == pytest.approx(0.7)


@given(st.integers(0, 2**32 - 1))
def test_sd_shrinks_where_it_was_observed_and_never_exceeds_the_prior(seed):
    observations, hyper, rng = random_case(seed)
    process = GaussianProcess(observations, hyper)
    _, there = process.mean_sd(observations.points)
    _, anywhere = process.mean_sd(rng.random((50, 3)))
    assert (there <= np.sqrt(np.diag(observations.noise)) + 1e-6).all()
    assert (anywhere <= hyper.amplitude + 1e-9).all()


def test_draws_have_the_joint_moments():
    observations, hyper, rng = random_case(5)
    points = rng.random((3, 3))
    process = GaussianProcess(observations, hyper)
    drawn = process.draws(points, np.random.default_rng(1), 40_000)
    mean, covariance = process.joint(points)
    assert drawn.mean(0) == pytest.approx(mean, abs=0.03)
    assert np.cov(drawn.T) == pytest.approx(covariance, abs=0.05)


def test_errors_that_arms_share_are_not_taken_for_signal():
    """All arms of a round are up by the same amount because their control is down."""
    points, values = np.linspace(0, 1, 5)[:, None], np.full(5, 1.0)
    hyper = Hyperparameters(1.0, np.full(1, 0.1))
    alone = GaussianProcess(Observations(points, values, 1.1 * np.eye(5)), hyper)
    shared = GaussianProcess(Observations(points, values, 0.1 * np.eye(5) + 1.0), hyper)
    assert shared.mean_sd(points)[0].mean() < 0.6 * alone.mean_sd(points)[0].mean()


@given(st.integers(0, 2**32 - 1))
def test_gradient_of_the_posterior_of_hyperparameters(seed):
    observations, _, rng = random_case(seed)
    family = MaternFamily(3)
    at = family.center + 0.5 * family.spread * rng.normal(size=4)

    def value(logs):
        return negative_log_posterior(logs, observations, family)[0]

    def gradient(logs):
        return negative_log_posterior(logs, observations, family)[1]

    assert check_grad(value, gradient, at) < 1e-3 * (1 + np.abs(gradient(at)).max())


def test_what_matters_gets_the_shorter_lengthscale():
    rng = np.random.default_rng(3)
    points = rng.random((40, 4))
    values = 0.05 * np.sin(5 * points[:, 1])
    process = fit(Observations(points, values, 1e-6 * np.eye(40)), MaternFamily(4)).process
    assert process.hyper.lengthscales.argmin() == 1
    assert process.hyper.lengthscales[1] < 0.5 * np.delete(process.hyper.lengthscales, 1).min()
    fresh = rng.random((30, 4))
    error = process.mean_sd(fresh)[0] - 0.05 * np.sin(5 * fresh[:, 1])
    assert np.sqrt(np.mean(error**2)) < 0.1 * values.std()


def test_fitting_is_deterministic():
    observations, _, _ = random_case(9)
    first, second = (fit(observations, MaternFamily(3)).process.hyper for _ in range(2))
    assert first.amplitude == second.amplitude
    assert (first.lengthscales == second.lengthscales).all()


def test_fitting_one_exact_value_keeps_the_priors_medians():
    process = fit(
        Observations(np.array([[0.5, 0.5]]), np.zeros(1), np.zeros((1, 1))), MaternFamily(2)
    ).process
    assert process.hyper.amplitude == pytest.approx(MaternFamily(2).amplitude)
