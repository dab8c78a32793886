"""Off-policy estimates: values, influence functions, lifts with their joint covariance.

Every estimate is a smooth function of means over impressions, so it has an influence function psi with
estimate - truth ~ mean(psi); covariances are those of psi (delta method; van der Vaart 1998, ch. 25).
Impressions are the independent units: the rows of a log's slate are not linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.layout import COVERAGE, IMPRESSIONS
from rectune_dsl.backends.replaylog.play import Played
from rectune_dsl.backends.replaylog.segments import USERS
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.replay import Replay
from rectune_dsl.hooks.api import Arm, Estimates

Outcomes = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Value:
    """One metric of one arm. `influence` (rows,) has mean 0; `effective_n`: impressions the estimate is
    worth; `missing` says why there is none."""

    value: float
    influence: NDArray[np.float64]
    effective_n: float
    missing: str = ""

    @property
    def variance(self) -> float:
        """Of the estimate."""
        return _variance(self.influence)


def weights(
    chosen: NDArray[np.float64], propensity: NDArray[np.float64], clip: float | None
) -> NDArray[np.float64]:
    """Importance weights pi(a | x) / propensity, at most `clip`, which trades bias for variance."""
    ratio = chosen / propensity
    return ratio if clip is None else np.minimum(ratio, clip)


def effective_sample_size(weight: NDArray[np.float64]) -> float:
    """Impressions that many equal weights would be worth: (sum w)^2 / sum w^2 (Kish 1965)."""
    squares = float(np.sum(weight**2))
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def weighted_mean(
    weight: NDArray[np.float64], top: NDArray[np.float64], bottom: NDArray[np.float64] | None
) -> Value:
    """sum(w * top) / sum(w * bottom), or sum(w * top) / rows where `bottom` is None; all (rows,).

    `bottom` None is inverse propensity scoring (Horvitz and Thompson 1952); `bottom` 1 is its
    self-normalised form (Swaminathan and Joachims 2015); else it is a ratio metric.
    """
    scale = 1.0 if bottom is None else float(np.mean(weight * bottom))
    if scale == 0:
        return Value(0.0, np.zeros_like(weight), 0.0, "the arm chooses nothing that was logged")
    value = float(np.mean(weight * top)) / scale
    centre = value if bottom is None else value * weight * bottom
    return Value(value, (weight * top - centre) / scale, effective_sample_size(weight))


def arm_values(
    replay: Replay,
    metrics: Mapping[str, Metric],
    outcomes: Outcomes,
    played: Played,
    weight: NDArray[np.float64],
) -> dict[str, Value]:
    """Every metric of one arm; missing where the effective sample size is below the task's `min_ess`."""
    found = {}
    for name, metric in metrics.items():
        if name == COVERAGE:
            found[name] = Value(played.coverage, played.coverage_influence, float(len(weight)))
            continue
        top, bottom = name, None if replay.estimator == "ips" else IMPRESSIONS
        if metric.kind == "ratio":
            top, bottom = str(metric.numerator), metric.denominator
        own = weight * _members(outcomes, bottom)
        value = weighted_mean(own, outcomes[top], None if bottom is None else outcomes[bottom])
        found[name] = _guarded(value, replay.min_ess, len(weight))
    return found


def _members(outcomes: Outcomes, denominator: str | None) -> NDArray[np.float64] | float:
    """1 for the impressions a metric is about: a segment's, or all. The others are worth nothing to it."""
    _, at, segment = (denominator or "").partition("@")
    return outcomes[f"{USERS}@{segment}"] if at else 1.0


def estimates(
    arms: Sequence[Arm], values: Sequence[Mapping[str, Value]], metrics: Sequence[str], as_of: datetime
) -> Estimates:
    """Lifts of `arms[1:]` against `arms[0]` with the joint covariance of all arms and metrics."""
    control, treated = values[0], values[1:]
    lifts = [[_lift(own[m], control[m]) for m in metrics] for own in treated]
    flat = [lift for row in lifts for lift in row]
    return Estimates(
        as_of=as_of,
        arms=tuple(arm.name for arm in arms[1:]),
        metrics=tuple(metrics),
        lift=tuple(tuple(None if lift.missing else lift.value for lift in row) for row in lifts),
        covariance=_covariance(flat),
        level=tuple(tuple(None if own[m].missing else own[m].value for m in metrics) for own in values),
        level_se=tuple(
            tuple(0.0 if own[m].missing else float(np.sqrt(own[m].variance)) for m in metrics)
            for own in values
        ),
        effective_n=tuple(tuple(lift.effective_n for lift in row) for row in lifts),
        missing=_missing(arms, lifts, control, metrics),
    )


def _guarded(value: Value, min_ess: float, rows: int) -> Value:
    why = value.missing
    if not why and value.effective_n < min_ess:
        why = (
            f"its {rows:,} impressions are worth {value.effective_n:,.0f} under this config (effective "
            f"sample size), fewer than the {min_ess:,.0f} required"
        )
    if not why and value.value == 0 and not value.influence.any():
        # no event says nothing of the rate's error, and a standard error of 0 would claim certainty
        why = f"none of its {rows:,} impressions has an event that this config could have caused"
    return Value(value.value, value.influence, value.effective_n, why)


def _lift(own: Value, control: Value) -> Value:
    """own / control - 1, and its influence function. An arm that equals control has exactly 0 of both."""
    why = f"control: {control.missing}" if control.missing else own.missing
    effective_n = min(own.effective_n, control.effective_n)
    if why or control.value == 0:
        return Value(0.0, np.zeros_like(own.influence), effective_n, why or "control's value is 0")
    ratio = own.value / control.value
    return Value(ratio - 1, (own.influence - ratio * control.influence) / control.value, effective_n)


def _covariance(lifts: Sequence[Value]) -> tuple[tuple[float, ...], ...]:
    """(lifts, lifts), 0 where one is missing: their influence functions are 0."""
    if not lifts:
        return ()
    psi = np.stack([lift.influence for lift in lifts])
    psi = psi - psi.mean(axis=1, keepdims=True)
    rows = psi.shape[1]
    # einsum sums in one fixed order; a matrix product's depends on the number of threads
    matrix = np.einsum("ir,jr->ij", psi, psi) / (rows * max(rows - 1, 1))
    return tuple(tuple(float(cell) for cell in row) for row in matrix)


def _variance(psi: NDArray[np.float64]) -> float:
    return float(np.var(psi, ddof=1)) / len(psi) if len(psi) > 1 else 0.0


def _missing(
    arms: Sequence[Arm],
    lifts: Sequence[Sequence[Value]],
    control: Mapping[str, Value],
    metrics: Sequence[str],
) -> dict[str, str]:
    found = {m: f"{arms[0].name}: {control[m].missing}" for m in metrics if control[m].missing}
    for arm, row in zip(arms[1:], lifts, strict=True):
        for metric, lift in zip(metrics, row, strict=True):
            if lift.missing and metric not in found:
                found[f"{arm.name}/{metric}"] = lift.missing
    return found
