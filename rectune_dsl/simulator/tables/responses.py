"""What people do with items, why, and what it brings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from rectune_dsl.dsl.table import Table
from rectune_dsl.simulator.tables.misfits import Misfit, complain
from rectune_dsl.simulator.tables.numbers import Positive, Share, Spread
from rectune_dsl.simulator.targets import EXPOSURE


class Relevance(Table):
    """What attraction and satisfaction are made of: shares of variance that make 1 with the item's own."""

    taste: Share
    """The user's taste for the item's topic."""
    chemistry: Share
    """What is particular to user and item."""
    agreement: Annotated[float, Field(ge=-1, le=1)]
    """Correlation of the item's own attraction and satisfaction, clickbait aside."""

    @property
    def item(self) -> float:
        """The item's own share of the variance."""
        return 1.0 - self.taste - self.chemistry

    @model_validator(mode="after")
    def _adds_up(self) -> Relevance:
        if self.item < 0:
            complain(Misfit(("taste",), "taste and chemistry make more than 1", "lower one of them"))
        return self


class Response(Table):
    """Something a user may do with an item. Log-odds are `intercept`, plus these times the item's and user's
    latents, plus the user's own proneness."""

    column: str
    """The per-user column that counts it."""
    given: str = EXPOSURE
    """What has to happen first: an exposure, or another response above it in the file."""
    intercept: float
    """Log-odds at the mean of all latents."""
    attraction: float = 0.0
    """Per standard deviation of what makes people look."""
    satisfaction: float = 0.0
    """Per standard deviation of what is worth their time."""
    clickbait: float = 0.0
    """Per unit of clickbait, which lies in [0, 1]."""
    size: float = 0.0
    """Per doubling of the item's size."""
    freshness: float = 0.0
    """Per unit of freshness, which lies in [0, 1]."""
    proneness: Spread = 0.0
    """Standard deviation of the users' own shift."""


class Amount(Table):
    """What responses bring, in a unit of its own: watch time, money. The sum over what happened."""

    each: Mapping[str, float] = Field(default_factory=dict)
    """Per response (or exposure): so much."""
    share: Mapping[str, float] = Field(default_factory=dict)
    """Per response (or exposure): such a share of the item's size."""
    spread: Spread = 0.35
    """Standard deviation of its logarithm, from item to item."""
    usual: Positive = 1.0
    """What an exposure brings under the standard policy: so much came of each in the fortnight before."""
