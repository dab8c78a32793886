"""The chance that a surface ever ships what it must not, over twenty campaigns.

In every campaign the recommended config is exactly at the edge of what may ship: one guardrail at its margin
and a U beyond doubt, or a U of 0 and guardrails beyond doubt. The confirmations count up, so the levels add
up to less than alpha.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import CONTROL
from study.figures import Figure, Share, total
from study.rare import CALM, CRASHES, HATES_PER_IMPRESSION, KEEN, crashing, hating, watching
from study.tasks import ALPHA, CONFIRM_USERS, STAR, TREATED, confirmation, moments, task
from study.users import Normal, Population, correlated
from study.work import Chunk, Plan

SEQUENCES, QUICK_SEQUENCES, CHUNK = 5_000, 100, 50
"""Per seed and setting."""
CAMPAIGNS = 20


@dataclass(frozen=True, eq=False)
class Setting:
    """What every campaign of a surface confirms."""

    name: str
    task: Task
    columns: tuple[str, ...]
    control: Population
    treated: Population


def figures(plan: Plan) -> list[Figure]:
    chunks = plan.chunks(SEQUENCES, QUICK_SEQUENCES, CHUNK)
    shares = {s.name: total(plan.map(partial(ever_ships, s), chunks)) for s in settings()}
    shares["all of these together"] = total(shares.values())
    name = f"ever ships harm in {CAMPAIGNS} campaigns"
    return [share.at_most(f"{name}: {setting}", ALPHA) for setting, share in shares.items()]


def ever_ships(setting: Setting, chunk: Chunk) -> Share:
    """Of so many surfaces, those that ship at least once."""
    rng, shape = chunk.generator("shipping", setting.name), (chunk.count, CAMPAIGNS)
    control = setting.control.draw(rng, CONFIRM_USERS, shape)
    treated = setting.treated.draw(rng, CONFIRM_USERS, shape)
    spec = confirmation()

    def ships(surface: int, campaign: int) -> bool:
        arms = control.arm(CONTROL, surface, campaign), treated.arm(TREATED, surface, campaign)
        observation = moments(setting.columns, *arms)
        return verdict(setting.task, observation, spec=spec, confirmation=campaign + 1).decision == "ship"

    times = sum(any(ships(surface, r) for r in range(CAMPAIGNS)) for surface in range(chunk.count))
    return Share(times, chunk.count)


def settings() -> list[Setting]:
    return [
        _normal("one guardrail at its margin", {"watch": 0.2, "return": -0.015}),
        _normal(
            "one of three correlated guardrails at its margin",
            {"watch": 0.2, "return": -0.015, "likes": 0.1, "hates": -0.1},
            correlation=0.5,
        ),
        _normal("U is 0, guardrails are kept", {"watch": 0.0, "return": 0.1}),
        _normal("U of two north stars is 0", {"watch": 0.04, "sales": -0.08, "return": 0.1}, correlation=0.3),
        _rare("a proportion of 120 events at +15 %", "<= +15%"),
        _rare("a proportion of 120 events at -15 %", ">= -15%"),
        _rare_ratio("a ratio of 240 events at +15 %", "<= +15%"),
    ]


_DEVIATIONS = {"watch": 1.5, "sales": 2.0, "return": 1.0, "likes": 2.0, "hates": 3.0}
"""Of one user, in units of production's level."""
_STARS = {"watch": STAR, "sales": {"goal": "maximize", "weight": 0.5}}
_LIMITS = {"return": ">= -1.5%", "likes": ">= -3%", "hates": "<= +5%"}


def _normal(name: str, lifts: Mapping[str, float], correlation: float = 0.0) -> Setting:
    """Columns of normal users with production's level at 1."""
    covariance = correlated(np.array([_DEVIATIONS[column] for column in lifts]), correlation)
    production = np.ones(len(lifts))
    return Setting(
        name,
        task(
            {star: metric for star, metric in _STARS.items() if star in lifts},
            {column: limit for column, limit in _LIMITS.items() if column in lifts},
        ),
        tuple(lifts),
        Normal(production, covariance),
        Normal(production + np.array(list(lifts.values())), covariance),
    )


def _rare(name: str, limit: str) -> Setting:
    """A proportion of users that seldom has an event, at its limit."""
    more = 1 + parse_limit(limit).bound
    return Setting(
        name,
        task({"watch": STAR, "crash": {"kind": "proportion"}}, {"crash": limit}),
        ("watch", "crash"),
        watching(CALM, crashing(CRASHES)),
        watching(KEEN, crashing(CRASHES * more)),
    )


def _rare_ratio(name: str, limit: str) -> Setting:
    """A ratio of seldom events to impressions, at its limit."""
    more = 1 + parse_limit(limit).bound
    metric = {"kind": "ratio", "numerator": "hates", "denominator": "impressions"}
    return Setting(
        name,
        task({"watch": STAR, "hate_rate": metric}, {"hate_rate": limit}),
        ("watch", "hates", "impressions"),
        watching(CALM, hating(HATES_PER_IMPRESSION)),
        watching(KEEN, hating(HATES_PER_IMPRESSION * more)),
    )
