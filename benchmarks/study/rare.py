"""Users of finitely many kinds who seldom do something, and whose watching is coarse but clear."""

from __future__ import annotations

import numpy as np
from scipy.stats import poisson

from study.users import Array, Kinds

CRASHES = 1e-3
"""Per user."""
HATES_PER_IMPRESSION = 1e-4
IMPRESSIONS = {10.0: 0.3, 20.0: 0.5, 40.0: 0.2}
"""Of a user, with the share of such users."""
MOST_HATES = 3
CALM, KEEN = 0.5, 0.8
"""Shares of users who watch three minutes instead of one."""


def watching(share: float, kinds: Kinds) -> Kinds:
    """The same users with `watch` as their first column, independent of the others: three minutes for this
    share of them, one for the rest."""
    few = np.insert(kinds.values, 0, 1.0, axis=1)
    many = np.insert(kinds.values, 0, 3.0, axis=1)
    return Kinds(
        np.concatenate([few, many]), np.concatenate([(1 - share) * kinds.shares, share * kinds.shares])
    )


def crashing(share: float) -> Kinds:
    """0 or 1 crash."""
    return Kinds(np.array([[0.0], [1.0]]), np.array([1 - share, share]))


def hating(rate: float) -> Kinds:
    """Columns hates and impressions: `rate` hates per impression, Poisson's up to MOST_HATES. Twice the rate
    is exactly twice the hates: only the share of users without any gives."""
    values, shares = [], []
    for impressions, users in IMPRESSIONS.items():
        some = _hates(impressions) * rate / HATES_PER_IMPRESSION
        values += [(float(hates), impressions) for hates in range(MOST_HATES + 1)]
        shares += [users * (1 - some.sum()), *(users * some)]
    return Kinds(np.array(values), np.array(shares))


def _hates(impressions: float) -> Array:
    """Chances of 1, 2, ... hates at the usual rate."""
    mean = impressions * HATES_PER_IMPRESSION
    found: Array = poisson.pmf(np.arange(1, MOST_HATES + 1), mean)
    return found
