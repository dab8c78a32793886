"""A small synthetic world: a task, its true lifts, and noisy rounds of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import (
    AgentContext,
    Arm,
    Budget,
    Config,
    KnowledgeRecord,
    Mechanic,
    Panel,
    RoundResult,
    Scope,
    Skill,
)
from rectune_dsl.surrogate import slates
from rectune_dsl.surrogate.params import fit
from rectune_dsl.surrogate.semantics import prior_of
from rectune_dsl.surrogate.told import Told
from rectune_dsl.testing.rounds import round_of

PARAMS: Mapping[str, Mapping[str, Any]] = {
    "a_click": {"production": 1.0, "low": 0.2, "high": 3.0},
    "w_like": {"production": 2.0, "low": 0.1, "high": 50.0, "scale": "log"},
    "w_hate": {"production": 5.0, "low": 0.1, "high": 100.0, "scale": "log"},
    "a_long": {"production": 0.6, "low": 0.0, "high": 3.0},
}


def make_task(
    params: Mapping[str, Mapping[str, Any]] = PARAMS,
    constraints: Mapping[str, str] | None = None,
    guardrails: Mapping[str, str] | None = None,
    step: float = 1.0,
    arms: int = 4,
    skill: str | None = "fusion",
) -> Task:
    return Task.model_validate(
        {
            "dsl": 1,
            "task": {"name": "fusion", "surface": "feed", "skill": skill},
            "signals": {"p": {}},
            "stages": {"rank": {"keep": 5, "score": f"p * ({' + '.join(params)})", "params": params}},
            "metrics": {
                "watch": {"goal": "maximize"},
                "returns": {"kind": "proportion", "matures_after_days": 1},
            },
            "guardrails": {"returns": ">= -1%"} if guardrails is None else guardrails,
            "constraints": constraints or {},
            "experiment": {"users_per_arm": 1000, "days": 3, "rounds": 6, "arms": arms},
            "confirm": {"users_per_arm": 6000, "days": 7},
            "limits": {"step": step},
        }
    )


@dataclass
class World:
    """True lifts as a function of the unit point; `errors` are an arm's standard errors."""

    task: Task
    errors: Mapping[str, float] = field(default_factory=lambda: {"watch": 0.01, "returns": 0.002})

    def __post_init__(self) -> None:
        self.space = Space(self.task)
        self.best = np.clip(self.space.production + np.array([0.3, 0.25, -0.2, 0.3]), 0.05, 0.95)

    def lifts(self, config: Config) -> dict[str, float]:
        """watch has its optimum at `best`; going far beyond it in a_long costs return."""
        point, production = self.space.to_unit(config.values), self.space.production
        gain = ((production - self.best) ** 2).sum() - ((point - self.best) ** 2).sum()
        loss = 0.08 * max(point[3] - production[3] - 0.25, 0.0) + 0.01 * (point[1] - production[1])
        return {"watch": 0.2 * float(gain), "returns": -float(loss)}

    def violates(self, config: Config) -> bool:
        return self.lifts(config)["returns"] < -0.01

    def measure(self, number: int, configs: Sequence[Config], seed: int = 0) -> RoundResult:
        rng = np.random.default_rng([seed, number])
        arms = [Arm(f"r{number}a{i}", config) for i, config in enumerate(configs)]
        return round_of(self.task, number, arms, [self.lifts(c) for c in configs], self.errors, rng)


def make_context(
    task: Task,
    history: Sequence[RoundResult] = (),
    seed: int = 0,
    skill: Skill | None = None,
    **fields: Any,
) -> AgentContext:
    planned = task.experiment
    known: dict[str, Any] = {
        "task": task,
        "round": len(history) + 1,
        "history": tuple(history),
        "panel": None,
        "surrogate": fit(task, history),
        "knowledge": (),
        "skill": skill,
        "budget": Budget(planned.rounds - len(history), planned.arms, planned.users_per_arm, planned.days),
        "rng": np.random.Generator(np.random.Philox(key=[seed, len(history)])),
    }
    known |= fields
    if known["panel"] is not None:
        known["whatif"] = WhatIf(task, known["panel"])
    return AgentContext(**known)


Feed = tuple[Task, WhatIf]
ERRORS = {"likes": 0.01, "watch": 0.004, "hate_rate": 0.01}
ELASTICITIES = {
    "likes": {"mean:p_like": 0.9},
    "watch": {"mean:p_click": 0.3},
    "hate_rate": {"mean:p_hate": 0.7},
}


def feed_task() -> Task:
    def weight(production: float) -> dict[str, Any]:
        return {"production": production, "low": 0.05, "high": 20.0, "scale": "log"}

    return Task.model_validate(
        {
            "dsl": 1,
            "task": {"name": "feed", "surface": "home", "skill": "fusion"},
            "signals": {"p_click": {}, "p_like": {}, "p_hate": {}},
            "stages": {
                "rank": {
                    "keep": 8,
                    "score": "w_click * p_click + w_like * p_like - w_hate * p_hate",
                    "params": {"w_click": weight(1.0), "w_like": weight(0.5), "w_hate": weight(1.0)},
                }
            },
            "metrics": {
                "likes": {"goal": "maximize", "weight": 0.3},
                "watch": {"goal": "maximize"},
                "hate_rate": {"kind": "ratio", "numerator": "hates", "denominator": "impressions"},
            },
            "guardrails": {"hate_rate": "<= +10%"},
            "experiment": {"users_per_arm": 1000, "days": 3, "rounds": 6, "arms": 4},
            "confirm": {"users_per_arm": 6000, "days": 7},
        }
    )


@pytest.fixture(scope="session")
def feed() -> Feed:
    task, rng = feed_task(), np.random.default_rng(4)
    shape = (150, 40)
    heads = {name: rng.beta(2, 8, shape).astype(np.float32) for name in ("p_click", "p_like", "p_hate")}
    panel = Panel({"rank": heads}, {}, np.arange(np.prod(shape)).reshape(shape))
    return task, WhatIf(task, panel)


def truth(whatif: WhatIf, config: Config) -> dict[str, float]:
    changes = dict(zip(whatif.names, slates.relative_changes(whatif, [config])[0], strict=True))
    return {m: sum(e * changes[f] for f, e in by.items()) for m, by in ELASTICITIES.items()}


def known_record(mechanic: Mechanic) -> KnowledgeRecord:
    return KnowledgeRecord("known", "", Scope(), "active", mechanic, (), (), "a person")


def slated(
    feed: Feed, history: Sequence[RoundResult] = (), mechanics: Sequence[Mechanic] = (), **fields: Any
) -> AgentContext:
    """With a panel, and a surrogate over its slates."""
    task, whatif = feed
    surrogate = slates.fit(task, history, whatif, Told(prior_of(mechanics, whatif.names)))
    return make_context(
        task,
        history,
        surrogate=surrogate,
        whatif=whatif,
        knowledge=tuple(map(known_record, mechanics)),
        **fields,
    )


def measured(feed: Feed, configs: Sequence[Config], number: int = 1) -> RoundResult:
    task, whatif = feed
    arms = [Arm(f"r{number}p{i}", config) for i, config in enumerate(configs, 1)]
    rng = np.random.default_rng(number)
    return round_of(task, number, arms, [truth(whatif, c) for c in configs], ERRORS, rng)


class Kit:
    """The helpers above, as one fixture: test folders are no packages."""

    params = PARAMS
    task = staticmethod(make_task)
    world = staticmethod(World)
    round_of = staticmethod(round_of)
    context = staticmethod(make_context)
    slated = staticmethod(slated)
    measured = staticmethod(measured)
    truth = staticmethod(truth)
    errors = ERRORS
    elasticities = ELASTICITIES


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture(scope="session")
def history(feed: Feed) -> list[RoundResult]:
    """Four rounds of arms from anywhere near production."""
    task, _ = feed
    rng = np.random.default_rng(3)

    def config() -> Config:
        return Config(
            {name: p.production * float(np.exp(rng.normal(0, 0.7))) for name, p in task.params.items()}
        )

    return [measured(feed, [config() for _ in range(4)], number) for number in range(1, 5)]
