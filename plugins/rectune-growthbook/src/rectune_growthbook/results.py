"""From GrowthBook's results to lifts with their joint covariance.

GrowthBook tells, for each metric and variation, the users, the mean over them and the standard deviation
between them; of a ratio of sums the ratio, and the deviation that the delta method gives. So the variance of
a mean is stddev^2 / n; lifts and their covariance through the control they share are exact to first order:

    var(lift) = v_T / C^2 + T^2 v_C / C^4,    cov(lift_a, lift_b) = T_a T_b v_C / C^4.

It does not tell how metrics covary between users. North stars are taken to be as far correlated as they can
be, each in the direction that makes U least certain, among the users of each arm: the error of U then is an
upper bound, reached where users who have more of one have more of all. Other metrics are taken to be
uncorrelated. No verdict asks about that: each guardrail is tested by itself. What does ask is how likely an
experiment to come is to end with ship, and how far a skill's forecasts of several metrics came true: both
take the errors of metrics that go up and down together for independent ones. Neither has a safe side that is
one for all metrics, so it is said and not guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import BackendError, Estimates
from rectune_growthbook.wire import DRIFT, Record

Floats = NDArray[np.float64]

_ROOM = 1e-3
"""By which part of its error GrowthBook's lift may differ from that of the means, which are not rounded."""


@dataclass(frozen=True)
class Wanted:
    """What to read: variations' ids by arm, control first; GrowthBook's ids by the task's metrics; those of
    `ratios` are ratios of sums, so that n counts users; `weights` of the north stars, negative where less is
    better."""

    variations: Mapping[str, str]
    metrics: Mapping[str, str]
    ratios: frozenset[str]
    weights: Mapping[str, float]


@dataclass(frozen=True)
class _Cell:
    """A metric in an arm: its level, the level's variance and the users; `change` against control as
    GrowthBook has it. `why` says why there is nothing."""

    level: float = 0.0
    variance: float = 0.0
    n: float = 0.0
    change: float = 0.0
    why: str = ""


def estimates(result: Record, wanted: Wanted, as_of: datetime, complete: datetime) -> Estimates:
    """What the results of a snapshot say of the wanted arms and metrics. `complete`: all events before it are
    in them. Raises BackendError where the results are not as the API has them."""
    arms, names = list(wanted.variations), list(wanted.metrics)
    rows = result.records("results")
    if not rows:
        return unknown(wanted, as_of, "GrowthBook has no results: nobody was counted yet")
    cells = _cells(rows[0], wanted)
    missing: dict[str, str] = {}
    lift: list[list[float | None]] = []
    for arm in arms[1:]:
        lift.append([_lift(cells[name][arm], cells[name][arms[0]]) for name in names])
        for name in names:
            if why := _why(cells[name][arm], cells[name][arms[0]], arms[0]):
                missing[f"{arm}/{name}"] = why
    table = [[cells[name][arm] for name in names] for arm in arms]
    late = {name: min(complete, as_of) for name in names} if complete < as_of else {}
    return Estimates(
        as_of=as_of,
        arms=tuple(arms[1:]),
        metrics=tuple(names),
        lift=tuple(map(tuple, lift)),
        covariance=_covariance(lift, table, [wanted.weights.get(name, 0.0) for name in names]),
        level=tuple(tuple(None if cell.why else cell.level for cell in row) for row in table),
        level_se=tuple(tuple(math.sqrt(cell.variance) for cell in row) for row in table),
        effective_n=tuple(
            tuple(0.0 if value is None else _degrees(cell, control) + 1 for value, cell, control in both)
            for both in (zip(lift[a], row, table[0], strict=True) for a, row in enumerate(table[1:]))
        ),
        complete_until=late,
        missing=missing,
        assigned=_assigned(rows[0], wanted),
    )


def unknown(wanted: Wanted, as_of: datetime, why: str) -> Estimates:
    """Nothing is known yet."""
    arms, width = list(wanted.variations)[1:], len(wanted.metrics)
    size = len(arms) * width
    return Estimates(
        as_of=as_of,
        arms=tuple(arms),
        metrics=tuple(wanted.metrics),
        lift=((None,) * width,) * len(arms),
        covariance=((0.0,) * size,) * size,
        level=((None,) * width,) * (len(arms) + 1),
        level_se=((0.0,) * width,) * (len(arms) + 1),
        effective_n=((0.0,) * width,) * len(arms),
        missing=dict.fromkeys(wanted.metrics, why),
    )


def _cells(row: Record, wanted: Wanted) -> dict[str, dict[str, _Cell]]:
    """Per metric and arm."""
    told = {metric.text("metricId"): metric.records("variations") for metric in row.records("metrics")}
    found = {}
    for name, metric in wanted.metrics.items():
        by_id = {one.text("variationId"): one for one in told.get(metric, [])}
        found[name] = {
            arm: _cell(by_id.get(variation), metric, name in wanted.ratios)
            for arm, variation in wanted.variations.items()
        }
    return found


def _cell(variation: Record | None, metric: str, is_ratio: bool) -> _Cell:
    analyses = [] if variation is None else variation.records("analyses")
    if variation is None or not analyses:
        return _Cell(why=f"GrowthBook reports nothing of {metric}")
    users, analysis = variation.number("users"), analyses[0]
    mean, deviation = analysis.number("mean"), analysis.number("stddev")
    # users that a metric leaves out do not count for it; the denominator of a ratio counts no users
    n = users if is_ratio else min(users, analysis.number("denominator"))
    if n < 2:
        return _Cell(why=f"{n:.0f} users are counted")
    if deviation <= 0:
        return _Cell(
            why=f"{metric} is the same for all users, or its query failed: GrowthBook's API says 0 for both"
        )
    return _Cell(mean, deviation**2 / n, n, analysis.number("percentChange"))


def _assigned(row: Record, wanted: Wanted) -> tuple[int, ...]:
    """Users of each arm. Raises BackendError where metrics tell different ones."""
    for metric in row.records("metrics"):
        by_id = {one.text("variationId"): one for one in metric.records("variations")}
        if all(variation in by_id for variation in wanted.variations.values()):
            return tuple(round(by_id[one].number("users")) for one in wanted.variations.values())
    raise BackendError("GrowthBook's results do not tell the users of every variation", help=DRIFT)


def _lift(cell: _Cell, control: _Cell) -> float | None:
    return None if _why(cell, control, "") else cell.level / control.level - 1


def _why(cell: _Cell, control: _Cell, name: str) -> str:
    """Why there is no lift; empty where there is one."""
    if cell.why or control.why:
        return cell.why or f"{name}: {control.why}"
    if control.level <= 0:
        return f"{name} has {control.level:.4g} of it, and a lift is a ratio"
    lift = cell.level / control.level - 1
    if abs(cell.change - lift) > _ROOM * math.sqrt(_variance(cell, control)):
        return (
            f"GrowthBook's lift is {cell.change:+.4%} and that of the means is {lift:+.4%}: it adjusts the "
            "metric (CUPED, post-stratification or a prior), and its errors are not those of the means; turn "
            "that off"
        )
    return ""


def _variance(cell: _Cell, control: _Cell) -> float:
    """Of a lift."""
    ratio = cell.level / control.level
    return (cell.variance + ratio**2 * control.variance) / control.level**2


def _degrees(cell: _Cell, control: _Cell) -> float:
    """Welch and Satterthwaite's."""
    own, shared = cell.variance, (cell.level / control.level) ** 2 * control.variance
    return (own + shared) ** 2 / (own**2 / (cell.n - 1) + shared**2 / (control.n - 1))


def _covariance(
    lift: Sequence[Sequence[float | None]], table: Sequence[Sequence[_Cell]], weights: Sequence[float]
) -> tuple[tuple[float, ...], ...]:
    """Of all lifts, row-major by arm. See the module for what is taken of metrics."""
    sign = np.sign(weights)
    alike = np.outer(sign, sign)
    np.fill_diagonal(alike, 1.0)
    arms, width = len(lift), len(weights)
    own, shared = np.zeros((arms, width)), np.zeros((arms, width))
    for a, row in enumerate(lift):
        for m, value in enumerate(row):
            if value is not None:
                cell, control = table[a + 1][m], table[0][m]
                own[a, m] = math.sqrt(cell.variance) / control.level
                shared[a, m] = (1 + value) * math.sqrt(control.variance) / control.level
    blocks: Floats = np.einsum("am,bn,mn->ambn", shared, shared, alike)
    for a in range(arms):
        blocks[a, :, a, :] += np.outer(own[a], own[a]) * alike
    joint = blocks.reshape(arms * width, arms * width)
    return tuple(tuple(float(value) for value in row) for row in joint)
