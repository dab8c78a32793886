"""World files: who comes, what there is, what people do, and how models see it. TOML, as tasks are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.stages import Stage
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.table import Listed, Table
from rectune_dsl.simulator.targets import EXPOSURE, Target, problem_of

Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


MISFITS = "misfits"
"""Where what pydantic raises for a world holds its misfits."""


@dataclass(frozen=True)
class Misfit:
    """What does not fit the rest: its place from the table that was checked, and what would help."""

    path: KeyPath
    message: str
    help: str


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
            _complain(
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
            _complain(Misfit(("taste",), "taste and chemistry make more than 1", "lower one of them"))
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


class WorldFile(Table):
    """One world."""

    world: Literal[1]
    """The version of this format."""
    name: str
    """What it is called."""
    about: str
    """What it is like, and where its numbers come from."""
    items: Items
    users: Population
    relevance: Relevance
    responses: Annotated[Mapping[str, Response], Field(min_length=1)]
    """By name, each after what it is given by; heads are called `p_NAME`."""
    amounts: Annotated[Mapping[str, Amount], Field(min_length=1)]
    """By the name of their per-user column. The first is known of the fortnight before, too."""
    habits: Habits
    fatigue: Fatigue = Field(default_factory=Fatigue)
    latency: Latency = Field(default_factory=Latency)
    early: Mapping[str, View]
    """How the cheap models of the stage `pre_ranking` see responses, by name."""
    full: Mapping[str, View]
    """How the models of all other stages see them."""
    standard: Mapping[str, Stage]
    """The funnel that is standard there: what `targets` under standard exposure are measured with."""
    targets: Mapping[str, Target] = Field(default_factory=dict)
    """Measurements that the world is held against."""

    @property
    def first(self) -> str:
        """The response that repetition and novelty act on."""
        return next(iter(self.responses))

    @property
    def main_amount(self) -> str:
        """The amount whose past is known."""
        return next(iter(self.amounts))

    @model_validator(mode="after")
    def _fits_together(self) -> WorldFile:
        _complain(*self._misfits())
        return self

    def _misfits(self) -> Iterator[Misfit]:
        """What names something that is not there."""
        known = [EXPOSURE]
        for name, response in self.responses.items():
            yield from _unknown(response.given, known, ("responses", name, "given"))
            known.append(name)
        for stage in ("early", "full"):
            seen = getattr(self, stage)
            for name in (name for name in self.responses if name not in seen):
                message, help = f"no model sees `{name}`", f"add {name} = {{}} under [{stage}]"
                yield Misfit((stage,), message, help)
            for name in seen:
                yield from _unknown(name, known[1:], (stage, name))
        for name in self.habits.worth:
            yield from _unknown(name, known, ("habits", "worth", name))
        yield from self._hope(known)
        for column, amount in self.amounts.items():
            for key in ("each", "share"):
                for name in getattr(amount, key):
                    yield from _unknown(name, known, ("amounts", column, key, name))
        given = {name: response.given for name, response in self.responses.items()}
        for name, target in self.targets.items():
            wrong, help = problem_of(target.of, target.per, given, self.amounts)
            if wrong:
                yield Misfit(("targets", name), f"targets.{name}: {wrong}", help)

    def _hope(self, known: list[str]) -> Iterator[Misfit]:
        hoped, path = self.habits.hoped, ("habits", "hoped")
        if hoped not in self.responses:
            yield from _unknown(hoped, known[1:], path)
        elif self.responses[hoped].given != self.first:
            message = f"what is hoped for is not given {self.first}"
            yield Misfit(path, message, f"name a response given {self.first}")


def _unknown(name: str, known: list[str], path: KeyPath) -> Iterator[Misfit]:
    if name not in known:
        where = ".".join(map(str, path if path[-1] != name else path[:-1]))
        yield Misfit(path, f"{where} names `{name}`, which is no response", did_you_mean(name, known))


def _complain(*misfits: Misfit) -> None:
    """Raise for what does not fit, if there is anything."""
    if misfits:
        context = {"message": misfits[0].message, "help": misfits[0].help, MISFITS: misfits}
        raise PydanticCustomError("world", "{message}", context)
