"""What was found: results of rounds, what they teach, what is recommended, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rectune_dsl.hooks.proposals import Config, Prediction
from rectune_dsl.hooks.skills import Mechanic, Response
from rectune_dsl.hooks.trials import Arm, Estimates


@dataclass(frozen=True)
class RoundResult:
    """A finished round: what its arms were and what they did. `frozen` says why nothing may be learnt."""

    round: int
    key: str
    arms: tuple[Arm, ...]
    estimates: Estimates
    stopped: Mapping[str, str] = field(default_factory=dict)
    frozen: str = ""


@dataclass(frozen=True)
class EliteArm:
    """An arm worth remembering: on the Pareto front of the metrics, or far from the others on it."""

    arm: str
    config: Config
    lifts: Mapping[str, float]


@dataclass(frozen=True)
class Insight:
    """What the rounds so far have taught. `responses` are of this campaign alone, in the form in which others
    may be told of them."""

    elite: tuple[EliteArm, ...]
    mechanics: tuple[Mechanic, ...]
    notes: tuple[str, ...]
    responses: tuple[Response, ...] = ()


@dataclass(frozen=True)
class Recommendation:
    """The config to confirm, chosen by the posterior. `is_production`: nothing better can be stood for."""

    config: Config
    is_production: bool
    predictions: tuple[Prediction, ...]
    objective: Prediction
    p_feasible: float
    chance_to_ship: float
    why: str


@dataclass(frozen=True)
class Bound:
    """One test of a verdict: the one-sided bound of `metric` against `limit` at level `alpha`."""

    metric: str
    estimate: float | None
    bound: float | None
    limit: float
    direction: Literal[">=", "<="]
    relative: bool
    shown: bool
    refuted: bool
    detail: str


@dataclass(frozen=True)
class Verdict:
    """What the confirmation allows. `confirmation` is r, the surface's count; `alpha` its level."""

    decision: Literal["ship", "hold", "keep production"]
    reasons: tuple[str, ...]
    bounds: tuple[Bound, ...]
    confirmation: int
    alpha: float
