"""The elite set: arms worth remembering, because nothing beats them or because nothing is like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents.past import tested_arms
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import EliteArm, RoundResult

Array = NDArray[np.float64]

ELITE_SIZE = 8


def elite(task: Task, history: Sequence[RoundResult], size: int = ELITE_SIZE) -> tuple[EliteArm, ...]:
    """At most `size` arms: from the Pareto front of the judged metrics' lifts, chosen greedy-farthest.

    Arms that were stopped for harm are no examples. A metric that not every arm has is not compared.
    """
    directions = judged_directions(task)
    lifts = _measured_lifts(history, directions)
    arms = [arm for arm in tested_arms(history) if lifts.get(arm.name)]
    compared = [metric for metric in directions if arms and all(metric in lifts[arm.name] for arm in arms)]
    if not compared:
        return ()
    signed = np.array([[directions[m] * lifts[arm.name][m] for m in compared] for arm in arms])
    front = np.flatnonzero(pareto_front(signed))
    chosen = front[farthest(signed[front], size)]
    return tuple(EliteArm(arms[i].name, arms[i].config, lifts[arms[i].name]) for i in chosen)


def judged_directions(task: Task) -> dict[str, int]:
    """+1 where more is better, -1 where less is: by goal, else by guardrail. Others are not compared."""
    directions = {}
    for name, metric in task.judged.items():
        limit = task.guarded.get(name)
        sign = metric.sign or (0 if limit is None else 1 if limit.direction == ">=" else -1)
        if sign:
            directions[name] = sign
    return directions


def pareto_front(values: Array) -> NDArray[np.bool_]:
    """Which rows (arms, metrics), more being better, no other dominates: as good in all, better in one."""
    no_worse = (values[:, None, :] >= values[None, :, :]).all(2)
    better = (values[:, None, :] > values[None, :, :]).any(2)
    dominated = (no_worse & better).any(axis=0)
    return np.asarray(~dominated)


def farthest(values: Array, size: int) -> list[int]:
    """At most `size` rows: the best by mean standardised value, then each time the farthest from those taken.

    Greedy k-center (Gonzalez 1985) on standardised columns; ties go to the earlier row.
    """
    spread = values.std(0)
    standardised = (values - values.mean(0)) / np.where(spread > 0, spread, 1.0)
    chosen = [int(standardised.mean(1).argmax())]
    nearest = np.full(len(values), np.inf)
    while len(chosen) < min(size, len(values)):
        nearest = np.minimum(nearest, ((standardised - standardised[chosen[-1]]) ** 2).sum(1))
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
    return chosen


def _measured_lifts(
    history: Sequence[RoundResult], metrics: Mapping[str, int]
) -> dict[str, dict[str, float]]:
    """Arm -> metric -> lift, of arms that were neither stopped nor in a frozen round."""
    found: dict[str, dict[str, float]] = {}
    for result in history:
        estimates = result.estimates
        for arm, row in zip(estimates.arms, estimates.lift, strict=True):
            if not result.frozen and arm not in result.stopped:
                pairs = zip(estimates.metrics, row, strict=True)
                found[arm] = {m: lift for m, lift in pairs if m in metrics and lift is not None}
    return found
