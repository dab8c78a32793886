"""Confirmations to plan: production's users, the treatment's, and what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rectune_dsl.dsl.model import Task
from study.rare import CALM, CRASHES, HATES_PER_IMPRESSION, crashing, hating, watching
from study.tasks import STAR, task
from study.users import Normal, Population, correlated

GAIN = 0.03
"""Of the north star, in truth."""
KEEN = CALM + GAIN
"""A share s makes a mean of 1 + 2 s minutes: 2 under production, and a lift of GAIN with this one."""


@dataclass(frozen=True, eq=False)
class Planned:
    """One confirmation. `lifts` are the treatment's in truth; `holdout` is its size in parts of an arm's."""

    name: str
    task: Task
    columns: tuple[str, ...]
    production: Population
    treated: Population
    lifts: Mapping[str, float]
    confirmation: int = 1
    holdout: float = 0.0

    def holdout_users(self, users_per_arm: int) -> int:
        return round(self.holdout * users_per_arm)


def shipping() -> list[Planned]:
    """Their guardrails have to be shown to be kept, too."""
    watch, back = {"watch": STAR}, {"return": ">= -1.5%"}
    adjusted = {"watch": {**STAR, "covariate": "before"}}
    gain = {"watch": GAIN}
    many = {"return": ">= -1.5%", "likes": ">= -3%", "latency": "<= 111"}
    crash = {"kind": "proportion"}
    hate_rate = {"kind": "ratio", "numerator": "hates", "denominator": "impressions"}
    return [
        _normal("one guardrail", task(watch, back), ("watch", "return"), gain),
        _normal(
            "three guardrails",
            task(watch, many),
            ("watch", "return", "likes", "latency"),
            gain,
            correlation=0.3,
        ),
        _normal("CUPED", task(adjusted, back), ("watch", "return", "before"), gain, correlation=0.6),
        _normal("with a holdout", task(watch, back), ("watch", "return"), gain, holdout=0.5),
        _normal("the fifth confirmation", task(watch, back), ("watch", "return"), gain, confirmation=5),
        _normal("two north stars", task(_STARS, back), ("watch", "sales", "return"), _BOTH, correlation=0.3),
        Planned(
            "a rare proportion",
            task({**watch, "crash": crash}, {"crash": "<= +25%"}),
            ("watch", "crash"),
            watching(CALM, crashing(CRASHES)),
            watching(KEEN, crashing(CRASHES)),
            gain,
        ),
        Planned(
            "the level of a rare proportion",
            task({**watch, "crash": crash}, {"crash": "<= 0.0012"}),
            ("watch", "crash"),
            watching(CALM, crashing(CRASHES)),
            watching(KEEN, crashing(CRASHES)),
            gain,
        ),
        Planned(
            "a rare ratio",
            task({**watch, "hate_rate": hate_rate}, {"hate_rate": "<= +25%"}),
            ("watch", "hates", "impressions"),
            watching(CALM, hating(HATES_PER_IMPRESSION)),
            watching(KEEN, hating(HATES_PER_IMPRESSION)),
            gain,
        ),
    ]


def detecting() -> list[Callable[[float], Planned]]:
    """Without guardrails, so that to ship is to show U; by how large U is."""
    return [_mean, _adjusted, _adjusted_ratio, _two_stars]


def _mean(u: float) -> Planned:
    return _normal("a mean", task({"watch": STAR}, {}), ("watch",), {"watch": u})


def _adjusted(u: float) -> Planned:
    star = {**STAR, "covariate": "before"}
    return _normal("CUPED", task({"watch": star}, {}), ("watch", "before"), {"watch": u}, correlation=0.6)


def _adjusted_ratio(u: float) -> Planned:
    star = {**STAR, "kind": "ratio", "numerator": "watch", "denominator": "visits", "covariate": "before"}
    columns = ("watch", "visits", "before")
    return _normal("CUPED ratio", task({"pace": star}, {}), columns, {"watch": u, "pace": u}, correlation=0.6)


def _two_stars(u: float) -> Planned:
    lift = u / (1 + _HALF)
    lifts = {"watch": lift, "sales": lift}
    return _normal("two north stars", task(_STARS, {}), ("watch", "sales"), lifts, correlation=0.3)


_HALF = 0.5
_STARS = {"watch": STAR, "sales": {**STAR, "weight": _HALF}}
_BOTH = {"watch": GAIN, "sales": GAIN}
_USERS = {
    "watch": (1.0, 1.5),
    "sales": (1.0, 2.0),
    "return": (1.0, 1.0),
    "likes": (1.0, 2.0),
    "latency": (110.0, 60.0),
    "visits": (1.0, 0.5),
    "before": (1.0, 1.5),
}
"""By column, the mean and standard deviation over users."""


def _normal(
    name: str,
    judged_by: Task,
    columns: tuple[str, ...],
    lifts: Mapping[str, float],
    *,
    correlation: float = 0.0,
    confirmation: int = 1,
    holdout: float = 0.0,
) -> Planned:
    means, deviations = np.array([_USERS[column] for column in columns]).T
    covariance = correlated(deviations, correlation)
    better = means * np.array([1 + lifts.get(column, 0.0) for column in columns])
    production, treated = Normal(means, covariance), Normal(better, covariance)
    return Planned(name, judged_by, columns, production, treated, lifts, confirmation, holdout)
