"""How models see what people do, and how long they take for it."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from rectune_dsl.dsl.table import Table
from rectune_dsl.simulator.tables.numbers import Positive, Spread


class View(Table):
    """How a model sees true log-odds z: `intercept + slope * (z - intercept) + bias + noise * error`, with a
    standard normal error."""

    slope: Positive = 1.0
    """Below 1 it makes too little of differences, above 1 too much."""
    bias: float = 0.0
    """Log-odds too high by so much."""
    noise: Spread = 0.5
    """Standard deviation of its error."""
    shared: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Correlation of its error with what all models of a stage misread together; negative where they then
    make too little of this response."""

    @property
    def shared_noise(self) -> float:
        """Standard deviation of what the stage's models misread together."""
        return self.noise * self.shared

    @property
    def own_noise(self) -> float:
        """Standard deviation of the rest of its error."""
        return self.noise * math.sqrt(1 - self.shared**2)


class Latency(Table):
    """Milliseconds: a base, and what each stage takes for each candidate that it scores."""

    base: Positive = 20.0
    """Whatever is served."""
    early: Spread = 0.02
    """Per candidate of the stage `pre_ranking`."""
    full: Spread = 0.3
    """Per candidate of any stage not named here."""
    late: Spread = 0.4
    """Per candidate of the stage `re_ranking`."""
    spread: Spread = 0.15
    """How connections differ: standard deviation of the logarithm."""
