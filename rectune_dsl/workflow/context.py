"""What an agent is given to think with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import (
    AgentContext,
    Budget,
    KnowledgeRecord,
    Panel,
    PanelBackend,
    RoundResult,
    Skill,
    UsageError,
)
from rectune_dsl.skillhub.applicable import applicable, without
from rectune_dsl.surrogate import params, slates
from rectune_dsl.surrogate.hygiene import DOUBTFUL, Profile, profile, shifts
from rectune_dsl.surrogate.slates import SlateSurrogate
from rectune_dsl.surrogate.told import told_by
from rectune_dsl.workflow.compile import Step, StepKind
from rectune_dsl.workflow.journaled import KnowledgeUsed
from rectune_dsl.workflow.parts import Parts
from rectune_dsl.workflow.traffic import holdout_users

PANEL_REQUESTS = 256
"""Logged requests that agents see."""
REPLAYED_REQUESTS = 128
"""Those of them that configs are replayed on."""
UNSKILLED = 0.125
"""Share of the rounds whose arms are chosen without skills, so that their worth stays measured."""
UNTOLD = Simulator(world="untold", seed=0)
"""What agents are told of the simulated world: nothing. No world has this name, so none can be made of it."""


class Contexts:
    """Makes the context of each step. Panel, replay and surrogate are made once for all who need them.

    What the heads' scores were like when the run began stands in the journal. Where a run that is taken up
    later finds other scores, a model has changed since: what was measured before may no longer hold.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._task = parts.task.model_copy(update={"simulator": UNTOLD})
        self._fitted: tuple[object, SlateSurrogate] | None = None
        self._withdrawn: frozenset[str] = frozenset()

    def of(self, step: Step, history: tuple[RoundResult, ...], act: str = "") -> AgentContext:
        """For one step or, where a step asks more than once, for one act of it."""
        parts, planned = self._parts, self._task.experiment
        whatif = None if isinstance(self._replay, str) else self._replay
        shifted = self._shifted(step)
        skilled = not self._unskilled(step)
        knowledge = self._knowledge if skilled else ()
        surrogate = self._surrogate(history, knowledge, bool(shifted))
        return AgentContext(
            task=self._task,
            round=step.round,
            history=history,
            panel=self._panel,
            surrogate=surrogate,
            knowledge=knowledge,
            skill=self._skill if skilled else None,
            borrowed=self._borrowed if skilled else (),
            budget=Budget(
                rounds=max(planned.rounds + 1 - step.round, 0),
                arms=min(planned.arms, parts.task.limits.arms or planned.arms),
                users_per_arm=planned.users_per_arm,
                days=planned.days,
            ),
            rng=_generator(parts.seed, f"{step.name}/{act}"),
            confirmation=parts.next_confirmation(),
            holdout_users=holdout_users(parts.task, parts.capabilities),
            llm=parts.llm(step, act),
            functions=parts.functions,
            whatif=whatif,
            doubts=(*shifted, *surprises(surrogate)) if whatif else _said(self._replay),
        )

    @cached_property
    def _panel(self) -> Panel | None:
        return self._sampled()

    @cached_property
    def _replay(self) -> WhatIf | str:
        """The replay of the panel, or why there is none; empty without a panel, or where it is drawn."""
        if self._panel is None or self._panel.is_drawn:
            return ""
        functions = {name: function.evaluate for name, function in self._parts.functions.items()}
        try:
            whatif = WhatIf(self._task, self._panel, functions, requests=REPLAYED_REQUESTS)
        except UsageError as error:
            return f"the panel cannot be replayed: {error}"
        return whatif if whatif.names else "the panel cannot be replayed: its slates do not differ"

    def _shifted(self, step: Step) -> tuple[str, ...]:
        """Heads whose scores are no longer what they were when the run began, in words. Whoever recommends
        is told by fresh logs."""
        if self._panel is None:
            return ()
        panel = self._sampled() if step.kind is StepKind.RECOMMEND else self._panel
        now = profile(panel or self._panel)
        return shifts(self._parts.recorder.act("panel", Profile, lambda: now), now)

    def _sampled(self) -> Panel | None:
        backend = self._parts.backend
        panel = backend.panel(PANEL_REQUESTS) if isinstance(backend, PanelBackend) else None
        return panel if panel is not None and panel.items.size else None

    def used(self, step: Step) -> KnowledgeUsed:
        """What Actor and Critic are told of in the round of a step that proposes."""
        withheld = self._unskilled(step)
        records = () if withheld else tuple(record.id for record in self._knowledge)
        return KnowledgeUsed(records, withheld)

    def withdraw(self, ids: Iterable[str]) -> None:
        """Use these records no more: the evidence gate has retired them."""
        self._withdrawn |= frozenset(ids)

    @cached_property
    def _skill(self) -> Skill | None:
        return without(self._parts.skill, self._parts.evidence) if self._parts.skill else None

    @cached_property
    def _borrowed(self) -> tuple[Skill, ...]:
        return tuple(without(skill, self._parts.evidence) for skill in self._parts.borrowed)

    @property
    def _knowledge(self) -> tuple[KnowledgeRecord, ...]:
        known = applicable(self._task.task, self._skill, self._borrowed)
        return tuple(record for record in known if record.id not in self._withdrawn)

    def _unskilled(self, step: Step) -> bool:
        """Whether Actor and Critic do without skills in this round."""
        chosen = step.kind in (StepKind.PROPOSE, StepKind.REVIEW) and bool(self._knowledge)
        return chosen and runs_unskilled(self._parts.seed, step.round)

    def _surrogate(
        self, history: tuple[RoundResult, ...], knowledge: tuple[KnowledgeRecord, ...], doubtful: bool
    ) -> SlateSurrogate:
        key = (len(history), knowledge, doubtful)
        if self._fitted is None or self._fitted[0] != key:
            self._fitted = (key, self._fit(history, knowledge, DOUBTFUL if doubtful else 1.0))
        return self._fitted[1]

    def _fit(
        self, history: tuple[RoundResult, ...], knowledge: tuple[KnowledgeRecord, ...], widened: float
    ) -> SlateSurrogate:
        if isinstance(self._replay, str):
            return params.fit(self._task, history)
        told = told_by(knowledge, self._replay.names)
        return slates.fit_cautiously(self._task, history, self._replay, told, widened)


def runs_unskilled(seed: int, round: int) -> bool:
    """Whether the round of a campaign with this seed is one of those without skills."""
    return bool(_generator(seed, f"unskilled/{round}").random() < UNSKILLED)


def _said(why: WhatIf | str) -> tuple[str, ...]:
    return (why,) if isinstance(why, str) and why else ()


def surprises(surrogate: SlateSurrogate) -> tuple[str, ...]:
    """Reasons to doubt the surrogate, in words."""
    return tuple(
        f"experiments showed {metric} further from what was predicted than chance allows"
        for metric in surrogate.surprised()
    )


def _generator(seed: int, act: str) -> np.random.Generator:
    """A counter-based generator for one act of one campaign."""
    digest = hashlib.sha256(f"{seed}/{act}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
