"""What an agent implements, and what it is told. Protocols are small and frozen: a new duty gets a new,
optional protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from rectune_dsl.hooks.compute import FormulaFunction
from rectune_dsl.hooks.findings import Insight, Recommendation, RoundResult
from rectune_dsl.hooks.models import LLM
from rectune_dsl.hooks.proposals import ChangeDescription, Config, Panel, Proposal, Review, Slates
from rectune_dsl.hooks.serving import NO_RAMP, Ramp, Slot
from rectune_dsl.hooks.skills import KnowledgeRecord, Skill, SkillRevision
from rectune_dsl.hooks.trials import Action, Arm, ExperimentSpec, ExperimentState, Exposure, Observation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rectune_dsl.dsl.model import Task


class Surrogate(Protocol):
    """A belief about lifts over production, given what was measured so far."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it predicts, in the order of its columns."""
        ...

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

    def slates(self, config: Config) -> Slates:
        """What the config shows for each request of the panel."""
        ...


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

    def recommend(self, context: AgentContext) -> Recommendation:
        """The config to confirm, chosen by the posterior; production where nothing is better."""
        ...


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

    def design(self, context: AgentContext, launch: Launch) -> ExperimentSpec:
        """The experiment that is made of what the launch fixes."""
        ...

    def step(
        self, context: AgentContext, state: ExperimentState, observation: Observation
    ) -> Sequence[Action]:
        """What to do after a look: wait, serve more, stop an arm, finish or freeze."""
        ...


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
    def learn(self, context: AgentContext) -> Insight:
        """What the rounds so far teach: the elite set, mechanics, notes for people."""
        ...


class SkillAgent(Protocol):
    def evolve(self, context: AgentContext, insight: Insight) -> Sequence[SkillRevision]:
        """What skills should know from now on. What of it becomes active is decided by the evidence gate."""
        ...
