"""A small product: a feed of which two weights decide how long users stay and how much annoys them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from rectune_growthbook.testing.analysis import Metric
from rectune_growthbook.testing.hashing import Floats, Ints

PRODUCTION: Mapping[str, float] = {"w_like": 1.0, "w_hate": 1.0}
METRICS = (
    Metric("fact__minutes", "mean", "minutes"),
    Metric("fact__hate_rate", "ratio", "hates", "impressions", inverse=True),
    Metric("fact__return", "proportion", "returns"),
)
BEST = 3.0
"""The weight of likes at which users stay longest."""


class Feed:
    """Users stay `gain` longer where likes have the weight `BEST` than under production."""

    columns: Sequence[str] = ("minutes", "hates", "impressions", "returns")

    def __init__(self, gain: float = 0.08) -> None:
        self.gain = gain

    def lift(self, config: Mapping[str, float]) -> float:
        """Of the minutes of a visit, over production's."""
        away = math.log(config["w_like"] / BEST) / math.log(BEST)
        return max(-0.6, self.gain * (1 - away**2) - 0.01 * math.log(config["w_hate"]) ** 2)

    def visits(self, config: Mapping[str, float], users: Ints, chance: Floats) -> Mapping[str, Floats]:
        """Users differ in how long they stay, and in how soon they are annoyed."""
        taste = 0.5 + (users * 0.6180339887) % 1.0
        lift = self.lift(config)
        annoying = 0.15 * config["w_like"] ** 0.1 * config["w_hate"] ** -0.6
        impressions = np.floor(5 + 10 * chance[:, 1])
        return {
            "minutes": taste * (1 + lift) * (4 + 8 * chance[:, 0]),
            "hates": (chance[:, 2] < annoying * taste).astype(float),
            "impressions": impressions,
            "returns": (chance[:, 3] < 0.4 * (1 + lift / 4)).astype(float),
        }
