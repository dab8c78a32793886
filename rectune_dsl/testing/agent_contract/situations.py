"""What a campaign can bring an agent into: contexts, each made anew whenever it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import LLM, AgentContext, Arm, Budget, Config, Panel, RoundResult, Surrogate
from rectune_dsl.surrogate import params, slates
from rectune_dsl.testing.rounds import round_of

ARMS = 3
ERRORS = {"watch": 0.01, "returns": 0.002}
WEIGHTS: Mapping[str, Mapping[str, Any]] = {
    "w_click": {"production": 1.0, "low": 0.2, "high": 3.0},
    "w_like": {"production": 2.0, "low": 0.1, "high": 50.0, "scale": "log"},
    "w_long": {"production": 0.6, "low": 0.0, "high": 3.0},
}
WHOLE: Mapping[str, Mapping[str, Any]] = {
    "w_click": {"production": 5, "low": 1, "high": 40, "type": "int"},
    "w_like": {"production": 2.0, "low": 0.1, "high": 50.0, "scale": "log"},
    "w_long": {"production": 9, "low": 0, "high": 12, "type": "int"},
}
Past = Callable[[Task], tuple[RoundResult, ...]]


@dataclass(frozen=True)
class Situation:
    """A task, what was measured, and what is left. `changes` are tables of the task."""

    weights: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: WEIGHTS)
    changes: Mapping[str, Any] = field(default_factory=dict)
    past: Past = lambda task: ()
    arms: int = ARMS
    rounds: int = 6
    has_panel: bool = False


def context(name: str, *, llm: LLM | None = None) -> AgentContext:
    """The context of a situation, with a new generator, which gives the same numbers each time."""
    told = SITUATIONS[name]
    task = _task(name)
    history = told.past(task)
    panel = _panel() if told.has_panel else None
    return AgentContext(
        task=task,
        round=len(history) + 1,
        history=history,
        panel=panel,
        surrogate=_surrogate(name),
        knowledge=(),
        skill=None,
        budget=Budget(told.rounds - len(history), told.arms, 1000, 3),
        rng=np.random.Generator(np.random.Philox(key=[7, len(history)])),
        whatif=None if panel is None else WhatIf(task, panel),
        llm=llm,
    )


def measured(task: Task) -> tuple[RoundResult, ...]:
    """Two rounds, of which the second looked nearer to what was good in the first."""
    return tuple(_round(task, number, towards) for number, towards in ((1, 0.0), (2, 0.1)))


def _stopped(task: Task) -> tuple[RoundResult, ...]:
    """The arm that raised the goal most also cost most."""
    first, second = measured(task)
    goal = second.estimates.metrics.index("watch")
    best = int(np.argmax(np.array(second.estimates.lift, np.float64)[:, goal]))
    return first, replace(second, stopped={second.estimates.arms[best]: "returns breaks its guardrail"})


def _all_stopped(task: Task) -> tuple[RoundResult, ...]:
    first, _ = measured(task)
    return (replace(first, stopped={arm.name: "returns breaks its guardrail" for arm in first.arms[1:]}),)


def _frozen(task: Task) -> tuple[RoundResult, ...]:
    first, _ = measured(task)
    return (replace(first, frozen="sample-ratio mismatch"),)


def _unmeasured(task: Task) -> tuple[RoundResult, ...]:
    """Every number of the estimates is missing."""
    return (_without(measured(task)[0], {"watch", "returns"}),)


def _gap(task: Task) -> tuple[RoundResult, ...]:
    """In the second round a guardrail was not measured."""
    first, second = measured(task)
    return first, _without(second, {"returns"})


def _without(result: RoundResult, gone: set[str]) -> RoundResult:
    """The round, with metrics that were not measured."""
    found = result.estimates
    known = np.array([metric not in gone for metric in found.metrics])

    def kept(rows: tuple[tuple[float | None, ...], ...]) -> tuple[tuple[float | None, ...], ...]:
        return tuple(tuple(v if k else None for v, k in zip(row, known, strict=True)) for row in rows)

    both = np.tile(known, len(found.arms))
    covariance = np.where(np.outer(both, both), found.covariance, 0.0)
    estimates = replace(
        found,
        lift=kept(found.lift),
        level=kept(found.level),
        covariance=tuple(map(tuple, covariance.tolist())),
        missing=dict.fromkeys(sorted(gone), "the table is late"),
    )
    return replace(result, estimates=estimates)


def _round(task: Task, number: int, towards: float) -> RoundResult:
    """A measured round of a few arms near production, some of them shifted `towards` what is better."""
    space = Space(task)
    rng = np.random.default_rng(number)
    points = space.sample(rng, ARMS, radius=0.15 - towards / 2)
    configs = [Config(space.from_unit(np.clip(point + towards * 0.1, 0.0, 1.0))) for point in points]
    configs = [config for config in configs if space.feasible(config.values)]
    arms = [Arm(f"r{number}p{place}", config) for place, config in enumerate(configs, 1)]
    truths = [_truth(space, config) for config in configs]
    return round_of(task, number, arms, truths, ERRORS, rng)


def _truth(space: Space, config: Config) -> Mapping[str, float]:
    """More of everything is watched more, and beyond a while people come back less."""
    moved = float((space.to_unit(config.values) - space.production).sum())
    return {"watch": 0.15 * moved, "returns": -0.01 * max(moved - 0.2, 0.0)}


def _tables(told: Situation) -> dict[str, Any]:
    score = " + ".join(f"{weight} * {weight.replace('w_', 'p_')}" for weight in told.weights)
    return {
        "dsl": 1,
        "task": {"name": "fusion", "surface": "feed"},
        "signals": {weight.replace("w_", "p_"): {} for weight in told.weights},
        "stages": {"rank": {"keep": 5, "score": score, "params": told.weights}},
        "metrics": {
            "watch": {"goal": "maximize"},
            "returns": {"kind": "proportion", "matures_after_days": 1},
        },
        "guardrails": {"returns": ">= -1%"},
        "experiment": {"users_per_arm": 1000, "days": 3, "rounds": told.rounds, "arms": told.arms},
        "confirm": {"users_per_arm": 6000, "days": 7},
        **told.changes,
    }


@cache
def _task(name: str) -> Task:
    return Task.model_validate(_tables(SITUATIONS[name]))


@cache
def _surrogate(name: str) -> Surrogate:
    told, task = SITUATIONS[name], _task(name)
    if told.has_panel:
        return slates.fit(task, told.past(task), WhatIf(task, _panel()))
    return params.fit(task, told.past(task))


def _panel() -> Panel:
    rng, shape = np.random.default_rng(4), (60, 20)
    heads = {w.replace("w_", "p_"): rng.beta(2, 8, shape).astype(np.float32) for w in WEIGHTS}
    return Panel({"rank": heads}, {}, np.arange(np.prod(shape)).reshape(shape))


_CURVE = {
    "signals": {"p_like": {}},
    "stages": {
        "rank": {
            "keep": 5,
            "score": "w_like * p_like + curve(p_like, [0, 0.5, 1], u)",
            "params": {
                "w_like": WEIGHTS["w_like"],
                "u": {"production": [0.1, 0.4, 0.9], "low": 0.0, "high": 1.5, "order": "nondecreasing"},
            },
        }
    },
}
SITUATIONS: Mapping[str, Situation] = {
    "the first round": Situation(),
    "two rounds were measured": Situation(past=measured),
    "a panel is there": Situation(past=measured, has_panel=True),
    "one param": Situation({"w_click": WEIGHTS["w_click"]}),
    "whole numbers": Situation(WHOLE),
    "an ordered vector": Situation(changes=_CURVE),
    "a constraint": Situation(changes={"constraints": {"strength": "w_click + w_long <= 1.8"}}),
    "a short step": Situation(changes={"limits": {"step": 0.05}}, past=measured),
    "a tight guardrail": Situation(changes={"guardrails": {"returns": ">= -0.05%"}}),
    "no guardrail": Situation(changes={"guardrails": {}}, past=measured),
    "the best arm was stopped": Situation(past=_stopped),
    "all arms were stopped": Situation(past=_all_stopped),
    "the round was frozen": Situation(past=_frozen),
    "nothing was measured": Situation(past=_unmeasured),
    "a guardrail was not measured": Situation(past=_gap),
    "one arm, and the last round": Situation(past=measured, arms=1, rounds=3),
}
"""By what is special in them."""
ROOMY = ("the first round", "two rounds were measured", "a panel is there", "no guardrail")
"""Situations in which there is much to try, and little to lose."""
TELLING = ("the first round", "two rounds were measured", "a panel is there", "a constraint")
"""Situations in which whatever an agent does is done: enough where each of them costs time."""
UNKNOWN = ("the first round", "all arms were stopped", "the round was frozen", "nothing was measured")
"""Situations in which no arm has shown anything that a config could be recommended for."""
