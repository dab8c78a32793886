"""Which features say something that the others do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EXPLAINED = 0.999
"""R² from which on a feature says nothing new."""
_STILL = 1e-9
"""Spread, relative to its size, below which a feature does not vary."""


def independent(sample: NDArray[np.float64], preference: Sequence[int]) -> tuple[int, ...]:
    """The columns of `sample` (configs, features) to keep, ascending: none is constant, and of any other a
    linear combination of them explains at least R² = EXPLAINED.

    Columns are taken by pivoting (Businger and Golub 1965): each is the one that those before it explain
    least, all of a lower `preference` before any of a higher one.
    """
    centred = sample - sample.mean(axis=0)
    norms = np.sqrt((centred**2).sum(axis=0))
    sizes = np.abs(sample).max(axis=0, initial=0.0) * np.sqrt(len(sample))
    varies = norms > _STILL * sizes
    left = centred / np.where(varies, norms, 1.0)
    kept: list[int] = []
    for tier in sorted(set(preference)):
        ours = np.flatnonzero(varies & (np.array(preference) == tier))
        while ours.size:
            unexplained = (left[:, ours] ** 2).sum(axis=0)
            if unexplained.max() <= 1.0 - EXPLAINED:
                break
            best = ours[unexplained.argmax()]
            direction = left[:, best] / np.linalg.norm(left[:, best])
            left = left - np.outer(direction, direction @ left)
            kept.append(int(best))
            ours = ours[ours != best]
    return tuple(sorted(kept))
