"""The funnel: signals, stages, the segments and sources that they tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rectune_dsl.dsl.params import Keep, Param, ParamTable, Quota, constants_of, tunable_of
from rectune_dsl.dsl.table import Formula, Guardrail, Listed, Table


class Signal(Table):
    """Something a formula may read. Predictions and items vary by candidate, users and requests do not."""

    kind: Literal["prediction", "item", "user", "request"] = "prediction"
    """`prediction` (a model's output) and `item` vary by candidate; `user` and `request` do not."""
    stages: Annotated[tuple[str, ...], Listed] | None = None
    """Stages that provide it; left out, every stage does."""
    domain: Annotated[tuple[float, float], Listed] = (0.0, 1.0)
    """Its smallest and its largest value. What is proved of a formula holds between them."""
    about: str = ""
    """What it says, for people."""


class Diversity(Table):
    """Each earlier item with the same key costs `penalty`; at most `max_per_key` share one."""

    by: str
    """The key that items are compared by, such as `topic`."""
    penalty: Formula = Field(default_factory=lambda: Formula("0"))
    """What each earlier item with the same key costs, in units of the score: a formula of the stage's
    params."""
    max_per_key: Annotated[int, Field(ge=1)] | None = None
    """At most so many items of the slate share a key; left out, any number may."""


class Boost(Table):
    """Where `when` is not 0, the score is multiplied by one number, or another one is added."""

    when: Formula
    """The candidates that are boosted: those for which this is not 0."""
    multiply: Formula | None = None
    """The factor of the score; for scores that are not negative."""
    add: Formula | None = None
    """What is added to the score, in its units."""
    about: str = ""
    """What it is for, for people."""

    @model_validator(mode="after")
    def _does_something(self) -> Boost:
        if self.multiply is None and self.add is None:
            message, help = "a boost changes nothing", 'add multiply = "..." or add = "..."'
            raise PydanticCustomError("boost", "{message}", {"message": message, "help": help})
        return self


class Stage(Table):
    """One step of the funnel. Candidates for which a filter is 0 leave it; the `keep` best of the others by
    `score` go on."""

    keep: Keep
    """How many candidates go on: a number, or a param of type int. The last stage's are the slate."""
    score: Formula
    """The formula that ranks candidates. Behind the first stage, `score` in it is the previous stage's."""
    terms: Mapping[str, Formula] = Field(default_factory=dict)
    """Named formulas that the score and other terms may read."""
    filters: Mapping[str, Formula] = Field(default_factory=dict)
    """Candidates for which one of these formulas is 0 leave the stage before it keeps any."""
    boosts: Mapping[str, Boost] = Field(default_factory=dict)
    """Business rules over the score, in the order of the file."""
    expect: Mapping[str, Literal["nondecreasing", "nonincreasing"]] = Field(default_factory=dict)
    """How the score has to respond to a signal, whatever the params within their bounds."""
    params: Mapping[str, ParamTable] = Field(default_factory=dict)
    """The numbers of the formulas: constants, and what is tuned within bounds."""
    diversity: Diversity | None = None
    """How the slate is mixed; left out, the highest scores are taken."""
    about: str = ""
    """What the stage does, for people."""

    @cached_property
    def tunable(self) -> Mapping[str, Param]:
        """Params with bounds by name, the elements of vectors one by one."""
        return MappingProxyType(tunable_of(self.params))

    @cached_property
    def constants(self) -> Mapping[str, float]:
        """Numbers without bounds by name, the elements of vectors one by one."""
        return MappingProxyType(constants_of(self.params))


class Segment(Table):
    """Users or requests for whom params and guardrails are others. Where several match, the first in the file
    holds. Guardrails are judged on the segment's own users."""

    when: Formula
    """Who belongs to it: a formula of user or request signals that is not 0 for them."""
    params: Mapping[str, ParamTable] = Field(default_factory=dict)
    """Params of the stages with values, or bounds, of the segment's own."""
    guardrails: Mapping[str, Guardrail] = Field(default_factory=dict)
    """Limits that metrics must be shown to keep among the segment's users."""
    about: str = ""
    """Who they are, for people."""


class CandidateSource(Table):
    """Where candidates come from, and how many of them a slate has: at least `min`, at most `max`, and one at
    each of `slots` (counted from 1). Earlier stages pass on what the slate needs."""

    min: Quota = 0
    """At least so many of its candidates are on the slate, as far as there are any: a number, or a param of
    type int."""
    max: Quota | None = None
    """At most so many of its candidates are on the slate: a number, or a param of type int."""
    slots: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Listed] = ()
    """Positions of the slate, counted from 1, that are kept for its candidates."""
    about: str = ""
    """Where its candidates come from, for people."""
