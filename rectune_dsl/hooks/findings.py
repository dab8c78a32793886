"""What was found: results of rounds, what they teach, what is recommended, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rectune_dsl.hooks.proposals import Config, Prediction
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
class Mechanic:
    """A learnt elasticity: `effect` on the lift of `metric` when `cause` goes up by one `unit`, with its
    90 % interval. `evidence` are the keys of the experiments behind it."""

    metric: str
    cause: str
    unit: str
    effect: float
    low: float
    high: float
    evidence: tuple[str, ...]
    statement: str


@dataclass(frozen=True)
class Insight:
    """What one round taught."""

    elite: tuple[EliteArm, ...]
    mechanics: tuple[Mechanic, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class KnowledgeRecord:
    """One thing a skill knows, with its evidence. Only `active` records may steer an agent."""

    id: str
    statement: str
    scope: str
    status: Literal["candidate", "active", "retired"]
    mechanic: Mechanic | None
    supports: tuple[str, ...]
    contradicts: tuple[str, ...]
    author: str


@dataclass(frozen=True)
class Skill:
    """What is known about a kind of task: the six slots of the paper, and records behind the prose."""

    name: str
    description: str
    context: str
    requirement: str
    north_star: str
    initial_config: str
    domain_knowledge: str
    tools: str
    initial_values: Mapping[str, float] = field(default_factory=dict)
    knowledge: tuple[KnowledgeRecord, ...] = ()


@dataclass(frozen=True)
class SkillRevision:
    """Knowledge records to add to, or to replace in, a skill."""

    skill: str
    records: tuple[KnowledgeRecord, ...]
    why: str


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
