"""What logged data can tell of an arm that nobody was served."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Support:
    """How well logged data support what is said of an arm that nobody was served.

    `effective` is the effective sample size, in `units`; `unit` says what these are. `mean` and its standard
    error are those of the unclipped importance weights, about 1 where propensities are right and whatever
    the arm chooses could be logged. `largest` is the largest of them, `share` the part of all weight that
    the ten largest hold, `clipped` the share of impressions whose weight was cut. Of the arm's choices
    `unlogged` is the share of items that were never logged, `rare` of those that hardly ever could be.
    """

    units: int
    effective: float
    mean: float
    mean_se: float
    largest: float
    share: float
    clipped: float
    unlogged: float
    rare: float
    unit: str = "impressions"
