"""How often 95 % intervals hold the truth, over users who are far from normal.

Each experiment has an arm of users who are `LIFT` better than control's. Users are drawn one by one: their
tastes are log-normal, what they do is log-normal, Poisson, or log-normal with most users at 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.evidence import Unknown, evidence
from rectune_dsl.experiments.intervals import Measured, lift
from rectune_dsl.hooks.api import CONTROL, Moments
from study.figures import CONFIDENCE, Figure, Share
from study.tasks import TREATED, moments
from study.users import Array, summed
from study.work import Chunk, Plan

EXPERIMENTS, QUICK_EXPERIMENTS, CHUNK = 5_000, 100, 25
"""Per seed and distribution."""
USERS = 5_000
"""Per arm."""
SLACK = 0.01
LIFT = 0.05
COLUMNS = ("value", "active", "impressions", "before")
SHARE_ACTIVE = 0.2
MORE_IMPRESSIONS = 9.0
"""Of a user of average taste, beyond the first."""

_RATIO = {"kind": "ratio", "numerator": "value", "denominator": "impressions"}
METRICS = {
    "value": Metric(),
    "active": Metric(kind="proportion"),
    "value_rate": Metric.model_validate(_RATIO),
}
ADJUSTED = {
    "value": Metric(covariate="before"),
    "value_rate": Metric.model_validate(_RATIO | {"covariate": "before"}),
}
LEVELS = {
    "value": 1 + LIFT,
    "active": SHARE_ACTIVE * (1 + LIFT),
    "value_rate": (1 + LIFT) / (1 + MORE_IMPRESSIONS),
}
"""The treatment's in truth."""
_KINDS = {"value": "mean", "active": "proportion", "value_rate": "ratio"}

Values = Callable[[np.random.Generator, Array], Array]
"""What users of given tastes do, on average their taste: any shape."""


def figures(plan: Plan) -> list[Figure]:
    chunks = plan.chunks(EXPERIMENTS, QUICK_EXPERIMENTS, CHUNK)
    found = []
    for name in DISTRIBUTIONS:
        covered: Counter[str] = Counter()
        tried: Counter[str] = Counter()
        for part in plan.map(partial(coverage, name), chunks):
            covered.update(part[0])
            tried.update(part[1])
        found += [
            Share(covered[what], tried[what]).near(f"95 % intervals of {what}: {name}", CONFIDENCE, SLACK)
            for what in tried
        ]
    return found


def coverage(distribution: str, chunk: Chunk) -> tuple[Counter[str], Counter[str]]:
    """By kind of interval, how many hold the truth, and how many there are. An adjustment is refused now and
    then, since the covariate differs between the arms."""
    rng = chunk.generator("coverage", distribution)
    values = DISTRIBUTIONS[distribution]
    control = summed(_users(rng, values, chunk.count, 0.0))
    treated = summed(_users(rng, values, chunk.count, LIFT))
    covered: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for i in range(chunk.count):
        seen = moments(COLUMNS, control.arm(CONTROL, i), treated.arm(TREATED, i))
        for what, (measured, truth) in _intervals(seen).items():
            low, high = measured.interval(CONFIDENCE)
            covered[what] += low <= truth <= high
            tried[what] += 1
    return covered, tried


def _intervals(seen: Moments) -> Mapping[str, tuple[Measured, float]]:
    """Of levels and lifts, as limits are decided on and as they are shown, each with the truth."""
    found: dict[str, tuple[Measured | Unknown | None, float]] = {}
    for adjustment, metrics in (("", METRICS), ("CUPED ", ADJUSTED)):
        known, shown = evidence(seen, metrics), estimate(seen, metrics)
        for name in metrics:
            kind = f"{adjustment}{_KINDS[name]}"
            if not adjustment:
                found[f"a {kind}"] = known.limited(TREATED, name, Limit(">=", 0.0, False)), LEVELS[name]
            found[f"a {kind}'s lift"] = known.limited(TREATED, name, Limit(">=", 0.0, True)), LIFT
            found[f"a {kind}'s lift (delta method)"] = lift(shown, TREATED, name), LIFT
    return {what: (m, truth) for what, (m, truth) in found.items() if isinstance(m, Measured)}


def _users(rng: np.random.Generator, values: Values, experiments: int, better: float) -> Array:
    """(experiments, users, COLUMNS)."""
    shape = experiments, USERS
    taste = _lognormal(rng, 0.5, shape)
    return np.stack(
        [
            values(rng, taste * (1 + better)),
            (rng.random(shape) < SHARE_ACTIVE * (1 + better)).astype(np.float64),
            1.0 + rng.poisson(MORE_IMPRESSIONS * taste),
            values(rng, taste),
        ],
        axis=-1,
    )


def _lognormal(rng: np.random.Generator, spread: float, shape: tuple[int, ...]) -> Array:
    """With a mean of 1."""
    return rng.lognormal(-(spread**2) / 2, spread, shape)


def _log_normal(rng: np.random.Generator, taste: Array) -> Array:
    return taste * _lognormal(rng, 0.8, taste.shape)


def _poisson(rng: np.random.Generator, taste: Array) -> Array:
    return rng.poisson(taste).astype(np.float64)


def _zero_inflated(rng: np.random.Generator, taste: Array) -> Array:
    """Seven of ten users do nothing, whatever their taste."""
    some = 0.3
    return np.where(rng.random(taste.shape) < some, _log_normal(rng, taste) / some, 0.0)


DISTRIBUTIONS: Mapping[str, Values] = {
    "log-normal": _log_normal,
    "Poisson": _poisson,
    "zero-inflated": _zero_inflated,
}
