"""What there is: items, their topics, sizes and authors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rectune_dsl.dsl.table import Listed, Table
from rectune_dsl.simulator.tables.misfits import Misfit, complain
from rectune_dsl.simulator.tables.numbers import Positive, Share, Spread


class Size(Table):
    """What an item has more or less of: a duration, a price. Its logarithm is normal."""

    name: str
    """The item signal that formulas know it by."""
    median: Positive
    """Half of the items have less."""
    p90: Positive
    """Nine in ten have less."""

    @model_validator(mode="after")
    def _in_order(self) -> Size:
        if self.p90 < self.median:
            message = f"p90 ({self.p90:g}) is below the median ({self.median:g})"
            complain(
                Misfit(("p90",), message, "nine in ten items have less than p90, half have less than median")
            )
        return self


class Items(Table):
    """The catalogue."""

    topics: Annotated[int, Field(ge=2, le=200)]
    """How many topics there are."""
    topic_skew: Spread
    """Topic k, counted from 1, has a share that goes with k ** -topic_skew."""
    size: Size
    """How long, or how expensive, an item is."""
    clickbait: Annotated[tuple[Positive, Positive], Listed] = (1.6, 3.2)
    """The Beta distribution of clickbait."""
    hits: Share = 0.01
    """Share of items that far more people like than others."""
    hit: float = 0.0
    """How much more: added to attraction and satisfaction, in their standard deviations."""
    authors: Positive = 0.25
    """Authors per item."""
