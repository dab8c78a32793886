"""How many users have which value: exact whole numbers, so that no chunk and no thread can change them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import Histogram

_BITS = 11
"""Significant bits that are kept of a value: whole numbers up to 2,048 stay what they are."""
ROUNDING = 2.0**-_BITS
"""By which part of itself a value may have been rounded."""
_EXACT = 1e-12
"""Relative; a share times a number of users may not be the whole number that it is."""


@dataclass(frozen=True, eq=False)
class Counts:
    """`counts` (values,) users have `values` (values,), which ascend."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Counts:
        """Of one value per user."""
        mantissa, exponent = np.frexp(values)
        rounded = np.ldexp(np.rint(np.ldexp(mantissa, _BITS)), exponent - _BITS)
        found, counts = np.unique(rounded, return_counts=True)
        return cls(found, counts.astype(np.int64))

    def __add__(self, other: Counts) -> Counts:
        values, places = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        counts = np.zeros(values.size, np.int64)
        np.add.at(counts, places, np.concatenate([self.counts, other.counts]))
        return Counts(values, counts)

    def histogram(self) -> Histogram:
        return Histogram(tuple(self.values.tolist()), tuple(self.counts.tolist()), ROUNDING)


NOBODY = Counts(np.zeros(0), np.zeros(0, np.int64))


def quantile(histogram: Histogram, share: float) -> float:
    """The smallest value that at least this share of the users do not exceed. Of one user at least."""
    cumulative = np.cumsum(histogram.counts)
    rank = math.ceil(int(cumulative[-1]) * share * (1 - _EXACT))
    return histogram.values[int(np.searchsorted(cumulative, rank))]
