"""What the Skillhub keeps: knowledge records with their evidence, skills, and revisions of skills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["candidate", "active", "retired"]


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
class Scope:
    """Where a record holds. `product` is a surface, `regime` the state of the models as a task calls it; what
    is empty is not limited."""

    stage: str = ""
    product: str = ""
    regime: str = ""


@dataclass(frozen=True)
class Response:
    """How a metric responds to all slate features at once: elasticities, lift per relative change of a
    feature, (causes,), and their covariance, rows of (causes, causes). `size` is how much a config from
    anywhere in a task's bounds moves the metric, as the standard deviation of its lift. With causes it is
    what they were estimated beside; without any, it is what is known."""

    metric: str
    causes: tuple[str, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    size: float


@dataclass(frozen=True)
class TightBounds:
    """Where configs are worth a test: `param` between `low` and `high`, inside the task's own bounds.

    The share `outside` of the proposals goes on looking elsewhere."""

    param: str
    low: float
    high: float
    outside: float = 0.2


@dataclass(frozen=True)
class Forecast:
    """A prediction that is registered before an experiment begins: the lifts of `metric` in `arms`, with a
    record and without it, as jointly normal. Means are (arms,), covariances rows of (arms, arms)."""

    record: str
    metric: str
    arms: tuple[str, ...]
    expected: tuple[float, ...]
    doubt: tuple[tuple[float, ...], ...]
    otherwise: tuple[float, ...]
    other_doubt: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Scored:
    """A registered prediction of one experiment that has come true, or has not.

    Of the arm that should tell most: the lift expected with the record and without it, and what was
    measured, with its standard error. `gained` and `lost` are what bets for and against the record, one per
    arm and metric, have made of one unit of wealth, as logarithms.
    """

    experiment: str
    arm: str
    metric: str
    expected: float
    otherwise: float
    measured: float
    error: float
    gained: float
    lost: float


@dataclass(frozen=True)
class KnowledgeRecord:
    """One thing a skill knows, with its evidence. Only `active` records may steer an agent.

    What it knows is a `mechanic`, the `responses` of several metrics, or `bounds`; a record with none of
    them is words. `scored` are its newest registered predictions; `gained` and `lost` hold those that were
    left out of that list. `helpful` and `harmful` count experiments. `why` says what gave it its status;
    times are UTC dates.
    """

    id: str
    statement: str
    scope: Scope
    status: Status
    mechanic: Mechanic | None
    supports: tuple[str, ...]
    contradicts: tuple[str, ...]
    author: str
    responses: tuple[Response, ...] = ()
    bounds: TightBounds | None = None
    scored: tuple[Scored, ...] = ()
    gained: float = 0.0
    lost: float = 0.0
    helpful: int = 0
    harmful: int = 0
    created: str = ""
    changed: str = ""
    why: str = ""


@dataclass(frozen=True)
class Skill:
    """What is known about a kind of task: the six slots of the paper, and records behind the prose.

    `revision` is the hash of its content; `trusted` is False for one that was imported and that nobody has
    activated yet: none of its records steers an agent.
    """

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
    revision: str = ""
    trusted: bool = True


@dataclass(frozen=True)
class NovelSkill:
    """A skill for a situation that none covers: its description and its slots."""

    description: str
    context: str
    requirement: str
    north_star: str
    initial_config: str
    domain_knowledge: str
    tools: str


@dataclass(frozen=True)
class SkillRevision:
    """Edits of a skill: `records` are added, or take the place of those with their ids; `merged` are ids that
    went into another one, `retired` ids with the reason. `novel` makes the skill, where there is none.

    No edit makes a record active: evidence does.
    """

    skill: str
    records: tuple[KnowledgeRecord, ...]
    why: str
    merged: Mapping[str, str] = field(default_factory=dict)
    retired: Mapping[str, str] = field(default_factory=dict)
    novel: NovelSkill | None = None
