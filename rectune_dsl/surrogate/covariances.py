"""Covariances that are not quite any: estimated, or rounded, on their way."""

from __future__ import annotations

import numpy as np

from rectune_dsl.surrogate.kernels import Array

_LEAST = 1e-9
"""What eigenvalues are raised to, as a share of the largest."""


def without_negatives(matrix: Array) -> Array:
    """The nearest matrix without negative variances; the same where it has none. Estimates of arms that were
    stopped at different times need not form a proper covariance."""
    values, vectors = _eigen(matrix)
    if values.min(initial=0.0) >= 0:
        return matrix
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def regular(matrix: Array) -> Array:
    """One that can be factored: no variance is less than a little part of the largest."""
    values, vectors = _eigen(matrix)
    return np.asarray((vectors * np.maximum(values, _least(values, 1e-18))) @ vectors.T)


def inverse(matrix: Array) -> Array:
    """Of a covariance, or of a sum of precisions, made `regular`."""
    values, vectors = _eigen(matrix)
    return np.asarray((vectors / np.maximum(values, _least(values, 1e-300))) @ vectors.T)


def _eigen(matrix: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    return np.asarray(values), np.asarray(vectors)


def _least(values: Array, floor: float) -> float:
    return max(float(values.max(initial=0.0)) * _LEAST, floor)
