"""What an experiment has said, once it is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.readiness import unready
from rectune_dsl.experiments.rebase import without
from rectune_dsl.hooks.api import HOLDOUT, Estimates
from rectune_dsl.workflow.experiment import Outcome

T = TypeVar("T")


def settled(outcome: Outcome, task: Task) -> Estimates:
    """The lifts of all arms. A stopped arm keeps the lifts of the look that stopped it: what its users did
    after that says nothing about it. The holdout, whose users were not randomised here, is left out."""
    final = estimate(without(outcome.last.observation, (HOLDOUT,)), task.judged)
    final = _ready(final, outcome, task)
    for arm, look in outcome.stopped_at.items():
        final = _splice(final, estimate(without(look.observation, (HOLDOUT,)), task.judged), arm)
    return final


def _ready(final: Estimates, outcome: Outcome, task: Task) -> Estimates:
    """Without the lifts of metrics that are stale or not mature: nothing is to be learnt from those."""
    last = outcome.last.observation
    late = {m: unready(m, task.judged[m], outcome.served, last) for m in final.metrics}
    late = {metric: why for metric, why in late.items() if why and metric not in final.missing}
    lift = tuple(
        tuple(None if m in late else x for m, x in zip(final.metrics, row, strict=True)) for row in final.lift
    )
    return replace(final, lift=lift, missing={**late, **final.missing})


def _splice(final: Estimates, earlier: Estimates, arm: str) -> Estimates:
    at, width = final.arms.index(arm), len(final.metrics)
    row = earlier.arms.index(arm)
    covariance = [list(line) for line in final.covariance]
    for i in range(width):
        for j in range(width):
            covariance[at * width + i][at * width + j] = earlier.covariance[row * width + i][row * width + j]

    def swap(rows: tuple[T, ...], source: tuple[T, ...], shift: int) -> tuple[T, ...]:
        return tuple(source[row + shift] if i == at + shift else line for i, line in enumerate(rows))

    return replace(
        final,
        lift=swap(final.lift, earlier.lift, 0),
        level=swap(final.level, earlier.level, 1),
        level_se=swap(final.level_se, earlier.level_se, 1),
        effective_n=swap(final.effective_n, earlier.effective_n, 0),
        covariance=tuple(map(tuple, covariance)),
        missing={**_of_arm(earlier, arm), **final.missing},
    )


def _of_arm(estimates: Estimates, arm: str) -> dict[str, str]:
    return {key: why for key, why in estimates.missing.items() if key.startswith(f"{arm}/")}
