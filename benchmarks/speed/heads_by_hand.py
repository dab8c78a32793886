"""Heads in plain NumPy: what an engineer writes by hand for a world of this kind.

float32 throughout, a counter-based generator, chunks that stay in cache, and arithmetic in place: per head
the item's log-odds and the user's taste, normal errors, slope and bias, and a sigmoid.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 64

Floats = NDArray[np.float32]


def heads(
    items: Floats, topics: NDArray[np.intp], tastes: Floats, pools: NDArray[np.intp], seed: int
) -> Iterator[list[Floats]]:
    """By chunk the heads (requests, candidates) of each row of `items` (heads, pools, candidates), for
    requests with these `pools` (requests,) and `tastes` (requests, topics)."""
    for start in range(0, pools.size, CHUNK):
        rng = np.random.Generator(np.random.Philox(key=[seed, start]))
        chosen = pools[start : start + CHUNK]
        taste = np.take_along_axis(tastes[start : start + CHUNK], topics[chosen], axis=1)
        yield [_head(rng, head[chosen], taste) for head in items]


def _head(rng: np.random.Generator, logits: Floats, taste: Floats) -> Floats:
    logits += taste
    logits *= np.float32(0.9)
    logits += np.float32(0.2)
    noise = rng.standard_normal(logits.shape, dtype=np.float32)
    noise *= np.float32(0.4)
    logits += noise
    np.negative(logits, out=logits)
    np.exp(logits, out=logits)
    logits += np.float32(1)
    return np.reciprocal(logits, out=logits)
