"""World files: who comes, what there is, what people do, and how models see it. TOML, as tasks are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.stages import Stage
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.table import Table
from rectune_dsl.simulator.tables.catalogue import Items
from rectune_dsl.simulator.tables.misfits import Misfit, complain
from rectune_dsl.simulator.tables.models import Latency, View
from rectune_dsl.simulator.tables.responses import Amount, Relevance, Response
from rectune_dsl.simulator.tables.users import Fatigue, Habits, Population
from rectune_dsl.simulator.targets import EXPOSURE, Target, problem_of


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
        complain(*self._misfits())
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
