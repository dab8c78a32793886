"""Greedy re-ranking of one request, as `funnel.rerank` does it for many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.compiled.jit import kernel
from rectune_dsl.funnel.compiled.order import Positions, There
from rectune_dsl.funnel.compiled.rows import Row

_LARGEST = np.float32(1e38)
_NAN = np.float32(-2e38)
_TAKEN = np.float32(-np.inf)


@kernel("int64(float32[::1])")
def _best(worth: Row) -> int:
    best = 0
    for i in range(worth.size):
        if worth[i] > worth[best]:
            best = i
    return best


@kernel("void(float32[::1], bool_[::1], float32[::1])")
def _start(scores: Row, there: There, worth: Row) -> None:
    """NaN below every score, and what cannot be picked below NaN."""
    for i in range(scores.size):
        score = scores[i]
        score = _LARGEST if score > _LARGEST else score
        score = -_LARGEST if score < -_LARGEST else score
        worth[i] = score if score == score else _NAN
    for i in range(there.size):
        worth[i] = worth[i] if there[i] else _TAKEN


@kernel("int64(float32[::1], bool_[::1], int32[::1], float32[::1], int64, int64, float32[::1], int64[::1])")
def pick_diverse(
    scores: Row,
    there: There,
    keys: NDArray[np.int32],
    penalties: Row,
    most: int,
    steps: int,
    worth: Row,
    picked: Positions,
) -> int:
    """The positions picked, in their order, at the start of `picked`; how many they are, at most `steps`.

    Each item taken costs those that share its key what they have to pay; at most `most` share one.
    `worth` is room for as many as there are scores.
    """
    _start(scores, there, worth)
    for step in range(steps):
        best = _best(worth)
        if not worth[best] > _TAKEN:
            return step
        picked[step] = best
        worth[best] = _TAKEN
        key, sharing = keys[best], 0
        for other in range(step + 1):
            sharing += 1 if keys[picked[other]] == key else 0
        full = sharing >= most
        for i in range(keys.size):
            less = _TAKEN if full else worth[i] - penalties[i]
            worth[i] = less if keys[i] == key else worth[i]
    return steps
