"""What agents and backends exchange: frozen records, in the order in which a round makes them.

Every record but `Panel` and `Slates` is written to the journal as JSON, so it holds plain numbers,
strings, tuples and mappings only. Times are UTC. A lift is a fraction: 0.01 is +1 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Config:
    """One value per param, in the task's order. A stage's tunable `keep` is the param `<stage>.keep`."""

    values: Mapping[str, float]

    def __getitem__(self, param: str) -> float:
        return self.values[param]


# --- what a config does to slates -------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Panel:
    """A sample of logged requests with their candidates' signals, without outcomes.

    `signals[stage][name]` is float32 (requests, candidates) for predictions and items and
    (requests,) for user and request signals. `keys[name]` is an integer array (requests, candidates),
    the values a diversity rule counts. `items` (requests, candidates) are item ids. `valid`
    (requests, candidates) is False where a request has fewer candidates than the widest one.
    """

    signals: Mapping[str, Mapping[str, NDArray[np.float32]]]
    keys: Mapping[str, NDArray[np.int32]]
    items: NDArray[np.int64]
    valid: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Slates:
    """What was shown: `candidates` (requests, slate) indexes the panel's candidates, best first, -1
    where a slate is short; `scores` (requests, slate) are the last stage's scores, before any penalty."""

    candidates: NDArray[np.int32]
    scores: NDArray[np.float32]


# --- what is proposed --------------------------------------------------------------------------


@dataclass(frozen=True)
class Prediction:
    """An expected lift over production, registered before the outcome is known, with its 90 % interval."""

    metric: str
    lift: float
    low: float
    high: float


@dataclass(frozen=True)
class Hypothesis:
    """Why a config should help, in a sentence, and what it should do to which metric."""

    statement: str
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class Proposal:
    """A config with its hypothesis. `name` is unique in the run, such as `r2p1`."""

    name: str
    config: Config
    hypothesis: Hypothesis
    author: str


@dataclass(frozen=True)
class Check:
    """One question the Critic asked of a proposal, and the answer in words."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Review:
    """The Critic's judgement of one proposal."""

    proposal: str
    taken: bool
    checks: tuple[Check, ...]
    justification: str


CONTROL = "control"
"""The name of production's arm, the first of every experiment."""
HOLDOUT = "holdout"
"""The name of the arm that the surface's holdout is served in a confirmation."""


# --- what is tested ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Arm:
    """A config under test. The first arm of an experiment is `control`."""

    name: str
    config: Config


@dataclass(frozen=True)
class Exposure:
    """Users an experiment has used: those whose hash under `salt` lies below `share`."""

    salt: str
    share: float


@dataclass(frozen=True)
class ExperimentSpec:
    """One A/B test. `key` makes launching idempotent: the same key is the same experiment.

    `arms[0]` is control. Users are assigned by a hash with `salt`; users of `fresh_of` and the
    surface's holdout (`holdout_share`) take no part. The arm named `holdout`, if there is one, is
    served to holdout users. Days are whole UTC days from `start`.
    """

    key: str
    purpose: Literal["explore", "confirm"]
    surface: str
    arms: tuple[Arm, ...]
    users_per_arm: int
    days: int
    start: datetime
    salt: str
    fresh_of: tuple[Exposure, ...] = ()
    holdout_share: float = 0.0

    def exposure(self, population: int) -> Exposure:
        """The users it takes out of `population`: a share of those that are not excluded.

        Exclusions are independent hashes, so the eligible share is the product of what each leaves.
        """
        eligible = population * (1 - self.holdout_share)
        for used in self.fresh_of:
            eligible *= 1 - used.share
        served = sum(arm.name != HOLDOUT for arm in self.arms)
        return Exposure(self.salt, self.users_per_arm * served / eligible)


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do. `metrics` are the metrics or columns it can measure.

    `virtual_time`: days pass as fast as they are computed (simulators, logs). `randomises`: users are
    randomised, so an SRM check makes sense. `real_traffic`: people see what is launched.
    `population`: users that can be assigned, None when unknown.
    """

    metrics: tuple[str, ...]
    signals: tuple[str, ...] | None
    keys: tuple[str, ...]
    virtual_time: bool
    randomises: bool
    real_traffic: bool
    population: int | None
    description: str


@dataclass(frozen=True)
class ArmMoments:
    """Sufficient statistics of one arm over the columns of its `Moments`.

    `assigned`: users assigned; `n`: users who came and are counted; `sums[i]` = Σ x_i;
    `products[i][j]` = Σ x_i x_j, over users.
    """

    arm: str
    assigned: int
    n: int
    sums: tuple[float, ...]
    products: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Moments:
    """An observation of a randomised experiment: arms[0] is control. One row per user was summed.

    `complete_until[column]`: all events of the column before that time are counted. A column that is
    not in it is complete until `as_of`. `missing`: metric or column -> why it could not be measured.
    """

    as_of: datetime
    columns: tuple[str, ...]
    arms: tuple[ArmMoments, ...]
    complete_until: Mapping[str, datetime] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["moments"] = "moments"


@dataclass(frozen=True)
class Estimates:
    """Lifts of arms against control with their joint covariance, where users' sums are not to be had.

    Axes: `arms` (without control) by `metrics`. `lift[a][m]` is None where missing.
    `covariance` is (arms * metrics) square, row-major by arm, zero where missing.
    `level`, `level_se` are absolute values, with control's row first: (1 + arms, metrics).
    `effective_n[a][m]` gives the degrees of freedom. `missing`: metric, or `arm/metric`, -> why.
    """

    as_of: datetime
    arms: tuple[str, ...]
    metrics: tuple[str, ...]
    lift: tuple[tuple[float | None, ...], ...]
    covariance: tuple[tuple[float, ...], ...]
    level: tuple[tuple[float | None, ...], ...]
    level_se: tuple[tuple[float, ...], ...]
    effective_n: tuple[tuple[float, ...], ...]
    complete_until: Mapping[str, datetime] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["estimates"] = "estimates"


Observation = Moments | Estimates


@dataclass(frozen=True)
class Wait:
    """Look again at `until`."""

    until: datetime
    why: str
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True)
class StopArm:
    """Take one arm's traffic away: its harm is shown."""

    arm: str
    why: str
    kind: Literal["stop_arm"] = "stop_arm"


@dataclass(frozen=True)
class SetExposure:
    """Serve the arms to this fraction of the users the spec allows."""

    fraction: float
    why: str
    kind: Literal["set_exposure"] = "set_exposure"


@dataclass(frozen=True)
class Finish:
    """The experiment has said what it can say."""

    why: str
    kind: Literal["finish"] = "finish"


@dataclass(frozen=True)
class Freeze:
    """The experiment cannot be trusted (sample-ratio mismatch): stop it, draw nothing from it."""

    why: str
    kind: Literal["freeze"] = "freeze"


Action = Wait | StopArm | SetExposure | Finish | Freeze


@dataclass(frozen=True)
class ExperimentState:
    """What the Online agent may know of a running experiment."""

    spec: ExperimentSpec
    looks: int = 0
    stopped: Mapping[str, str] = field(default_factory=dict)


# --- what was found ----------------------------------------------------------------------------


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
