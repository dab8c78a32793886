"""What an agent is given to think with."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import AgentContext, Budget, Mechanic, Panel, PanelBackend, RoundResult
from rectune_dsl.surrogate import params, slates
from rectune_dsl.surrogate.hygiene import Profile, profile, shifts
from rectune_dsl.surrogate.processes import ProcessSurrogate
from rectune_dsl.surrogate.semantics import prior_of
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.parts import Parts
from rectune_dsl.workflow.traffic import holdout_users

PANEL_REQUESTS = 256
"""Logged requests that agents see."""
REPLAYED_REQUESTS = 128
"""Those of them that configs are replayed on."""
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
        self._fitted: tuple[int, ProcessSurrogate] | None = None

    def of(self, step: Step, history: tuple[RoundResult, ...], act: str = "") -> AgentContext:
        """For one step or, where a step asks more than once, for one act of it."""
        parts, planned = self._parts, self._task.experiment
        surrogate = self._surrogate(history)
        return AgentContext(
            task=self._task,
            round=step.round,
            history=history,
            panel=self._panel,
            surrogate=surrogate,
            mechanics=self._mechanics,
            skill=parts.skill,
            budget=Budget(
                rounds=max(planned.rounds + 1 - step.round, 0),
                arms=min(planned.arms, parts.task.limits.arms or planned.arms),
                users_per_arm=planned.users_per_arm,
                days=planned.days,
            ),
            rng=_generator(parts.seed, f"{step.name}/{act}"),
            confirmation=parts.next_confirmation(),
            holdout_users=holdout_users(parts.task, parts.capabilities),
            functions=parts.functions,
            whatif=self._whatif,
            doubts=(*self._shifted, *_surprises(surrogate)) if self._whatif else (),
        )

    @cached_property
    def _panel(self) -> Panel | None:
        backend = self._parts.backend
        return backend.panel(PANEL_REQUESTS) if isinstance(backend, PanelBackend) else None

    @cached_property
    def _whatif(self) -> WhatIf | None:
        if self._panel is None:
            return None
        functions = {name: function.evaluate for name, function in self._parts.functions.items()}
        return WhatIf(self._task, self._panel, functions, requests=REPLAYED_REQUESTS)

    @cached_property
    def _shifted(self) -> tuple[str, ...]:
        """Heads whose scores are no longer what they were when the run began, in words."""
        if self._panel is None:
            return ()
        now = profile(self._panel)
        return shifts(self._parts.recorder.act("panel", Profile, lambda: now), now)

    @property
    def _mechanics(self) -> tuple[Mechanic, ...]:
        known = self._parts.skill.knowledge if self._parts.skill else ()
        return tuple(r.mechanic for r in known if r.status == "active" and r.mechanic)

    def _surrogate(self, history: tuple[RoundResult, ...]) -> ProcessSurrogate:
        if self._fitted is None or self._fitted[0] != len(history):
            self._fitted = (len(history), self._fit(history))
        return self._fitted[1]

    def _fit(self, history: tuple[RoundResult, ...]) -> ProcessSurrogate:
        if self._whatif is None:
            return params.fit(self._task, history)
        return slates.fit(self._task, history, self._whatif, prior_of(self._mechanics))


def _surprises(surrogate: ProcessSurrogate) -> tuple[str, ...]:
    return tuple(
        f"experiments showed {metric} further from what was predicted than chance allows"
        for metric in surrogate.surprised()
    )


def _generator(seed: int, act: str) -> np.random.Generator:
    """A counter-based generator for one act of one campaign."""
    digest = hashlib.sha256(f"{seed}/{act}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
