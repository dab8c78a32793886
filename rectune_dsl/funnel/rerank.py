"""Greedy re-ranking: every earlier item with the same key makes the next one cheaper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.select import Positions, Scores, Valid

Penalty = float | NDArray[np.float32]
"""One for all, or an array that broadcasts to (requests, candidates)."""

_LARGEST = np.float32(1e38)
_NAN = np.float32(-2e38)
_TAKEN = np.float32(-np.inf)


@dataclass(frozen=True, eq=False)
class Repeats:
    """What repetition costs: `keys` (requests, candidates) are compared, each earlier item with an item's key
    costs it `penalty`, and at most `most` items may share one."""

    keys: NDArray[np.int32]
    penalty: Penalty
    most: int | None


def pick_diverse(scores: Scores, repeats: Repeats, keep: int, valid: Valid | None = None) -> Positions:
    """Positions (requests, min(keep, candidates)) in the order they were picked, -1 where nothing was left.

    Each step picks the candidate with the largest `score - penalty * earlier items of its key` among
    those whose key has been picked fewer than `most` times (the greedy form of maximal marginal
    relevance, Carbonell and Goldstein 1998, with key equality as similarity). Ties go to the lower
    position; NaN scores come last.
    """
    steps = min(keep, scores.shape[1])
    left = Left(scores, valid, repeats, steps)
    picked = np.empty((scores.shape[0], steps), np.intp)
    for step in range(steps):
        best = left.worth.argmax(axis=1)
        picked[:, step] = np.where(left.there(best), best, -1)
        if step + 1 < steps:
            left.take(best)
    return picked


class Left:
    """What is left of each request's candidates while a slate of `steps` is filled.

    `worth` (requests, candidates) is the score less penalties, so that NaN lies below every score and minus
    infinity stands for what cannot be picked.
    """

    def __init__(self, scores: Scores, valid: Valid | None, repeats: Repeats | None, steps: int) -> None:
        self.worth = _worth(scores, valid)
        self._rows = np.arange(scores.shape[0])
        self._repeats = repeats
        self._most = steps if repeats is None or repeats.most is None else repeats.most
        self._seen = np.zeros(scores.shape, np.int32) if self._most < steps else None
        self._penalised = repeats is not None and bool(np.any(repeats.penalty))

    def there(self, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether the candidates at `positions` (requests,) can be picked."""
        there: NDArray[np.bool_] = self.worth[self._rows, positions] > _TAKEN
        return there

    def available(self) -> Valid:
        """Who can be picked, (requests, candidates)."""
        available: Valid = self.worth > _TAKEN
        return available

    def best(self, allowed: Valid) -> NDArray[np.intp]:
        """The best of the allowed ones, (requests,), -1 where nobody is left."""
        worth = np.where(allowed, self.worth, _TAKEN)
        best = worth.argmax(axis=1)
        return np.where(worth[self._rows, best] > _TAKEN, best, -1)

    def take(self, best: NDArray[np.intp]) -> None:
        """Take the candidates at `best` (requests,) away, and charge those that share a key with them."""
        self.worth[self._rows, best] = _TAKEN
        if self._repeats is None or not (self._penalised or self._seen is not None):
            return
        same = self._repeats.keys == self._repeats.keys[self._rows, best, None]
        if self._penalised:
            self.worth -= same * np.asarray(self._repeats.penalty, np.float32)
        if self._seen is not None:
            # a row with nothing left counts on, which blocks nothing that was not blocked before
            self._seen += same
            np.copyto(self.worth, _TAKEN, where=self._seen >= self._most)


def _worth(scores: Scores, valid: Valid | None) -> Scores:
    """A copy in which NaN lies below every score and what cannot be picked below NaN."""
    worth = np.clip(scores, -_LARGEST, _LARGEST)
    np.copyto(worth, _NAN, where=np.isnan(scores))
    if valid is not None:
        np.copyto(worth, _TAKEN, where=~valid)
    return worth
