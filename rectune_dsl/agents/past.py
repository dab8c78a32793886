"""What earlier rounds have shown: tested configs, and those known to fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.intervals import limited
from rectune_dsl.hooks.api import CONTROL, HOLDOUT, AgentContext, Arm, Config, Estimates, RoundResult
from rectune_dsl.surrogate.data import lifts_of
from rectune_dsl.surrogate.params import ParamView

_TAIL = 0.05
"""Beyond each end of a 90 % interval."""


@dataclass(frozen=True)
class Failure:
    """An arm that was stopped for harm, or whose estimates show a guardrail violated."""

    arm: str
    config: Config
    why: str


def learnt(history: Sequence[RoundResult]) -> int:
    """Rounds that taught something: those that were not frozen."""
    return sum(not result.frozen for result in history)


def experiments(history: Sequence[RoundResult]) -> tuple[str, ...]:
    """The keys of the experiments that taught something."""
    return tuple(result.key for result in history if not result.frozen)


def skipped_rounds(context: AgentContext) -> int:
    """Earlier rounds that held nothing to test."""
    return max(context.round - 1 - len(context.history), 0)


def tested_arms(history: Sequence[RoundResult]) -> tuple[Arm, ...]:
    """Every treatment of every round that was not frozen, in order."""
    return tuple(
        arm
        for result in history
        if not result.frozen
        for arm in result.arms
        if arm.name not in (CONTROL, HOLDOUT)
    )


def tested_configs(history: Sequence[RoundResult]) -> list[Config]:
    """The different configs of `tested_arms`."""
    different = {tuple(arm.config.values.values()): arm.config for arm in tested_arms(history)}
    return list(different.values())


def error_of_u(task: Task, history: Sequence[RoundResult]) -> float:
    """The standard error of an arm's U, the median over all that were measured; 0 before any was."""
    noise = np.diag(lifts_of(ParamView(task).points, history, task.objective_weights).noise)
    return float(np.sqrt(np.median(noise))) if noise.size else 0.0


def failures(task: Task, history: Sequence[RoundResult]) -> tuple[Failure, ...]:
    """Arms of earlier rounds known to fail. An arm that was stopped counts even if its round was frozen."""
    found = []
    for result in history:
        for arm in result.arms:
            if arm.name in result.stopped:
                found.append(Failure(arm.name, arm.config, f"was stopped: {result.stopped[arm.name]}"))
            elif not result.frozen and (why := _violation(task, result.estimates, arm.name)):
                found.append(Failure(arm.name, arm.config, why))
    return tuple(found)


def _violation(task: Task, estimates: Estimates, arm: str) -> str:
    """The first guardrail whose 90 % interval lies beyond its limit, in words; empty if there is none."""
    if arm not in estimates.arms:
        return ""
    for metric, limit in task.guarded.items():
        seen = limited(estimates, arm, metric, limit) if metric in estimates.metrics else None
        if seen is None:
            continue
        best = seen.upper(_TAIL) if limit.direction == ">=" else seen.lower(_TAIL)
        if not limit.holds(best):
            shown = words.percent(seen.value) if limit.relative else f"{seen.value:.4g}"
            return f"showed {metric} at {shown} against {limit}"
    return ""
