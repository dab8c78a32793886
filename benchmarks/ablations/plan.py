"""The tables: which campaigns each compares, and what has to run for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablations.teams import ALONE, NUMERIC, Model, Team, asking, asking_alone, hybrid

STAGES: Mapping[str, str] = {
    "value_based_retrieval": "pre-ranking",
    "value_fusion": "ranking",
    "diversity": "re-ranking",
    "joint": "all stages",
}
"""What each task tunes."""
COMPARED = ("value_fusion", "joint")
"""The tasks on which teams are compared; where models are asked, which costs money, on the first only."""
Chain = tuple[str, ...]
"""Tasks whose campaigns follow each other in one workspace: what one has learnt, the next may use."""


@dataclass(frozen=True)
class Case:
    """The last campaign of a chain."""

    chain: Chain
    team: Team = NUMERIC

    @property
    def task(self) -> str:
        return self.chain[-1]

    def __str__(self) -> str:
        after = f" after {', '.join(self.chain[:-1])}" if len(self.chain) > 1 else ""
        return f"{self.task}{after}, {self.team}"


@dataclass(frozen=True)
class Row:
    """A case, and those that it is compared with in the same worlds."""

    case: Case
    against: tuple[Case, ...] = ()


@dataclass(frozen=True)
class Unit:
    """What runs as one: a chain of one team's campaigns in the world of a seed."""

    seed: int
    chain: Chain
    team: Team = NUMERIC

    @property
    def file(self) -> str:
        words = f"{self.seed}_{'+'.join(self.chain)}_{self.team}"
        return "".join(c if c.isalnum() or c in "_+-." else "-" for c in words) + ".json"

    def cases(self) -> list[Case]:
        """One per campaign, in order."""
        return [Case(self.chain[:end], self.team) for end in range(1, len(self.chain) + 1)]


def rows(table: str, models: Sequence[Model], tasks: Sequence[str] = tuple(STAGES)) -> list[Row]:
    """A table's, as far as its tasks are among `tasks`."""
    return [row for row in TABLES[table](models, tasks) if set(row.case.chain) <= set(tasks)]


def units(planned: Iterable[Row], seeds: Iterable[int]) -> list[Unit]:
    """All that the rows need, once, seed by seed: a chain that begins a longer one runs as part of it."""
    cases = {case: None for row in planned for case in (row.case, *row.against)}
    parts = {shorter for case in cases for shorter in Unit(0, case.chain, case.team).cases()[:-1]}
    whole = [case for case in cases if case not in parts]
    return [Unit(seed, case.chain, case.team) for seed in seeds for case in whole]


def _stages(models: Sequence[Model], tasks: Sequence[str]) -> list[Row]:
    return [Row(Case((task,))) for task in tasks]


def _models(models: Sequence[Model], tasks: Sequence[str]) -> list[Row]:
    numeric = Case(_compared(tasks)[0])
    asked = [Row(Case(numeric.chain, asking(model)), (numeric,)) for model in models]
    return [Row(numeric), *asked] if asked else []


def _critic(models: Sequence[Model], tasks: Sequence[str]) -> list[Row]:
    chains = _compared(tasks)
    pairs = [(chain, NUMERIC, ALONE) for chain in chains]
    pairs += [(chains[0], asking(model), asking_alone(model)) for model in models]
    found = []
    for chain, both, alone in pairs:
        without = Case(chain, alone)
        found += [Row(without), Row(Case(chain, both), (without,))]
    return found


def _skills(models: Sequence[Model], tasks: Sequence[str]) -> list[Row]:
    emptied, kept = Case(("joint",)), Case(("value_fusion", "joint"))
    return [Row(emptied), Row(kept, (emptied,))]


def _minds(models: Sequence[Model], tasks: Sequence[str]) -> list[Row]:
    numeric = Case(_compared(tasks)[0])
    found = []
    for model in models:
        llm, mixed = (Case(numeric.chain, team(model)) for team in (asking, hybrid))
        found += [Row(llm, (numeric,)), Row(mixed, (numeric, llm))]
    return [Row(numeric), *found] if found else []


def _compared(tasks: Sequence[str]) -> list[Chain]:
    """Of these tasks; of others, the first."""
    return [(task,) for task in COMPARED if task in tasks] or [(task,) for task in tasks[:1]]


TABLES: Mapping[str, Callable[[Sequence[Model], Sequence[str]], list[Row]]] = {
    "stages": _stages,
    "models": _models,
    "critic": _critic,
    "skills": _skills,
    "minds": _minds,
}
"""Tables 1, 2 and 3 of the paper, and two that it lacks. Those that compare models are empty without one."""
