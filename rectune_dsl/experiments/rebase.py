"""The same observation seen from another arm, or without some arms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from rectune_dsl.hooks.api import CONTROL, Estimates, Moments, Observation
from rectune_dsl.hooks.errors import UsageError

AGAINST_HOLDOUT = " against the holdout"
"""Ends the name of what is compared with the holdout's arm instead of control."""


def without(observation: Observation, arms: Collection[str]) -> Observation:
    """The observation without `arms`. Control, the first arm, stays whatever is asked."""
    if isinstance(observation, Moments):
        control, *others = observation.arms
        return replace(observation, arms=(control, *(a for a in others if a.arm not in arms)))
    return _kept(observation, [i for i, arm in enumerate(observation.arms) if arm not in arms])


def rebased(observation: Observation, arm: str) -> Observation:
    """The observation with `arm` in control's place, and control among the treatments.

    Lifts over the new base are (1 + lift) / (1 + lift of the base) - 1, their covariance the delta method's.
    Raises UsageError where there is no such arm.
    """
    names = (
        [a.arm for a in observation.arms]
        if isinstance(observation, Moments)
        else [CONTROL, *observation.arms]
    )
    if arm not in names:
        raise UsageError(f"there is no arm {arm!r} to compare with", help=f"arms: {', '.join(names)}")
    at = names.index(arm)
    order = [at, *(i for i in range(len(names)) if i != at)]
    if isinstance(observation, Moments):
        return replace(observation, arms=tuple(observation.arms[i] for i in order))
    return observation if at == 0 else _estimates_over(observation, order, names)


def _estimates_over(observation: Estimates, order: list[int], names: list[str]) -> Estimates:
    """`order` lists the arms, control being 0, with the new base first."""
    base, *others = order
    width = len(observation.metrics)
    # control's own lift is 0 and certain: with it as row 0, every arm is alike
    lift = [(0.0,) * width, *observation.lift]
    new_lift: list[list[float | None]] = []
    jacobian = np.zeros((len(others) * width, len(observation.arms) * width))
    effective_n = []
    for row, arm in enumerate(others):
        new_lift.append([_ratio(lift[arm][m], lift[base][m]) for m in range(width)])
        for m in range(width):
            above, below = lift[arm][m], lift[base][m]
            if new_lift[row][m] is None or above is None or below is None:
                continue
            if arm > 0:
                jacobian[row * width + m, (arm - 1) * width + m] = 1 / (1 + below)
            jacobian[row * width + m, (base - 1) * width + m] = -(1 + above) / (1 + below) ** 2
        of_base = observation.effective_n[base - 1]
        of_arm = observation.effective_n[arm - 1] if arm > 0 else of_base
        effective_n.append(tuple(min(pair) for pair in zip(of_arm, of_base, strict=True)))
    covariance = jacobian @ np.asarray(observation.covariance) @ jacobian.T
    return replace(
        observation,
        arms=tuple(names[i] for i in others),
        lift=tuple(map(tuple, new_lift)),
        covariance=tuple(tuple(float(x) for x in row) for row in covariance),
        level=tuple(observation.level[i] for i in order),
        level_se=tuple(observation.level_se[i] for i in order),
        effective_n=tuple(effective_n),
        assigned=tuple(observation.assigned[i] for i in order) if observation.assigned else (),
    )


def _ratio(above: float | None, below: float | None) -> float | None:
    if above is None or below is None or below <= -1:
        return None
    return (1 + above) / (1 + below) - 1


def _kept(observation: Estimates, at: list[int]) -> Estimates:
    width = len(observation.metrics)
    flat = [a * width + m for a in at for m in range(width)]
    return replace(
        observation,
        arms=tuple(observation.arms[a] for a in at),
        lift=tuple(observation.lift[a] for a in at),
        covariance=tuple(tuple(observation.covariance[i][j] for j in flat) for i in flat),
        level=(observation.level[0], *(observation.level[a + 1] for a in at)),
        level_se=(observation.level_se[0], *(observation.level_se[a + 1] for a in at)),
        effective_n=tuple(observation.effective_n[a] for a in at),
        assigned=tuple(observation.assigned[i] for i in (0, *(a + 1 for a in at)) if observation.assigned),
    )
