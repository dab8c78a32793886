"""Winsorised means: a few users who have far more than all others are counted as if they had a cap.

The cap is a quantile of production's users before the experiment (Tukey 1962, "The future of data analysis",
calls the mean of so bounded values winsorised). All arms share it, and none of their users moves it: sums
stay sums over independent users, and what is tested is the lift of the capped mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from rectune_dsl.experiments.quantiles import value_at
from rectune_dsl.hooks.api import BackendError, Moments, Observation


def caps(shares: Mapping[str, float], baseline: Observation) -> dict[str, float]:
    """The cap of each column: the quantile at its share of production's users, the baseline's first arm.

    Raises BackendError where they are not counted by value.
    """
    counted = baseline.arms[0].histograms if isinstance(baseline, Moments) else {}
    for column in shares:
        if column not in counted or not counted[column].values:
            raise BackendError(
                f"production's baseline does not count users by their {column}, so there is no cap for it",
                help="this is a fault of the backend, which says that it winsorises: report it to its author",
            )
    return {column: value_at(counted[column], share) for column, share in shares.items()}
