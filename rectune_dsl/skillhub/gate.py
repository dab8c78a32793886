"""The evidence gate: what makes a knowledge record active, and what retires it.

A record is a bet. Before an experiment begins, the lifts of its arms are forecast with the record and without
it. Afterwards, arm by arm and metric by metric, given those before, the difference of the two log densities
says which forecast was better; it is capped at one nat, so that no single surprise decides. Half of the
wealth is bet on the record, and half of another purse against it.

If what is forecast without the record is right, the first purse is a nonnegative supermartingale: the capped
logarithm of a likelihood ratio is at most the ratio less 1, whose mean is 0. By Ville's inequality it then
ever exceeds 1 / alpha with probability alpha at most, however often one looks (Shafer 2021, "Testing by
betting"). Where both forecasts are wrong, it grows for the one that capped scores prefer.

What a record is about may change with the next model. So the purse against it begins anew whenever it falls
below one unit, as in a CUSUM; an e-detector of this kind raises a false alarm after 1 / alpha bets at the
earliest on average (Shin, Ramdas & Rinaldo 2022, "E-detectors").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from rectune_dsl.hooks.api import Forecast, KnowledgeRecord, RoundResult, Scored, Status
from rectune_dsl.skillhub.knowledge import experiments, purse_against, with_scores
from rectune_dsl.surrogate.covariances import regular

ALPHA = 0.05
"""The chance that a record which predicts nothing becomes active, ever; shared by records of one cause."""
STAKE = 0.5
"""Share of the wealth that is bet on every arm and metric."""
CAP = 1.0
"""Nats, of a difference of log densities."""

Array = NDArray[np.float64]


def score(forecasts: Sequence[Forecast], result: RoundResult) -> Scored | None:
    """What one experiment says of the record that made the forecasts; None where it measured nothing of what
    they are about, or was frozen."""
    seen = [] if result.frozen else _seen(forecasts, result)
    if not seen:
        return None
    noise = _noise(seen, result)
    expected, otherwise = (_log_densities(seen, noise, with_it=chosen) for chosen in (True, False))
    return _summary(seen, noise, np.clip(expected - otherwise, -CAP, CAP), result)


def judge(record: KnowledgeRecord, scored: Scored, among: int, today: str) -> KnowledgeRecord:
    """The record with one more scored experiment, and the status that its evidence gives it. `among` is how
    many records of the same cause are tested side by side. An experiment counts once, and not at all where
    the record rests on it."""
    if scored.experiment in experiments(record):
        return record
    told = with_scores(record, replace(record, scored=(*record.scored, scored)))
    status, why = _status(told, among)
    if status == record.status:
        return told
    return replace(told, status=status, why=why, changed=today)


def wealth(record: KnowledgeRecord) -> float:
    """Logarithm of what a bet on the record has made of one unit."""
    return record.gained + sum(scored.gained for scored in record.scored)


def alarm(record: KnowledgeRecord) -> float:
    """Logarithm of what bets against the record have made of one unit since they last had less."""
    return purse_against(record.lost, record.scored)


def _status(record: KnowledgeRecord, among: int) -> tuple[Status, str]:
    if record.status == "retired":
        return "retired", record.why
    against, wins = alarm(record), wealth(record)
    if against >= math.log(1.0 / ALPHA):
        return "retired", f"bets against it made {math.exp(against):.3g} of 1"
    if record.status == "candidate" and wins >= math.log(among / ALPHA):
        return "active", f"bets on it made {math.exp(min(wins, 700.0)):.3g} of 1"
    return record.status, record.why


@dataclass(frozen=True)
class _Lift:
    """One arm's lift of the metric that a forecast is about: `at` is the arm's place in the forecast, `row`
    that of the lift in the estimates' covariance."""

    forecast: Forecast
    at: int
    row: int
    measured: float


def _seen(forecasts: Sequence[Forecast], result: RoundResult) -> list[_Lift]:
    """The lifts that were forecast and measured, by arm, then metric."""
    estimates = result.estimates
    found = []
    for row, arm in enumerate(estimates.arms):
        for forecast in forecasts:
            if arm not in forecast.arms or forecast.metric not in estimates.metrics:
                continue
            column = estimates.metrics.index(forecast.metric)
            lift = estimates.lift[row][column]
            if lift is not None and math.isfinite(lift):
                place = row * len(estimates.metrics) + column
                found.append(_Lift(forecast, forecast.arms.index(arm), place, lift))
    return found


def _log_densities(seen: Sequence[_Lift], noise: Array, *, with_it: bool) -> Array:
    """Of each lift given those before it, (lifts,), in nats. Metrics are forecast as independent; errors are
    not."""
    mean = np.array([(s.forecast.expected if with_it else s.forecast.otherwise)[s.at] for s in seen])
    covariance = noise + [[_doubt(one, other, with_it=with_it) for other in seen] for one in seen]
    factor = cholesky(covariance, lower=True)
    errors = solve_triangular(factor, np.array([s.measured for s in seen]) - mean, lower=True)
    return np.asarray(-0.5 * errors**2 - np.log(np.diag(factor)) - 0.5 * math.log(2.0 * math.pi))


def _doubt(one: _Lift, other: _Lift, *, with_it: bool) -> float:
    if one.forecast is not other.forecast:
        return 0.0
    rows = one.forecast.doubt if with_it else one.forecast.other_doubt
    return rows[one.at][other.at]


def _noise(seen: Sequence[_Lift], result: RoundResult) -> Array:
    """Covariance of the lifts' errors, (lifts, lifts)."""
    rows = [s.row for s in seen]
    return regular(np.array(result.estimates.covariance, np.float64)[np.ix_(rows, rows)])


def _summary(seen: Sequence[_Lift], noise: Array, gains: Array, result: RoundResult) -> Scored:
    """The experiment's sum, told by the lift that the two forecasts differ most about."""
    errors = np.sqrt(np.diag(noise))
    apart = [abs(s.forecast.expected[s.at] - s.forecast.otherwise[s.at]) for s in seen]
    most = int(np.argmax(np.array(apart) / errors))
    shown = seen[most]
    return Scored(
        experiment=result.key,
        arm=shown.forecast.arms[shown.at],
        metric=shown.forecast.metric,
        expected=shown.forecast.expected[shown.at],
        otherwise=shown.forecast.otherwise[shown.at],
        measured=shown.measured,
        error=float(errors[most]),
        gained=float(np.log1p(STAKE * gains).sum()),
        lost=float(np.log1p(-STAKE * gains).sum()),
    )
