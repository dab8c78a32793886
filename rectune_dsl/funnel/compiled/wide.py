"""Functions over all candidates of a request."""

from __future__ import annotations

import numpy as np

from rectune_dsl.funnel.compiled.jit import kernel
from rectune_dsl.funnel.compiled.order import There
from rectune_dsl.funnel.compiled.rows import Row

_ZERO = np.float32(0.0)


@kernel("void(float32[::1], bool_[::1], float32[::1])")
def zscore(x: Row, there: There, to: Row) -> None:
    """(x - mean) / standard deviation over those that are there, 0 where that is not above 0. Sums are
    float64 in the order of the candidates."""
    count, total = 0, 0.0
    for i in range(x.size):
        if not there.size or there[i]:
            count += 1
            total += x[i]
    mean = np.float32(total / count) if count else _ZERO
    squares = 0.0
    for i in range(x.size):
        if not there.size or there[i]:
            difference = np.float64(x[i] - mean)
            squares += difference * difference
    spread = np.float32(np.sqrt(squares / count)) if count else _ZERO
    for i in range(x.size):
        to[i] = (x[i] - mean) / spread if spread > _ZERO else _ZERO
