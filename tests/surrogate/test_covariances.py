"""Matrices that are not quite covariances become some, and those that are stay as they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rectune_dsl.surrogate.covariances import inverse, regular, without_negatives

squares = st.integers(1, 5).flatmap(lambda n: arrays(np.float64, (n, n), elements=st.floats(-3, 3)))


@given(squares)
def test_none_has_a_negative_variance(matrix):
    symmetric = matrix + matrix.T
    for made in (without_negatives, regular):
        assert np.linalg.eigvalsh(made(symmetric)).min() >= -1e-12
    np.linalg.cholesky(regular(symmetric))


@given(squares)
def test_a_proper_covariance_stays(matrix):
    proper = matrix @ matrix.T + 0.1 * np.eye(len(matrix))
    assert without_negatives(proper) is proper
    assert regular(proper) == pytest.approx(proper, abs=1e-9)
    assert inverse(proper) @ proper == pytest.approx(np.eye(len(proper)), abs=1e-7)


def test_where_there_is_nothing_it_stays_nothing():
    assert regular(np.zeros((0, 0))).shape == inverse(np.zeros((0, 0))).shape == (0, 0)
