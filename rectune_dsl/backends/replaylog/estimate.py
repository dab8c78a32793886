"""Off-policy estimates: values, influence functions, lifts with their joint covariance.

Every estimate is a smooth function of means over impressions, so it has an influence function psi with
estimate - truth ~ mean(psi); covariances are those of psi (delta method; van der Vaart 1998, ch. 25).
The independent units are the log's slates, or its impressions where these are not linked.

Each row has an importance weight w = P(choice under the config) / propensity. With the outcome y and, for the
doubly robust estimate, the expected outcomes q of the item shown and m of the config's choice:

- ips: sum(w y) / rows (Horvitz and Thompson 1952)
- snips: sum(w y) / sum(w) (Swaminathan and Joachims 2015)
- dr: sum(m + w (y - q)) / rows (Dudík, Langford and Li 2011); q is fitted on other impressions

A ratio metric is the quotient of two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.layout import COVERAGE, IMPRESSIONS
from rectune_dsl.backends.replaylog.play import Played
from rectune_dsl.backends.replaylog.segments import USERS
from rectune_dsl.backends.replaylog.slates import Units
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.replay import Replay
from rectune_dsl.hooks.api import Arm, Estimates, Support

Outcomes = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Value:
    """One metric of one arm. `influence` (units,) has mean 0; `effective_n`: units the estimate is worth;
    `missing` says why there is none."""

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
    """Units that many equal weights would be worth: (sum w)^2 / sum w^2 (Kish 1965)."""
    squares = float(np.sum(weight**2))
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def weighted_mean(
    weight: NDArray[np.float64], top: NDArray[np.float64], bottom: NDArray[np.float64] | None
) -> Value:
    """sum(w * top) / sum(w * bottom), or sum(w * top) / rows where `bottom` is None; all (rows,). Each row is
    a unit."""
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
    units: Units,
) -> dict[str, Value]:
    """Every metric of one arm; missing where the effective sample size is below the task's `min_ess`."""
    found = {}
    for name, metric in metrics.items():
        if name == COVERAGE:
            influence = units.influence(played.coverage_influence)
            found[name] = Value(played.coverage, influence, float(units.count))
            continue
        top, bottom = name, IMPRESSIONS if replay.estimator == "snips" else None
        if metric.kind == "ratio":
            top, bottom = str(metric.numerator), metric.denominator
        own = weight * _members(outcomes, bottom)
        if replay.estimator == "dr":
            value = _doubly_robust(own, outcomes, played, top, bottom)
        else:
            value = weighted_mean(own, outcomes[top], None if bottom is None else outcomes[bottom])
        effective = effective_sample_size(units.total(own))
        value = replace(value, influence=units.influence(value.influence), effective_n=effective)
        found[name] = _guarded(value, replay.min_ess, units, has_event=bool(np.any(own * outcomes[top])))
    return found


def _members(outcomes: Outcomes, denominator: str | None) -> NDArray[np.float64] | float:
    """1 for the impressions a metric is about: a segment's, or all. The others are worth nothing to it."""
    _, at, segment = (denominator or "").partition("@")
    return (outcomes[f"{USERS}@{segment}"] != 0).astype(np.float64) if at else 1.0


def _doubly_robust(
    weight: NDArray[np.float64], outcomes: Outcomes, played: Played, top: str, bottom: str | None
) -> Value:
    ones = np.ones_like(weight)
    above = _corrected(weight, outcomes, played, top)
    if bottom is None:
        return weighted_mean(ones, above, None)
    below = _corrected(weight, outcomes, played, bottom)
    if below.mean() <= 0:
        return Value(0.0, np.zeros_like(weight), 0.0, f"its {bottom} are estimated to be none, or fewer")
    return weighted_mean(ones, above, below)


def _corrected(
    weight: NDArray[np.float64], outcomes: Outcomes, played: Played, name: str
) -> NDArray[np.float64]:
    """m + w (y - q), (rows,). Of a segment, 0 for everybody else: who is in it does not depend on what is
    shown."""
    base, at, segment = name.partition("@")
    member = outcomes[f"{USERS}@{segment}"] if at else 1.0
    modelled = played.modelled[IMPRESSIONS if base == USERS else base]
    observed = outcomes[IMPRESSIONS if base == USERS else base]
    return np.asarray(member * (modelled.expected + weight * (observed - modelled.logged)))


def estimates(
    arms: Sequence[Arm],
    values: Sequence[Mapping[str, Value]],
    metrics: Sequence[str],
    as_of: datetime,
    support: Mapping[str, Support] | None = None,
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
        support=support or {},
    )


def _guarded(value: Value, min_ess: float, units: Units, *, has_event: bool) -> Value:
    why, units_in_words = value.missing, f"{units.count:,} {units.name}"
    if not why and value.effective_n < min_ess:
        why = (
            f"its {units_in_words} are worth {value.effective_n:,.0f} under this config (effective "
            f"sample size), fewer than the {min_ess:,.0f} required"
        )
    if not why and not has_event:
        # no event says nothing of the rate's error, and a standard error of 0 would claim certainty
        why = f"none of its {units_in_words} has an event that this config could have caused"
    return replace(value, missing=why)


def _lift(own: Value, control: Value) -> Value:
    """own / control - 1, and its influence function. An arm that equals control has exactly 0 of both."""
    why = f"control: {control.missing}" if control.missing else own.missing
    effective_n = min(own.effective_n, control.effective_n)
    if why or control.value <= 0:
        return Value(0.0, np.zeros_like(own.influence), effective_n, why or "control's value is not above 0")
    ratio = own.value / control.value
    return Value(ratio - 1, (own.influence - ratio * control.influence) / control.value, effective_n)


def _covariance(lifts: Sequence[Value]) -> tuple[tuple[float, ...], ...]:
    """(lifts, lifts), 0 where one is missing: their influence functions are 0."""
    if not lifts:
        return ()
    psi = np.stack([lift.influence for lift in lifts])
    psi = psi - psi.mean(axis=1, keepdims=True)
    units = psi.shape[1]
    # einsum sums in one fixed order; a matrix product's depends on the number of threads
    matrix = np.einsum("ir,jr->ij", psi, psi) / (units * max(units - 1, 1))
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
