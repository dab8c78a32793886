"""Holm's step-down correction. Adjusted p-values are shown to people; they decide nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rectune_dsl.experiments.intervals import lift
from rectune_dsl.hooks.api import Estimates


def holm_adjusted(estimates: Estimates, metrics: Collection[str]) -> Mapping[str, Mapping[str, float]]:
    """Per arm and metric the two-sided p-value of a lift of 0, adjusted for all lifts of all arms there are.

    `metrics` are those shown; what is missing has no p-value and counts for nothing.
    """
    shown = {
        (arm, metric): seen.p_value()
        for arm in estimates.arms
        for metric in metrics
        if metric in estimates.metrics and (seen := lift(estimates, arm, metric)) is not None
    }
    adjusted = dict(zip(shown, holm(list(shown.values())), strict=True))
    return {arm: {m: p for (a, m), p in adjusted.items() if a == arm} for arm in estimates.arms}


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
