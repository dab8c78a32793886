"""Keep the best: top-k per request with ties broken by position, so that nothing depends on chunking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Positions = NDArray[np.intp]
Valid = NDArray[np.bool_]

_NAN = np.int32(0x7FFFFFF0)
_ABSENT = np.int32(0x7FFFFFFF)
_POSITION_BITS = np.int64(31)
_POSITION_MASK = np.int64(0x7FFFFFFF)
_TIER = np.int64(1 << 62)
_NOBODY = np.int64(0x7FFFFFFFFFFFFFFF)


def keep_best(scores: Scores, keep: int, valid: Valid | None = None, first: Valid | None = None) -> Positions:
    """Positions of the `keep` best of each row, in ascending order of position: (requests, keep).

    `scores` is (requests, candidates). NaN ranks below minus infinity, candidates that are not `valid`
    below NaN; equal scores go to the lower position. Those of `first` go before all others.
    """
    width = scores.shape[1]
    if keep >= width:
        return np.broadcast_to(np.arange(width, dtype=np.intp), scores.shape)
    keys = _order_keys(scores, valid)
    if first is not None:
        keys += np.where(first, -_TIER, _TIER)
    positions = np.partition(keys, keep - 1, axis=1)[:, :keep] & _POSITION_MASK
    positions.sort(axis=1)
    return positions.astype(np.intp, copy=False)


def sort_best(scores: Scores, keep: int, valid: Valid | None = None) -> Positions:
    """Positions of the `keep` best of each row, best first: (requests, min(keep, candidates))."""
    keys = _order_keys(scores, valid)
    if keep < keys.shape[1]:
        keys = np.partition(keys, keep - 1, axis=1)[:, :keep]
    positions = np.sort(keys, axis=1) & _POSITION_MASK
    return positions.astype(np.intp, copy=False)


def best_of_groups(
    scores: Scores, groups: NDArray[np.intp], counts: Sequence[int], valid: Valid | None = None
) -> Valid:
    """(requests, candidates): whether a candidate is among the `counts[g]` best of its group g in its row.

    `groups` (requests, candidates); a group without a count has none.
    """
    width = scores.shape[1]
    keys = _order_keys(scores, valid)
    best = np.zeros(scores.shape, np.bool_)
    for group, count in enumerate(counts):
        own = groups == group
        if 0 < count < width:
            among = np.where(own, keys, _NOBODY)
            own &= among <= np.partition(among, count - 1, axis=1)[:, count - 1 : count]
        if count > 0:
            best |= own
    return best if valid is None else best & valid


def _order_keys(scores: Scores, valid: Valid | None) -> NDArray[np.int64]:
    """Unique integers, smaller for better: the score's bits in an order-preserving form, then the position.

    Integers partition several times faster than floats argpartition, and leave no ties.
    """
    bits = (scores + np.float32(0.0)).view(np.int32)  # + 0.0 makes -0.0 equal to 0.0
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)
    np.invert(bits, out=bits)
    np.copyto(bits, _NAN, where=np.isnan(scores))
    if valid is not None:
        np.copyto(bits, _ABSENT, where=~valid)
    keys = bits.astype(np.int64)
    keys <<= _POSITION_BITS
    keys |= np.arange(scores.shape[1], dtype=np.int64)
    return keys
