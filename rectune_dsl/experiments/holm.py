"""Holm's step-down correction. Adjusted p-values are shown to people; they decide nothing."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted for their number, in the given order.

    The k-th smallest of n is multiplied by n - k + 1 and never falls below an earlier one (Holm 1979, "A
    simple sequentially rejective multiple test procedure").
    """
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = floor
    return tuple(adjusted)
