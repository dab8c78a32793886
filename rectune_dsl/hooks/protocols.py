"""What a plugin implements. Protocols are small and frozen: a new duty gets a new, optional protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, runtime_checkable

from rectune_dsl.hooks.findings import Insight, Recommendation, RoundResult
from rectune_dsl.hooks.models import LLM
from rectune_dsl.hooks.proposals import ChangeDescription, Config, Panel, Proposal, Review, Slates
from rectune_dsl.hooks.serving import NO_RAMP, Ramp, Slot
from rectune_dsl.hooks.skills import KnowledgeRecord, Skill, SkillRevision
from rectune_dsl.hooks.trials import (
    Action,
    Arm,
    Capabilities,
    ExperimentSpec,
    ExperimentState,
    Exposure,
    Observation,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rectune_dsl.dsl.model import Task


# --- backends ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class BackendContext:
    """What a backend is made from. `seed` keys all randomness of a simulated backend; the task's
    relative paths start at `folder`; `functions` are the plugins' formula functions. Large computations go
    through `executor`, or run on threads where there is none. `setbacks` counts the acts that the run
    has lost so far, to failures and kills: 0 for a new run."""

    task: Task
    seed: int
    folder: Path = Path()
    functions: Mapping[str, FormulaFunction] = field(default_factory=dict)
    executor: Executor | None = None
    setbacks: int = 0


class ABBackend(Protocol):
    """Runs A/B tests. Every call is idempotent: repeating it after a crash changes nothing.

    Raise `BackendError` with a `help` when the platform refuses or fails.
    """

    def capabilities(self) -> Capabilities: ...

    def check(self) -> Sequence[str]:
        """Problems that would stop a campaign (credentials, files, schema), each a sentence."""
        ...

    def create(self, spec: ExperimentSpec, key: str) -> str:
        """Make the experiment, or find the one made with `key` before; return its id."""
        ...

    def start(self, experiment: str) -> None:
        """Serve users on the days of the spec, and on no other: an experiment is started before its first
        day. Where the spec has a ramp its first exposure was set before, and its `days` begin when all are
        served: later than planned where an exposure was set late."""
        ...

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        """Serve to this fraction of the spec's users: every arm, or only `arm` (0 stops a harmful one).

        On real platforms that begins now. Where time is virtual it begins `at` that moment, or left out with
        the first day: after a crash exposures are set again without the looks between them.
        """
        ...

    def observe(self, experiment: str, as_of: datetime) -> Observation:
        """What is known at `as_of`, from the experiment's start."""
        ...

    def stop(self, experiment: str, outcome: str) -> None: ...

    def deliver(self, config: Config) -> None:
        """Make `config` the production config."""
        ...

    def rollback(self) -> None:
        """Undo the last `deliver`: what it replaced is production again. Done twice it undoes no more."""
        ...


@runtime_checkable
class PanelBackend(Protocol):
    """A backend that can sample logged requests."""

    def panel(self, requests: int) -> Panel: ...


@runtime_checkable
class BaselineBackend(Protocol):
    """A backend that can tell how production's metrics vary between users, so that power can be planned."""

    def baseline(self, days: int) -> Observation:
        """Per-unit moments of production (one arm, `control`) over `days` days, or, where only estimates
        exist, production against itself. With histograms of what the task takes quantiles of, or winsorises;
        what it winsorises is in the moments capped at that quantile of these users, and in the histograms as
        it is."""
        ...


@runtime_checkable
class OracleBackend(Protocol):
    """A simulated backend that knows the truth. Used to judge tuners; no agent is ever given it."""

    def oracle_config(self) -> Config:
        """The config with the largest true U among those that keep every guardrail."""
        ...

    def oracle_lifts(self, configs: Sequence[Config]) -> Mapping[str, Sequence[float]]:
        """True lift over production per metric, and true level of absolute metrics under `=NAME`."""
        ...


# --- agents ------------------------------------------------------------------------------------


class Surrogate(Protocol):
    """A belief about lifts over production, given what was measured so far."""

    @property
    def metrics(self) -> tuple[str, ...]: ...

    def predict(self, configs: Sequence[Config]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Posterior mean and standard deviation, each (configs, metrics); absolute metrics in their unit."""
        ...

    def objective(self, configs: Sequence[Config]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Posterior mean and standard deviation of U, each (configs,)."""
        ...

    def p_feasible(self, configs: Sequence[Config]) -> NDArray[np.float64]:
        """P(all guardrails hold), (configs,)."""
        ...


@runtime_checkable
class JointSurrogate(Protocol):
    """A surrogate that knows how its errors at different configs go together. Batches are chosen by
    it; one that cannot is taken as independent between configs."""

    def objective_draws(
        self, configs: Sequence[Config], rng: np.random.Generator, count: int
    ) -> NDArray[np.float64]:
        """Joint posterior draws of U, (count, configs)."""
        ...


class WhatIf(Protocol):
    """What any config would show on the panel, at no traffic cost. See funnel/whatif.py."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the slate features φ."""
        ...

    @property
    def production(self) -> NDArray[np.float64]:
        """φ of production, (features,)."""
        ...

    @property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviation of each feature over configs of the whole space, (features,)."""
        ...

    def features(self, configs: Sequence[Config]) -> NDArray[np.float64]:
        """φ, (configs, features)."""
        ...

    def overlaps(self, configs: Sequence[Config]) -> NDArray[np.float64]:
        """Share of the items shown that production shows too, (configs,)."""
        ...

    def slate_keys(self, configs: Sequence[Config]) -> tuple[bytes, ...]:
        """Equal where all slates are equal, order included."""
        ...

    def slates(self, config: Config) -> Slates: ...


@dataclass(frozen=True)
class Budget:
    """What is left to spend, this round included."""

    rounds: int
    arms: int
    users_per_arm: int
    days: int


@dataclass(frozen=True)
class AgentContext:
    """All an agent may know. `rng` is keyed by run seed and step: use it for every random choice. The task's
    `simulator` is blank: whoever is judged by a simulated world is not told which one it is.

    `skill` is the task's own, as it was when the run began; `borrowed` are the few others that know most of
    the same product; `knowledge` are the active records of all of them that hold for this task. In a round
    that runs without skills, so that their worth stays measured, all of these are empty.

    `confirmation` is the number r that the surface's next confirmation will have; `holdout_users` are the
    users it is also compared with, None where control is that comparison. `whatif` replays configs on the
    panel, where there is one; `doubts` are reasons, in words, not to trust what the panel predicts. `llm` is
    the model that the step's agent may ask, where its task names one: each call is counted, within the caps.
    """

    task: Task
    round: int
    history: tuple[RoundResult, ...]
    panel: Panel | None
    surrogate: Surrogate
    knowledge: tuple[KnowledgeRecord, ...]
    skill: Skill | None
    budget: Budget
    rng: np.random.Generator
    confirmation: int = 1
    holdout_users: float | None = None
    whatif: WhatIf | None = None
    doubts: tuple[str, ...] = ()
    llm: LLM | None = None
    borrowed: tuple[Skill, ...] = ()
    functions: Mapping[str, FormulaFunction] = field(default_factory=dict)


class Actor(Protocol):
    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        """More proposals than arms, so that the Critic has a choice; each inside bounds and constraints."""
        ...

    def recommend(self, context: AgentContext) -> Recommendation: ...


class Critic(Protocol):
    def review(self, context: AgentContext, proposals: Sequence[Proposal]) -> Sequence[Review]:
        """One review per proposal, at most `budget.arms` of them taken."""
        ...


@dataclass(frozen=True)
class Launch:
    """What the Online agent turns into an experiment; the workflow fixes key, salt, start and caps, the task
    slot and ramp."""

    key: str
    salt: str
    start: datetime
    arms: tuple[Arm, ...]
    purpose: str
    fresh_of: tuple[Exposure, ...]
    slot: Slot | None = None
    ramp: Ramp = NO_RAMP
    caps: Mapping[str, float] = field(default_factory=dict)


class OnlineAgent(Protocol):
    """A pure step function: the workflow acts on what it decides."""

    def design(self, context: AgentContext, launch: Launch) -> ExperimentSpec: ...

    def step(
        self, context: AgentContext, state: ExperimentState, observation: Observation
    ) -> Sequence[Action]: ...


AskedFor = Literal["launch", "confirm", "ship"]
"""What people are asked for: a round's test, the confirmation, or delivery to everybody."""


@runtime_checkable
class Describer(Protocol):
    """An Online agent that says in words what people are asked to approve."""

    def describe(
        self, context: AgentContext, asked_for: AskedFor, proposals: Sequence[Proposal]
    ) -> ChangeDescription:
        """The arms that are asked about, each as the proposal that it was made of. What is recommended is the
        proposal `recommended`."""
        ...


class InsightAgent(Protocol):
    def learn(self, context: AgentContext) -> Insight: ...


class SkillAgent(Protocol):
    def evolve(self, context: AgentContext, insight: Insight) -> Sequence[SkillRevision]: ...


# --- functions, executors --------------------------------------------------------------


@dataclass(frozen=True)
class FormulaFunction:
    """A function formulas may call. `evaluate` takes and returns float arrays of one shape, elementwise.

    What it declares of itself is what proofs about scores rest on: for finite arguments every value lies in
    `range`; in each argument it is `monotone`, whatever the others are (None: it may not be). Monotone in all
    of them, it needs no range: its values at the arguments' ends bound it.
    """

    name: str
    arguments: int
    evaluate: Callable[..., NDArray[np.float64]]
    about: str
    range: tuple[float, float] | None = None
    monotone: tuple[Literal["nondecreasing", "nonincreasing"] | None, ...] = ()


Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Executor(Protocol):
    """Maps shards to results, here or on many machines.

    `work`, shards and results can be pickled. `work` is a pure function that may be large and is the same for
    all shards of a call: send it to a worker once. A shard may be worked on again when a worker is lost.
    """

    def map(self, work: Callable[[Shard], Result], shards: Sequence[Shard]) -> Sequence[Result]:
        """One result per shard, in the shards' order, whatever ran them and in which order.

        What `work` raises is raised here. Raises BackendError when workers fail again and again.
        """
        ...
