"""Experiments: what is launched, what is observed, and what the Online agent decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rectune_dsl.hooks.proposals import Config
from rectune_dsl.hooks.serving import DAY, NO_RAMP, Ramp, Serving, Slot, ends
from rectune_dsl.hooks.support import Support

CONTROL = "control"
"""The name of production's arm, the first of every experiment."""
HOLDOUT = "holdout"
"""The name of the arm that the surface's holdout is served in a confirmation."""
USER = "user"
"""The unit of randomisation where a task names no other."""
USERS = "users"
"""The column that counts the users of a unit, where that is a group of users."""


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
    served to holdout users. Of all these only users of the `slot` take part, where there is one.
    Days are whole UTC days from `start`: those of the `ramp`, then `days` on which all users are served.

    `unit` is what is randomised; where it is a group of users, `users_per_arm` counts such groups. A user's
    value of a column in `caps` counts as the cap where it is larger, in every arm.
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
    slot: Slot | None = None
    ramp: Ramp = NO_RAMP
    unit: str = USER
    caps: Mapping[str, float] = field(default_factory=dict)

    @property
    def lasts(self) -> int:
        """Days on which it serves users, those of the ramp included; more where the ramp is late."""
        return self.ramp.lasts + self.days

    @property
    def ends(self) -> datetime:
        """When these days are over."""
        return self.start + self.lasts * DAY

    @property
    def users(self) -> int:
        """Users of all arms, but for the holdout's, who are reserved already."""
        return self.users_per_arm * sum(arm.name != HOLDOUT for arm in self.arms)

    def exposure(self, population: int) -> Exposure:
        """The users it takes out of `population`: a share of those that are not excluded.

        Exclusions are independent hashes, so the eligible share is the product of what each leaves.
        """
        eligible = population * (1 - self.holdout_share) * (self.slot.share if self.slot else 1.0)
        for used in self.fresh_of:
            eligible *= 1 - used.share
        return Exposure(self.salt, self.users / eligible)


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do. `metrics` are the metrics or columns it can measure.

    `virtual_time`: days pass as fast as they are computed (simulators, logs). `randomises`: users are
    randomised, so an SRM check makes sense. `real_traffic`: people see what is launched.
    `population`: units that can be assigned, None when unknown. `sources`: where its candidates come from.
    `units`: what it can randomise. `quantiles`: metrics or columns it can give quantiles of, as histograms or
    as estimates. `winsorises`: it applies a spec's caps, and its baseline has the histograms of whatever
    column the task winsorises. `serves`: what is delivered to it is what users get; a log serves nobody.
    """

    metrics: tuple[str, ...]
    signals: tuple[str, ...] | None
    keys: tuple[str, ...]
    virtual_time: bool
    randomises: bool
    real_traffic: bool
    population: int | None
    description: str
    sources: tuple[str, ...] = ()
    units: tuple[str, ...] = (USER,)
    quantiles: tuple[str, ...] = ()
    winsorises: bool = False
    serves: bool = True


@dataclass(frozen=True)
class Histogram:
    """How many users have which value of a column: `counts[i]` have `values[i]`, and values ascend.

    `rounding`: values were rounded by at most this part of themselves, 0 for exact ones. So a stream of users
    can be counted with few values, and the histograms of two groups of users add up to that of both.
    """

    values: tuple[float, ...]
    counts: tuple[int, ...]
    rounding: float = 0.0

    def __add__(self, other: Histogram) -> Histogram:
        total = dict(zip(self.values, self.counts, strict=True))
        for value, count in zip(other.values, other.counts, strict=True):
            total[value] = total.get(value, 0) + count
        values = tuple(sorted(total))
        rounding = max(self.rounding, other.rounding)
        return Histogram(values, tuple(total[value] for value in values), rounding)


@dataclass(frozen=True)
class ArmMoments:
    """Sufficient statistics of one arm over the columns of its `Moments`.

    `assigned`: units assigned; `n`: units that came and are counted; `sums[i]` = Σ x_i;
    `products[i][j]` = Σ x_i x_j, over units. `histograms`: columns that quantiles are wanted of -> their
    values in the `n` users.
    """

    arm: str
    assigned: int
    n: int
    sums: tuple[float, ...]
    products: tuple[tuple[float, ...], ...]
    histograms: Mapping[str, Histogram] = field(default_factory=dict)


@dataclass(frozen=True)
class Moments:
    """An observation of a randomised experiment: arms[0] is control. One row per unit was summed: per user,
    or, where the spec's unit is a group of users, per group with the sums over its users and the column
    `users`, how many of them there are.

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
    `effective_n[a][m]` gives the degrees of freedom. `missing`: metric, or `arm/metric`, -> why. `support`:
    arm, control included, -> how well logged data support it, where that is where estimates come from.
    `assigned`: users of each arm, control first, so that their ratio can be checked; empty where nobody was
    randomised, or it is not told.
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
    support: Mapping[str, Support] = field(default_factory=dict)
    assigned: tuple[int, ...] = ()


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
    """The experiment cannot be trusted (sample-ratio mismatch, or nobody came): stop it, draw nothing from
    it."""

    why: str
    kind: Literal["freeze"] = "freeze"


Action = Wait | StopArm | SetExposure | Finish | Freeze


@dataclass(frozen=True)
class ExperimentState:
    """What the Online agent may know of a running experiment. `servings` are the exposures so far, the ramp's
    first included, each from when it really began: that may be later than the look that decided it."""

    spec: ExperimentSpec
    looks: int = 0
    stopped: Mapping[str, str] = field(default_factory=dict)
    servings: tuple[Serving, ...] = ()

    @property
    def now(self) -> Serving:
        """What is served."""
        return self.servings[-1] if self.servings else Serving(self.spec.start, self.spec.ramp.first)

    def most(self, as_of: datetime) -> float:
        """The largest fraction that the ramp allows: a step up, once the present one was served its days."""
        ramp, now = self.spec.ramp, self.now
        if not ramp.steps:
            return 1.0
        is_over = as_of - self.unchanged_since >= ramp.days * DAY
        return ramp.above(now.fraction) if is_over else now.fraction

    @property
    def unchanged_since(self) -> datetime:
        """Since when users have been served what is served now."""
        return max(self.now.since, self.spec.start)

    def ends(self, as_of: datetime) -> datetime:
        """When all users will have been served for the spec's days, if what is left of the ramp goes on as
        planned from `as_of`. That is later than the spec has it where a step of the ramp was late, or was
        taken back."""
        spec, ramp = self.spec, self.spec.ramp
        if (known := ends(spec.start, ramp, self.servings, spec.days)) is not None:
            return known
        steps = sum(step > self.now.fraction for step in ramp.steps)
        next_step = max(as_of, self.unchanged_since + ramp.days * DAY)
        return next_step + (steps * ramp.days + spec.days) * DAY
