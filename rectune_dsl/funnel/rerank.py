"""Greedy re-ranking: every earlier item with the same key makes the next one cheaper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.select import Positions, Scores, Valid

_LARGEST = np.float32(1e38)
_NAN = np.float32(-2e38)
_TAKEN = np.float32(-np.inf)


def pick_diverse(
    scores: Scores,
    keys: NDArray[np.int32],
    keep: int,
    penalty: float,
    max_per_key: int | None,
    valid: Valid | None = None,
) -> Positions:
    """Positions (requests, min(keep, candidates)) in the order they were picked, -1 where nothing was left.

    Each step picks the candidate with the largest `score - penalty * earlier items of its key` among
    those whose key has been picked fewer than `max_per_key` times (the greedy form of maximal marginal
    relevance, Carbonell and Goldstein 1998, with key equality as similarity). Ties go to the lower
    position; NaN scores come last.
    """
    requests, width = scores.shape
    steps = min(keep, width)
    worth = _worth(scores, valid)
    most = steps if max_per_key is None else max_per_key
    seen = np.zeros((requests, width), np.int32) if most < steps else None
    rows = np.arange(requests)
    picked = np.empty((requests, steps), np.intp)
    for step in range(steps):
        best = worth.argmax(axis=1)
        picked[:, step] = np.where(worth[rows, best] > _TAKEN, best, -1)
        worth[rows, best] = _TAKEN
        if step + 1 == steps:
            break
        same = keys == keys[rows, best, None]
        if penalty != 0:
            worth -= same * np.float32(penalty)
        if seen is not None:
            # a row with nothing left counts on, which blocks nothing that was not blocked before
            seen += same
            np.copyto(worth, _TAKEN, where=seen >= most)
    return picked


def _worth(scores: Scores, valid: Valid | None) -> Scores:
    """A copy in which NaN lies below every score and what cannot be picked below NaN."""
    worth = np.clip(scores, -_LARGEST, _LARGEST)
    np.copyto(worth, _NAN, where=np.isnan(scores))
    if valid is not None:
        np.copyto(worth, _TAKEN, where=~valid)
    return worth
