"""What a surrogate is told by other campaigns, and how much it believes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Response, Scope
from rectune_dsl.surrogate.semantics import MechanicsPrior, product
from rectune_dsl.surrogate.told import ALONE, pool, size_alone, told_by

CAUSES = ("mean:a", "mean:b", "repetition:topic")


def response(mean, sd=0.1, size=0.05, causes=CAUSES, metric="watch"):
    covariance = np.diag(np.full(len(causes), sd**2)).tolist()
    return Response(metric, tuple(causes), tuple(mean), tuple(map(tuple, covariance)), size)


def record(*responses, mechanic=None, id="r"):
    return KnowledgeRecord(id, "", Scope(), "active", mechanic, (), (), "a test", responses=tuple(responses))


def beliefs(count):
    """Random Gaussian beliefs about overlapping causes."""
    numbers = st.integers(0, 2**32 - 1).map(np.random.default_rng)

    def belief(rng):
        causes = tuple(rng.permutation(CAUSES)[: rng.integers(1, 4)].tolist())
        root = rng.normal(size=(len(causes), len(causes)))
        return MechanicsPrior(
            "watch", causes, rng.normal(size=len(causes)), root @ root.T + np.eye(len(causes))
        )

    return st.lists(numbers.map(belief), min_size=count, max_size=count)


@given(beliefs(3), st.integers(0, 1000))
def test_a_product_has_the_log_density_of_its_factors_summed(priors, seed):
    """Up to a constant: differences between two points are equal."""

    def log_density(belief, point):
        gap = np.array([point[cause] for cause in belief.causes]) - belief.mean
        return -0.5 * gap @ np.linalg.solve(belief.covariance, gap)

    together = product(priors)
    rng = np.random.default_rng(seed)
    one, other = (dict(zip(CAUSES, rng.normal(size=3), strict=True)) for _ in range(2))
    expected = sum(log_density(p, one) - log_density(p, other) for p in priors)
    assert log_density(together, one) - log_density(together, other) == pytest.approx(
        expected, rel=1e-6, abs=1e-8
    )


def test_what_one_task_learnt_is_believed_with_wider_doubt():
    found = pool([response([0.5, 0.1, -0.2])], CAUSES)
    assert found.mean == pytest.approx([0.5, 0.1, -0.2])
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(np.full(3, 0.1 * ALONE))


def test_tasks_that_agree_are_believed_more_and_tasks_that_differ_less():
    agreeing = pool([response([0.5, 0.1, -0.2])] * 4, CAUSES)
    differing = pool([response([0.5 + d, 0.1 - d, -0.2 + d]) for d in (-1.0, -0.4, 0.4, 1.0)], CAUSES)
    alone = pool([response([0.5, 0.1, -0.2])], CAUSES)
    assert np.diag(agreeing.covariance).max() < np.diag(alone.covariance).min() / 2
    assert np.diag(differing.covariance).min() > 10 * np.diag(agreeing.covariance).max()
    assert differing.mean == pytest.approx(agreeing.mean)


def test_the_next_task_lies_where_it_is_expected_as_often_as_that_says():
    """True elasticities differ between tasks with sd 1, errors have sd .1; 90 % intervals, 300 times."""
    rng, inside = np.random.default_rng(1), 0
    for _ in range(300):
        truths = rng.normal(0.5, 1.0, 6)
        measured = truths[:5] + rng.normal(0, 0.1, 5)
        found = pool([response([m], causes=("mean:a",)) for m in measured], CAUSES)
        inside += abs(truths[5] - found.mean[0]) <= 1.645 * found.covariance[0, 0] ** 0.5
    assert 0.75 <= inside / 300 <= 0.99


def test_features_that_are_not_here_are_left_out_with_what_they_share():
    found = pool([response([0.5, 0.1, -0.2])], ("repetition:topic", "mean:a"))
    assert found.causes == ("mean:a", "repetition:topic")
    assert pool([response([0.5, 0.1, -0.2])], ("mean:gone",)) is None


def test_single_mechanics_count_where_no_response_does():
    likes = Mechanic("likes", "slate a", "+1%", 0.01, 0.005, 0.015, (), "")
    watch = Mechanic("watch", "slate a", "+1%", 0.01, 0.005, 0.015, (), "")
    told = told_by(
        [record(response([0.5, 0.1, -0.2])), record(mechanic=likes), record(mechanic=watch)], CAUSES
    )
    assert [(prior.metric, len(prior.causes)) for prior in told.priors] == [("watch", 3), ("likes", 1)]


def test_sizes_are_the_geometric_mean_of_the_tasks():
    told = told_by([record(size_alone(response([0, 0, 0], size=s))) for s in (0.01, 0.04)], CAUSES)
    assert told.sizes == pytest.approx({"watch": 0.02})


def test_covariances_that_rounding_made_indefinite_still_tell():
    rough = Response("watch", ("mean:a", "mean:b"), (1.0, -1.0), ((1.0, 1.0001), (1.0001, 1.0)), 0.1)
    found = pool([rough], CAUSES)
    assert np.isfinite(found.covariance).all()
    assert np.linalg.eigvalsh(found.covariance).min() >= 0
