"""What a flag stands for: production, and the experiments on it. Pure data: calls change it, rules follow
from it, and it is kept in the flag's own file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from itertools import groupby

from pydantic import TypeAdapter

from rectune_dsl.hooks.api import Config, ExperimentSpec, Serving
from rectune_dsl.hooks.serving import ends


@dataclass(frozen=True)
class Holdout:
    """The share of the users who keep a config, whatever is delivered to the others."""

    share: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Trial:
    """An experiment. `digest` tells its spec from others; of one that was stopped no more is kept, and how it
    ended. `servings` are the exposures that were set, by when they began; `silent` are arms that were taken
    away. `held` is the share of users who were held out when it was made, whether its task has a holdout or
    not: they stay out."""

    digest: str
    spec: ExperimentSpec | None
    population: int
    is_started: bool = False
    servings: tuple[Serving, ...] = ()
    silent: tuple[str, ...] = ()
    outcome: str = ""
    held: float = 0.0

    @property
    def fraction(self) -> float:
        """Of the spec's users, who is served now."""
        assert self.spec is not None
        return self.servings[-1].fraction if self.servings else self.spec.ramp.first

    @property
    def until(self) -> datetime | None:
        """The end of its days; None while the ramp goes on, since only its end begins them."""
        assert self.spec is not None
        return ends(self.spec.start, self.spec.ramp, self.servings, self.spec.days)

    def with_serving(self, serving: Serving) -> Trial:
        """A serving that is set again changes nothing; of two that begin at once the last one holds. So does
        the later one of two in a row that serve as many: a call that is repeated after a crash is what the
        campaign knows of."""
        others = [known for known in self.servings if known.since != serving.since]
        servings = sorted((*others, serving), key=lambda known: known.since)
        runs = groupby(servings, key=lambda known: known.fraction)
        return replace(self, servings=tuple([*run][-1] for _, run in runs))


@dataclass(frozen=True)
class State:
    """`production` is what is served without an experiment, `before` what it was before the last delivery.
    `trials` are in the order in which they were made, by their keys."""

    production: Mapping[str, float]
    before: Mapping[str, float] | None = None
    holdout: Holdout | None = None
    trials: Mapping[str, Trial] = field(default_factory=dict)

    @property
    def served(self) -> dict[str, Trial]:
        """The trials that were started and not stopped."""
        return {key: trial for key, trial in self.trials.items() if trial.is_started and trial.spec}

    def knowing(self, values: Mapping[str, float]) -> State:
        """With the values of params that it has not met yet: tasks of one surface may tune different ones.
        Nothing has changed these yet, so they were production before, and are the holdout's."""
        before = self.before and {**values, **self.before}
        holdout = self.holdout and replace(self.holdout, values={**values, **self.holdout.values})
        return State({**values, **self.production}, before, holdout, self.trials)

    def with_trial(self, key: str, trial: Trial) -> State:
        return replace(self, trials={**self.trials, key: trial})

    def holding(self, share: float) -> State:
        """With this share of the users held out. They keep what is production when it is first asked for."""
        if share <= 0:
            return self
        values = self.holdout.values if self.holdout else self.production
        return replace(self, holdout=Holdout(share, values))

    def delivered(self, config: Config) -> State:
        production = {**self.production, **config.values}
        if production == self.production:
            return self
        return replace(self, production=production, before=self.production)

    def rolled_back(self) -> State:
        return self if self.before is None else replace(self, production=self.before)


def to_json(state: State) -> object:
    return _adapter(State).dump_python(state, mode="json")


def from_json(value: object) -> State:
    """Raises ValueError."""
    state: State = _adapter(State).validate_json(json.dumps(value))
    return state


@cache
def _adapter(kind: type) -> TypeAdapter:  # type: ignore[type-arg]
    return TypeAdapter(kind)
