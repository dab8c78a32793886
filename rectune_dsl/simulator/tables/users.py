"""Who comes, what brings them back or keeps them away, and what they get tired of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from rectune_dsl.dsl.table import Listed, Table
from rectune_dsl.simulator.tables.numbers import Positive, Share, Spread


class Population(Table):
    """Users. Spreads are standard deviations of log-odds (of coming) or logarithms (of depth and pace)."""

    new: Share = 0.2
    """Share of new users, who come less and mind more."""
    daily: Annotated[float, Field(gt=0, lt=1)]
    """The median user's chance to come on an ordinary day."""
    daily_spread: Spread
    """How it differs between users."""
    depth: Annotated[float, Field(gt=1)]
    """Items that the median user looks at before leaving, if the slate is long enough."""
    depth_spread: Spread
    """How it differs between users."""
    heavy: Annotated[float, Field(ge=-1, le=1)] = 0.5
    """Correlation of coming often and looking deep."""
    pace_spread: Spread = 0.5
    """How users differ in the amounts that they bring at one and the same response."""
    weekdays: Annotated[tuple[float, ...], Field(min_length=7, max_length=7), Listed]
    """Shift of the log-odds of coming, Monday first."""
    household: Annotated[int, Field(ge=1, le=100)] = 3
    """How many users are one household, where households are randomised."""


class Habits(Table):
    """What brings users back, or keeps them away."""

    worth: Mapping[str, float]
    """What a response adds to satisfaction with a slate; negative where it takes from it."""
    hoped: str
    """The response that a click hopes for."""
    bait: Spread = 1.0
    """What a click on pure clickbait takes that ends without what was hoped for."""
    repeated: Spread = 0.03
    """What an earlier item of the same topic takes."""
    new_minds: Positive = 2.0
    """How many times more a new user minds what takes from satisfaction."""
    content: float = 0.0
    """Satisfaction that leaves habits as they are."""
    pull: Spread
    """Shift of the log-odds of coming per unit of satisfaction above that."""
    memory: Share = 0.7
    """Share of the shift that is left a day later."""
    wait: Spread = 0.03
    """What it takes from the log-odds of coming to wait 100 ms longer than the base."""


class Fatigue(Table):
    """What repetition and novelty do to the first response of all, in log-odds."""

    within: Spread = 0.3
    """Lost per earlier item of the same topic in the slate, up to 6."""
    across: Spread = 0.03
    """Lost per item of the topic that is remembered from earlier days, up to 20."""
    memory: Annotated[float, Field(ge=0, lt=1)] = 0.8
    """Share that is still remembered a day later."""
    novelty: Spread = 0.08
    """Gained on the first day by slates that have nothing in common with production's."""
    novelty_days: Positive = 4.0
    """Days until a third of that is left."""
