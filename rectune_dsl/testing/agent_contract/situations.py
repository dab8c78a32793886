"""What a campaign can bring an agent into: contexts, each made anew whenever it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import (
    LLM,
    AgentContext,
    Budget,
    KnowledgeRecord,
    Panel,
    RoundResult,
    Skill,
    Surrogate,
)
from rectune_dsl.skillhub.applicable import applicable
from rectune_dsl.surrogate import params, slates
from rectune_dsl.surrogate.told import told_by
from rectune_dsl.testing.agent_contract import pasts, skilled

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
    past: Past = pasts.unmeasured
    arms: int = pasts.ARMS
    rounds: int = 6
    has_panel: bool = False
    skill: Skill | None = None
    borrowed: tuple[Skill, ...] = ()


def context(name: str, *, llm: LLM | None = None) -> AgentContext:
    """The context of a situation, with a new generator, which gives the same numbers each time."""
    told = SITUATIONS[name]
    task = _task(name)
    history = told.past(task)
    return AgentContext(
        task=task,
        round=len(history) + 1,
        history=history,
        panel=_panel() if told.has_panel else None,
        surrogate=_surrogate(name),
        knowledge=_knowledge(name),
        skill=deepcopy(told.skill),
        budget=Budget(told.rounds - len(history), told.arms, 1000, 3),
        rng=np.random.Generator(np.random.Philox(key=[7, len(history)])),
        whatif=_whatif(name) if told.has_panel else None,
        llm=llm,
        borrowed=deepcopy(told.borrowed),
    )


def _knowledge(name: str) -> tuple[KnowledgeRecord, ...]:
    told = SITUATIONS[name]
    return applicable(_task(name).task, told.skill, told.borrowed)


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
        whatif = _whatif(name)
        known = told_by(_knowledge(name), whatif.names)
        return slates.fit_cautiously(task, told.past(task), whatif, known)
    return params.fit(task, told.past(task))


@cache
def _whatif(name: str) -> WhatIf:
    """Of a panel of its own: it is made once, as in a campaign."""
    return WhatIf(_task(name), _panel())


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
_LESS = {
    "metrics": {"skips": {"goal": "minimize"}, "returns": {"kind": "proportion", "matures_after_days": 1}},
}
_SEGMENT = {
    "signals": {"p_click": {}, "p_like": {}, "p_long": {}, "is_new": {"kind": "user", "domain": [0, 1]}},
    "segments": {
        "new": {
            "when": "is_new",
            "params": {"w_click": {"production": 1.0, "low": 0.5, "high": 1.5}},
            "guardrails": {"returns": ">= -1.5%"},
        }
    },
}
SITUATIONS: Mapping[str, Situation] = {
    "the first round": Situation(),
    "two rounds were measured": Situation(past=pasts.measured),
    "a panel is there": Situation(past=pasts.measured, has_panel=True),
    "a skill knows the task": Situation(
        changes={"task": {"name": "fusion", "surface": "feed", "skill": "fusion"}},
        has_panel=True,
        skill=skilled.OWN,
        borrowed=(skilled.FOREIGN,),
    ),
    "a skill of another task": Situation(
        changes={"task": {"name": "fusion", "surface": "feed", "skill": "sharing"}},
        has_panel=True,
        skill=skilled.FOREIGN,
    ),
    "one param": Situation({"w_click": WEIGHTS["w_click"]}),
    "whole numbers": Situation(WHOLE),
    "an ordered vector": Situation(changes=_CURVE),
    "a constraint": Situation(changes={"constraints": {"strength": "w_click + w_long <= 1.8"}}),
    "a short step": Situation(changes={"limits": {"step": 0.05}}, past=pasts.measured),
    "a segment": Situation(changes=_SEGMENT, past=pasts.best_breaks("new.returns", -0.04)),
    "a goal to minimise": Situation(changes=_LESS, past=pasts.measured),
    "a tight guardrail": Situation(changes={"guardrails": {"returns": ">= -0.05%"}}),
    "a guardrail from above": Situation(
        changes={"guardrails": {"hides": "<= +2%"}}, past=pasts.best_breaks("hides", 0.05)
    ),
    "an absolute guardrail": Situation(
        changes={"guardrails": {"wait": "<= 1.02"}}, past=pasts.best_breaks("wait", 0.05)
    ),
    "no guardrail": Situation(changes={"guardrails": {}}, past=pasts.measured),
    "the best arm was stopped": Situation(past=pasts.best_stopped),
    "all arms were stopped": Situation(past=pasts.all_stopped),
    "the round was frozen": Situation(past=pasts.frozen),
    "nothing was measured": Situation(past=pasts.nothing_known),
    "a guardrail was not measured": Situation(past=pasts.gap),
    "one arm, and the last round": Situation(past=pasts.measured, arms=1, rounds=3),
}
"""By what is special in them."""
ROOMY = (
    "the first round",
    "two rounds were measured",
    "a panel is there",
    "no guardrail",
    "a goal to minimise",
)
"""Situations in which there is much to try, and little to lose."""
TELLING = (
    "the first round",
    "two rounds were measured",
    "a panel is there",
    "a skill knows the task",
    "a constraint",
)
"""Situations in which whatever an agent does is done: enough where each of them costs time."""
MEASURED = (
    "two rounds were measured",
    "a panel is there",
    "a segment",
    "a goal to minimise",
    "a guardrail from above",
    "an absolute guardrail",
)
"""Situations in which arms have shown what they do, good and bad."""
UNKNOWN = (
    "the first round",
    "a skill knows the task",
    "a skill of another task",
    "all arms were stopped",
    "the round was frozen",
    "nothing was measured",
)
"""Situations in which no arm has shown anything that a config could be recommended for."""
