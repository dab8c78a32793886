"""Slates out of several sources: at least so many of each, at most so many, one at each pinned slot.

What a slate keeps, in this order:

1. `most`: never more than so many candidates of a source, however short the slate.
2. `pins`: a pinned slot shows a candidate of its source. Where a source has fewer candidates (or a lower
   `most`) than pins, its first pins hold and the other slots are filled as usual; so is a pin beyond the end
   of a short slate.
3. `least`: as many candidates of a source as asked for, or as many as there are. Where the slate has too few
   slots for the minimums of all sources, as many of them as possible are met, best candidates first.
4. The score: slot by slot, from the top, the best candidate that leaves 1 to 3 possible.

Slates are therefore lexicographically best under their quotas; without pins they also have the largest sum
of scores (the quotas form a matroid, whose greedy bases are the best; Edmonds 1971). With a diversity rule
"best" means score less penalty, and its cap comes before everything: quotas then hold as far as the
candidates that are not capped at a slot allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.rerank import Left, Repeats
from rectune_dsl.funnel.select import Positions, Scores, Valid, best_of_groups, keep_best, sort_best

Groups = NDArray[np.intp]
"""(requests, candidates): the number of each candidate's source; the number of sources for any other."""
_Counts = NDArray[np.int64]
"""(requests, sources + 1), the last column for candidates of no source with quotas."""
UNLIMITED = 1 << 40


@dataclass(frozen=True)
class Quotas:
    """By source: `least` and `most` candidates on the slate; `pins` maps slots, from 0, to sources."""

    least: tuple[int, ...]
    most: tuple[int, ...]
    pins: tuple[tuple[int, int], ...] = ()

    def upstream(self) -> Quotas:
        """What an earlier stage has to pass on so that the slate can keep its own: minimums and pins as one
        minimum, and no limit."""
        pinned = [source for _, source in self.pins]
        least = tuple(count + pinned.count(source) for source, count in enumerate(self.least))
        return Quotas(least, (UNLIMITED,) * len(self.most))


def keep_blended(
    scores: Scores, groups: Groups, quotas: Quotas, keep: int, valid: Valid | None = None
) -> Positions:
    """Positions of what quotas without pins keep, in ascending order of position: (requests, keep). They may
    hold positions that are not valid where too few are."""
    return keep_best(scores, keep, valid, best_of_groups(scores, groups, quotas.least, valid))


def enough(groups: Groups, quotas: Quotas, there: Valid | None) -> bool:
    """Whether every row has the minimum of every source."""
    return all(
        bool(((own if there is None else own & there).sum(axis=1) >= least).all())
        for least, own in ((least, groups == source) for source, least in enumerate(quotas.least))
    )


def sort_blended(
    scores: Scores, groups: Groups, quotas: Quotas, keep: int, valid: Valid | None = None
) -> Positions:
    """The slate under quotas without pins or diversity: positions, best first, -1 where it is short."""
    limits = (*quotas.most, UNLIMITED)
    within = best_of_groups(scores, groups, limits, valid)
    least = [min(pair) for pair in zip(quotas.least, quotas.most, strict=True)]
    first = best_of_groups(scores, groups, least, within)
    kept = keep_best(scores, keep, within, first)
    there = np.take_along_axis(within, kept, axis=1)
    order = sort_best(np.take_along_axis(scores, kept, axis=1), keep, there)
    found = np.take_along_axis(np.where(there, kept, -1), order, axis=1)
    return found


def pick_blended(
    scores: Scores,
    groups: Groups,
    quotas: Quotas,
    keep: int,
    valid: Valid | None = None,
    repeats: Repeats | None = None,
) -> Positions:
    """The slate under any quotas, slot by slot: positions (requests, min(keep, candidates)), -1 where it is
    short."""
    requests, width = scores.shape
    steps = min(keep, width)
    left = Left(scores, valid, repeats, steps)
    slots = _Slots(groups, quotas, steps)
    rows = np.arange(requests)
    picked = np.empty((requests, steps), np.intp)
    for step in range(steps):
        sources = slots.allowed(step, left.available())
        best = left.best(np.take_along_axis(sources, groups, axis=1))
        slots.counts[rows, groups[rows, best]] += best >= 0
        # a row where nobody may be picked is done: what is taken from it was over its limit
        left.take(best)
        picked[:, step] = best
    return picked


class _Slots:
    """How many of each source have been shown, and which sources may come next."""

    def __init__(self, groups: Groups, quotas: Quotas, steps: int) -> None:
        sources = len(quotas.least)
        self.counts: _Counts = np.zeros((groups.shape[0], sources + 1), np.int64)
        self._members = [groups == source for source in range(sources + 1)]
        self._steps = steps
        self._least = np.array([*quotas.least, 0], np.int64)
        self._most = np.array([*quotas.most, UNLIMITED], np.int64)
        self._pins = quotas.pins

    def allowed(self, step: int, available: Valid) -> NDArray[np.bool_]:
        """(requests, sources + 1): whose candidates leave the quotas possible at this slot."""
        there = np.stack([(available & own).sum(axis=1) for own in self._members], axis=1)
        usable: _Counts = np.minimum(there, self._most - self.counts)
        slots = np.minimum(self._steps - step, usable.sum(axis=1))
        pinned = np.minimum(self._pinned(step, slots), usable)
        owed = np.clip(self._least - self.counts, 0, usable)
        beyond_pins = np.maximum(owed - pinned, 0)
        free = slots - pinned.sum(axis=1)
        tight = beyond_pins.sum(axis=1) >= free
        allowed: NDArray[np.bool_] = np.where(tight[:, None], beyond_pins > 0, usable > pinned)
        for slot, source in self._pins:
            if slot == step:
                holds = pinned[:, source] > 0
                allowed[holds] = False
                allowed[holds, source] = True
        return allowed

    def _pinned(self, step: int, slots: NDArray[np.int64]) -> _Counts:
        """Pins from this slot to the last that is going to be filled."""
        pinned = np.zeros_like(self.counts)
        for slot, source in self._pins:
            if slot >= step:
                pinned[:, source] += slot < step + slots
        return pinned
