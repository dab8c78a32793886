"""rectune's own agents, driven as its workflow drives them: propose, review, test what was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import (
    Actor,
    AgentContext,
    Budget,
    Config,
    Critic,
    KnowledgeRecord,
    Panel,
    RoundResult,
    Skill,
)
from rectune_dsl.surrogate import params, slates
from rectune_dsl.surrogate.told import told_by
from rectune_dsl.workflow.context import REPLAYED_REQUESTS, surprises
from tuning.campaign import ROUNDS
from tuning.tuner import Setup


@dataclass(frozen=True)
class Agents:
    """`actor` and `critic` are `module:class` names, imported when used; `first_actor` proposes round 1, if
    it is another. `fit` learns from finished rounds and replayed configs; without one, or without a panel,
    the surrogate over params does. `floor` is False to launch what is likely to violate."""

    actor: str
    critic: str = "rectune_dsl.agents.critic_numeric:NumericCritic"
    fit: str | None = None
    sees_panel: bool = True
    first_actor: str | None = None
    floor: bool = True


_NO_FLOOR = 1.0 - 1e-9
"""A risk that lets everything pass, and whose logarithm exists."""


class OwnTuner:
    def __init__(self, setup: Setup, agents: Agents) -> None:
        self._agents = agents
        self._task = setup.task
        if not agents.floor:
            risk = setup.task.experiment.model_copy(update={"risk": _NO_FLOOR})
            self._task = setup.task.model_copy(update={"experiment": risk})
        self._setup = setup
        self._panel = setup.panel if agents.sees_panel else None
        self._whatif = None if agents.fit is None or self._panel is None else self._replay(self._panel)
        self._history: tuple[RoundResult, ...] = ()
        self._rounds = 0
        self._critic: Critic = _made(agents.critic)
        self._fitted: slates.SlateSurrogate | None = None

    @property
    def _skill(self) -> Skill | None:
        return None

    @property
    def _knowledge(self) -> tuple[KnowledgeRecord, ...]:
        """Active records of earlier campaigns."""
        return ()

    def propose(self, number: int, arms: int) -> Sequence[Config]:
        first = number == 1 and self._agents.first_actor
        actor: Actor = _made(first or self._agents.actor)
        proposals = actor.propose(self._context(number, "propose", arms))
        reviews = self._critic.review(self._context(number, "review", arms), proposals)
        self._rounds = number
        taken = {review.proposal for review in reviews if review.taken}
        return [proposal.config for proposal in proposals if proposal.name in taken]

    def observe(self, result: RoundResult) -> None:
        self._history = (*self._history, result)
        self._fitted = None

    def meet(self, panel: Panel) -> None:
        """See this panel from now on."""
        self._panel, self._fitted = panel, None
        self._whatif = self._replay(panel)

    def recommend(self) -> Config:
        actor: Actor = _made(self._agents.actor)
        context = self._context(self._rounds + 1, "recommend", self._setup.task.experiment.arms)
        return actor.recommend(context).config

    def _context(self, number: int, act: str, arms: int) -> AgentContext:
        planned = self._task.experiment
        surrogate = self._surrogate()
        return AgentContext(
            task=self._task,
            round=number,
            history=self._history,
            panel=self._panel,
            surrogate=surrogate,
            knowledge=self._knowledge,
            skill=self._skill,
            budget=Budget(max(ROUNDS + 1 - number, 0), arms, planned.users_per_arm, planned.days),
            rng=self._setup.generator(number, act),
            whatif=self._whatif,
            doubts=() if self._whatif is None else surprises(surrogate),
        )

    def _surrogate(self) -> slates.SlateSurrogate:
        if self._fitted is None:
            fit = self._agents.fit
            if fit is None or self._whatif is None:
                self._fitted = params.fit(self._task, self._history)
            elif self._knowledge:  # slates are modelled with them
                told = told_by(self._knowledge, self._whatif.names)
                self._fitted = slates.fit_cautiously(self._task, self._history, self._whatif, told)
            else:
                self._fitted = named(fit)(self._task, self._history, self._whatif)
        return self._fitted

    def _replay(self, panel: Panel) -> WhatIf:
        return WhatIf(self._task, panel, requests=REPLAYED_REQUESTS, threads=1)


def named(name: str) -> Any:
    """What a `module:attribute` stands for, imported now."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _made(name: str) -> Any:
    return named(name)()
