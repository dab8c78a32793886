"""What an experiment yet to be run would measure with: the joint covariance of what a verdict tests.

Rows are named: `likes` is a lift over control, `=latency_ms` a level of the treatment, and
`return against the holdout` a lift over the holdout. All arms are taken to vary as production does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.linear import (
    LEAST_USERS,
    Array,
    Linear,
    Sample,
    cuped,
    is_constant,
    linear,
    quantile_column,
    sample,
)
from rectune_dsl.experiments.measurement import unsure
from rectune_dsl.experiments.proportions import is_binary, proportion_error
from rectune_dsl.experiments.quantiles import quantile_of, with_quantiles
from rectune_dsl.experiments.rebase import AGAINST_HOLDOUT
from rectune_dsl.hooks.api import ArmMoments, Estimates, Moments, Observation
from rectune_dsl.hooks.errors import UsageError

LEVEL = "="
"""Begins the row of a level: `=latency_ms`."""


@dataclass(frozen=True, eq=False)
class Design:
    """A planned comparison of one treatment with control.

    `rows` name the axes of `covariance` (rows, rows). `levels` are production's absolute values.
    `users_per_arm` are assigned users. `missing`: metric -> why nothing can be planned about it.
    `compared`: for a lift's row, how much of its variance comes from the arm it is compared with; `shares`:
    for the row of a proportion's level, how many users are counted. Empty where the verdict will have
    estimates.
    """

    users_per_arm: float
    rows: tuple[str, ...]
    covariance: Array
    levels: Mapping[str, float]
    degrees: float
    missing: Mapping[str, str]
    compared: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)

    def error(self, row: str) -> float | None:
        """The planned standard error; None where missing."""
        if row not in self.rows:
            return None
        at = self.rows.index(row)
        return float(np.sqrt(max(self.covariance[at, at], 0.0)))

    def spread(self, row: str, bound: float) -> float | None:
        """The standard error of the statistic that is tested against a limit at `bound`; None where missing.

        For a lift d that is T - (1 + bound) C, in units of control's level.
        """
        error = self.error(row)
        if error is None:
            return None
        excess = ((1 + bound) ** 2 - 1) * self.compared.get(row, 0.0)
        return math.sqrt(max(error**2 + excess, 0.0))

    def yardstick(self, row: str, bound: float) -> float | None:
        """The standard error by which the verdict judges that statistic, were the truth at `bound`.

        A proportion's exact bounds are nearly those of the score test, with the error at the limit.
        """
        if row in self.shares:
            return proportion_error(bound, self.shares[row])
        return self.spread(row, bound)

    def with_users(self, users_per_arm: float) -> Design:
        """The same design with other traffic in every arm, the holdout's too."""
        ratio = users_per_arm / self.users_per_arm
        degrees = max((self.degrees + 2) * ratio - 2, 1.0)
        return replace(
            self,
            users_per_arm=users_per_arm,
            covariance=self.covariance / ratio,
            degrees=degrees,
            compared={row: variance / ratio for row, variance in self.compared.items()},
            shares={row: users * ratio for row, users in self.shares.items()},
        )


def design(
    baseline: Observation, task: Task, users_per_arm: float, *, holdout_users: float | None = None
) -> Design:
    """Plan from how production varies: `baseline` covers as many days as the experiment will.

    From Moments, production's users are the first arm's, and as many of those assigned will come. With
    `holdout_users` each relative guardrail is also planned against a holdout of that size. Estimates say
    nothing of single users: their first arm's covariance is taken as that of `task.confirm.users_per_arm`
    users. Raises UsageError where there are too few users to tell how they vary.
    """
    if isinstance(baseline, Estimates):
        return from_estimates(baseline, task, 0, task.confirm.users_per_arm).with_users(users_per_arm)
    production = baseline.arms[0]
    if production.n < LEAST_USERS:
        raise UsageError(
            f"production's baseline has {production.n} users", help="plan from more traffic or more days"
        )
    return _Planner(baseline, production, task).design(users_per_arm, holdout_users)


def from_estimates(estimates: Estimates, task: Task, arm: int, users_per_arm: float) -> Design:
    """The design in which the arm with this index was measured, with `users_per_arm` users.

    Levels are taken as independent of each other and of the lifts: estimates do not tell how they covary.
    """
    width = len(estimates.metrics)
    lifts = [m for m in range(width) if estimates.lift[arm][m] is not None]
    levels = [m for m in range(width) if None not in (estimates.level[arm + 1][m], estimates.level[0][m])]
    rows = [estimates.metrics[m] for m in lifts] + [LEVEL + estimates.metrics[m] for m in levels]
    covariance = np.zeros((len(rows), len(rows)))
    for i, m in enumerate(lifts):
        for j, k in enumerate(lifts):
            covariance[i, j] = estimates.covariance[arm * width + m][arm * width + k]
    for i, m in enumerate(levels, len(lifts)):
        covariance[i, i] = estimates.level_se[arm + 1][m] ** 2
    known = [estimates.effective_n[arm][m] for m in lifts]
    return Design(
        users_per_arm,
        tuple(rows),
        covariance,
        {n: x for n, x in zip(estimates.metrics, estimates.level[0], strict=True) if x is not None},
        max(min(known, default=0.0) - 1, 1.0),
        {m: estimates.missing.get(m, "no reason given") for m in task.judged if m not in rows},
    )


class _Planner:
    """Plans from production's moments."""

    def __init__(self, baseline: Moments, production: ArmMoments, task: Task) -> None:
        ordered = {n: m for n, m in task.judged.items() if m.kind == "quantile"}
        self._columns = (*baseline.columns, *(quantile_column(m, n) for n, m in ordered.items()))
        self._task = task
        self._quantiles = {name: quantile_of(m, name, production) for name, m in ordered.items()}
        self._users: Sample = with_quantiles(sample([production]), list(self._quantiles.values()))
        self._came = production.n / max(production.assigned, production.n)
        self.missing: dict[str, str] = {}
        self._plain: dict[str, Linear] = {}
        self._shares: list[str] = []
        for name, metric in task.judged.items():
            own = metric.model_copy(update={"covariate": None}).columns(name)
            why = next((baseline.missing[key] for key in (name, *own) if key in baseline.missing), "")
            absent = [c for c in own if c not in self._columns]
            if name in self._quantiles:
                absent = [] if self._quantiles[name] else [f"quantiles of {own[0]}"]
            if why or absent:
                self.missing[name] = why or f"the backend does not measure {', '.join(absent)}"
            elif (plain := linear(metric, name, self._columns, self._users)) is not None:
                self._note(name, metric, plain)
            else:
                self.missing[name] = "its denominator is 0 in production"

    def design(self, users_per_arm: float, holdout_users: float | None) -> Design:
        """Rows' gradients by the column means of treatment, control and holdout give their covariance: the
        three have independent users."""
        rows, treatment, control, holdout = self._gradients(holdout_users is not None)
        n = users_per_arm * self._came
        one = self._users.covariance
        base = control @ one @ control.T / n
        if holdout_users is not None:
            base = base + holdout @ one @ holdout.T / (holdout_users * self._came)
        levels = {name: plain.level for name, plain in self._plain.items()}
        return Design(
            users_per_arm,
            rows,
            treatment @ one @ treatment.T / n + base,
            levels,
            max(2 * n - 2, 1.0),
            self.missing,
            dict(zip(rows, map(float, np.diagonal(base)), strict=True)),
            {LEVEL + name: n for name in self._shares},
        )

    def _note(self, name: str, metric: Metric, plain: Linear) -> None:
        """Keep the metric if a verdict could judge it."""
        variance, quantile = plain.variance(self._users), self._quantiles.get(name)
        if quantile and not quantile.is_known:
            self.missing[name] = unsure("production", quantile)
            return
        if metric.kind == "proportion" and is_binary(plain.level, variance, self._users.n):
            self._shares.append(name)
        elif is_constant(plain.level, variance):
            self.missing[name] = "it is the same for all users, so nothing would tell how sure it is"
            return
        self._plain[name] = plain

    def _gradients(self, with_holdout: bool) -> tuple[tuple[str, ...], Array, Array, Array]:
        rows: list[str] = []
        found: list[tuple[Array, Array, Array]] = []
        none = np.zeros(len(self._columns))
        for name, plain in self._plain.items():
            rows.append(LEVEL + name)
            found.append((plain.gradient, none, none))
            if plain.level <= 0:
                self.missing[name] = "its level in production is not above 0, so there is no relative change"
                continue
            by_lift = self._adjusted(name, self._task.judged[name], plain).gradient / plain.level
            rows.append(name)
            found.append((by_lift, -by_lift, none))
            if with_holdout:
                by_plain = plain.gradient / plain.level
                rows.append(name + AGAINST_HOLDOUT)
                found.append((by_plain, none, -by_plain))
        if not found:
            empty = np.zeros((0, len(self._columns)))
            return (), empty, empty, empty
        treatment, control, holdout = (np.array(part) for part in zip(*found, strict=True))
        return tuple(rows), treatment, control, holdout

    def _adjusted(self, name: str, metric: Metric, plain: Linear) -> Linear:
        columns: Sequence[str] = self._columns
        adjustment = cuped(metric, name, columns, self._users)
        return plain if adjustment is None else adjustment.adjust(plain, columns, self._users)
