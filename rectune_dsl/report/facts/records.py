"""The records that reports are made of. `rectune report --format json` prints them.

A lift is a fraction: 0.01 is +1 %. Intervals are 90 % ones, so that each end is a one-sided bound at 5 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rectune_dsl.hooks.api import Bound, Check, Mechanic, Prediction, Support
from rectune_dsl.report.costs import Cost

Standing = Literal["", "kept", "open", "broken"]
"""Of a guardrail: its whole interval keeps the limit, only the estimate does, or not even that. Empty where
there is no guardrail, or nothing was measured."""


@dataclass(frozen=True)
class Span:
    """An estimate with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measure:
    """What an arm did to a metric: a lift over control or, where a guardrail is absolute, a level
    (`is_level`). `span` is None where it is missing; `limit` and `direction` are the guardrail's, where
    there is one. `holm_p` is two-sided, of a lift of 0, Holm-adjusted over the experiment: it
    decides nothing."""

    metric: str
    span: Span | None
    is_level: bool = False
    limit: float | None = None
    direction: Literal["", ">=", "<="] = ""
    standing: Standing = ""
    holm_p: float | None = None


@dataclass(frozen=True)
class ArmFacts:
    """A treatment that was tested. `units` are the config's values as shares of their ranges.

    `objective` is U; `p_safe` the probability that all guardrails hold, by this arm's own estimates, each
    with a flat prior and independently of the others: None where one was not measured. `stopped` is why it
    lost its traffic, and `is_elite` whether Insight keeps it as an example.
    """

    name: str
    round: int
    config: Mapping[str, float]
    units: Mapping[str, float]
    objective: Span | None
    p_safe: float | None
    measures: tuple[Measure, ...]
    stopped: str = ""
    is_elite: bool = False


@dataclass(frozen=True)
class ProposalFacts:
    """A proposal with the Critic's words. `changes` is in words; `taken` is None before the review."""

    name: str
    author: str
    is_hedge: bool
    changes: str
    hypothesis: str
    shows: str
    predictions: tuple[Prediction, ...]
    taken: bool | None
    critic: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class AnswerFacts:
    """What a person said to a question of the run."""

    granted: bool
    by: str
    why: str


@dataclass(frozen=True)
class RoundFacts:
    """One round, as far as it got. `state` is in words; `best` is the highest U measured so far, and
    `safe_gain` the highest among arms that are safe enough, 0 (production) where none is: both with the names
    of their arms. `control` has the levels of control's metrics. `told` is what its agents knew of skills,
    `turnout` what is to be said of who came: far fewer or far more units than planned; `idle` why there was
    nothing to test."""

    round: int
    state: str
    told: str
    proposals: tuple[ProposalFacts, ...]
    answer: AnswerFacts | None
    users: int
    days: int
    best: Span | None
    best_arm: str
    safe_gain: Span
    safe_arm: str
    control: Mapping[str, float]
    notes: tuple[str, ...]
    frozen: str = ""
    turnout: str = ""
    support: Mapping[str, Support] | None = None
    idle: str = ""


@dataclass(frozen=True)
class ForecastFacts:
    """A prediction that was registered before an experiment, and what it measured. `came_true` is whether the
    two differ by less than chance allows in nine cases of ten: by the doubt of both."""

    round: int
    arm: str
    metric: str
    expected: Span
    measured: Span
    came_true: bool


@dataclass(frozen=True)
class ParamFacts:
    """A param. Units are the share of its range, on its scale: 0 at `low`, 1 at `high`."""

    name: str
    about: str
    low: float
    high: float
    scale: str
    production: float
    production_unit: float
    recommended: float | None
    recommended_unit: float | None


@dataclass(frozen=True)
class FeatureFacts:
    """A slate feature before and after: means over the panel's requests. `change` is relative to production,
    None where production has none of it."""

    name: str
    words: str
    before: float
    after: float
    change: float | None


@dataclass(frozen=True)
class SlateFacts:
    """What a config changes in real slates: `of` names it. `overlap` is the mean share of the first `places`
    items that production shows too, `unchanged` the share of requests with the same items there, in whatever
    order, and `overlaps` how many requests keep 0, 1, ... of them."""

    of: str
    requests: int
    places: int
    overlap: float
    unchanged: float
    overlaps: tuple[int, ...]
    features: tuple[FeatureFacts, ...]


@dataclass(frozen=True)
class RecordFacts:
    """Something that a skill was told to keep. `line` has what it says with its evidence."""

    id: str
    skill: str
    round: int
    status: str
    line: str
    why: str
    supports: int
    contradicts: int


@dataclass(frozen=True)
class BetFacts:
    """A registered prediction of a knowledge record that an experiment has scored: the lift expected with the
    record, without it, and what came. `gained` is the logarithm of what a bet on the record has made of 1."""

    round: int
    skill: str
    record: str
    arm: str
    metric: str
    expected: float
    otherwise: float
    measured: float
    error: float
    gained: float


@dataclass(frozen=True)
class AbortFacts:
    """Who ended the run, when and why; `verdict` is what had been decided by then, `shipped_at` when that was
    delivered, `done` whether the abort is finished, and `taken_back` or `kept` what became of it."""

    by: str
    at: str
    why: str
    verdict: str
    shipped_at: str
    done: bool
    taken_back: bool
    kept: str


@dataclass(frozen=True)
class EndFacts:
    """How the run ended, or where it stands: the verdict with its reasons and bounds; what to do next.
    `objective` is U in the confirmation; `assumed` what of `p_feasible` no round had measured, in words;
    `answer` what people said to shipping, `confirm_answer` to the confirmation; `shipped` what became of a
    config that may ship, else empty."""

    state: str
    decision: str
    reasons: tuple[str, ...]
    next: tuple[str, ...]
    bounds: tuple[Bound, ...]
    confirmation: int | None
    alpha: float | None
    is_production: bool | None
    why: str
    expected: tuple[Prediction, ...]
    p_feasible: float | None
    assumed: str
    chance_to_ship: float | None
    objective: Span | None
    measures: tuple[Measure, ...]
    confirmed_users: int
    answer: AnswerFacts | None
    confirm_answer: AnswerFacts | None
    shipped: str
    delivered: bool
    turnout: str
    support: Mapping[str, Support] | None
    abort: AbortFacts | None


@dataclass(frozen=True)
class Provenance:
    """All that the run was started with, and the command that starts it again. `plugins` are the versions of
    the distributions that it needed, by their names. `is_changed`: the task's files are not what they were
    then, or are gone."""

    rectune: str
    started: str
    task_path: str
    task_text: str
    bases: Mapping[str, str]
    seed: int
    backend: str
    agents: Mapping[str, str]
    plugin_files: tuple[str, ...]
    plugins: Mapping[str, str]
    skill: str
    skill_revision: str
    command: str
    is_changed: bool


@dataclass(frozen=True)
class Facts:
    """One run. Arms are safe from a probability `floor` on to keep all guardrails; U is the sum of lifts
    times `weights`. `no_slates` says why `slates` is None; `worth` is what skills were worth, where that was
    measured; `until` is the last moment that was looked at."""

    run: str
    task: str
    surface: str
    about: str
    end: EndFacts
    floor: float
    weights: Mapping[str, float]
    arms: tuple[ArmFacts, ...]
    rounds: tuple[RoundFacts, ...]
    params: tuple[ParamFacts, ...]
    mechanics: tuple[Mechanic, ...]
    slates: SlateFacts | None
    no_slates: str
    forecasts: tuple[ForecastFacts, ...]
    records: tuple[RecordFacts, ...]
    bets: tuple[BetFacts, ...]
    worth: str
    costs: tuple[Cost, ...]
    users: int
    experiments: int
    days: int
    until: str
    provenance: Provenance
