"""Sums over simulated users: drawn directly where their distribution is known, and exactly.

Of n normal users the mean is normal and the scatter matrix Wishart's, independent of it; users of finitely
many kinds are counted by a multinomial. Neither needs a user to be drawn, so that 120,000 cost no more
than ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import ArmMoments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Sufficient statistics of many samples of `n` users each: `sums` (..., columns), and `products`
    (..., columns, columns)."""

    n: int
    sums: Array
    products: Array

    def arm(self, name: str, *at: int) -> ArmMoments:
        """One of the samples as an arm."""
        products = self.products[at].tolist()
        return ArmMoments(name, self.n, self.n, tuple(self.sums[at].tolist()), tuple(map(tuple, products)))

    def at(self, *at: int | slice) -> Sums:
        """Some of the samples."""
        return Sums(self.n, self.sums[at], self.products[at])

    def through(self, matrix: Array) -> Sums:
        """Of the same users with other columns: `matrix` (new columns, columns) times theirs."""
        return Sums(self.n, self.sums @ matrix.T, matrix @ self.products @ matrix.T)

    def moved(self, by: Array) -> Sums:
        """Of the same users with `by` (columns,), or (..., columns) by sample, added to each."""
        cross = self.sums[..., :, None] * by[..., None, :]
        square = self.n * by[..., :, None] * by[..., None, :]
        products = self.products + cross + np.swapaxes(cross, -1, -2) + square
        return Sums(self.n, self.sums + self.n * by, products)


class Population(Protocol):
    """Who the users of an arm are."""

    def draw(self, rng: np.random.Generator, n: int, shape: tuple[int, ...]) -> Sums:
        """Samples of `n` users: `shape` many."""
        ...

    def expected(self, n: int) -> Sums:
        """One sample of `n` users that is like the population: the same means and covariance."""
        ...


@dataclass(frozen=True, eq=False)
class Normal:
    """Users with jointly normal columns: `mean` (columns,), `covariance` (columns, columns)."""

    mean: Array
    covariance: Array

    def draw(self, rng: np.random.Generator, n: int, shape: tuple[int, ...]) -> Sums:
        """The scatter matrix is drawn by its Cholesky factor (Bartlett 1933, "On the theory of statistical
        regression")."""
        columns = len(self.mean)
        root = np.linalg.cholesky(self.covariance)
        means = self.mean + rng.standard_normal((*shape, columns)) @ root.T / math.sqrt(n)
        factor = np.tril(rng.standard_normal((*shape, columns, columns)), -1)
        diagonal = np.arange(columns)
        factor[..., diagonal, diagonal] = np.sqrt(rng.chisquare(n - 1 - diagonal, (*shape, columns)))
        factor = root @ factor
        scatter = factor @ np.swapaxes(factor, -1, -2)
        return Sums(n, n * means, scatter + n * means[..., :, None] * means[..., None, :])

    def expected(self, n: int) -> Sums:
        return Sums(n, n * self.mean, (n - 1) * self.covariance + n * np.outer(self.mean, self.mean))


@dataclass(frozen=True, eq=False)
class Kinds:
    """Users of finitely many kinds: `values` (kinds, columns), and `shares` (kinds,) that add up to 1."""

    values: Array
    shares: Array

    def draw(self, rng: np.random.Generator, n: int, shape: tuple[int, ...]) -> Sums:
        return self._sums(n, rng.multinomial(n, self.shares, size=shape).astype(np.float64))

    def expected(self, n: int) -> Sums:
        return self._sums(n, n * self.shares)

    def _sums(self, n: int, counts: Array) -> Sums:
        """`counts` (..., kinds) of users."""
        kinds, columns = self.values.shape
        squares = (self.values[:, :, None] * self.values[:, None, :]).reshape(kinds, -1)
        return Sums(n, counts @ self.values, (counts @ squares).reshape(*counts.shape[:-1], columns, columns))


def summed(users: Array) -> Sums:
    """Of users who were drawn one by one: (..., users, columns)."""
    return Sums(users.shape[-2], users.sum(axis=-2), np.swapaxes(users, -1, -2) @ users)


def correlated(deviations: Array, correlation: float) -> Array:
    """The covariance (columns, columns) of columns that are all correlated alike."""
    same = np.full((len(deviations),) * 2, correlation)
    np.fill_diagonal(same, 1.0)
    covariance: Array = same * np.outer(deviations, deviations)
    return covariance
