"""What an agent is given to think with."""

from __future__ import annotations

import hashlib

import numpy as np

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.hooks.api import AgentContext, Budget, Panel, PanelBackend, RoundResult, Surrogate
from rectune_dsl.surrogate.params import fit
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.parts import Parts
from rectune_dsl.workflow.traffic import holdout_users

PANEL_REQUESTS = 256
"""Logged requests that agents see."""
UNTOLD = Simulator(world="untold", seed=0)
"""What agents are told of the simulated world: nothing. No world has this name, so none can be made of it."""


class Contexts:
    """Makes the context of each step. Panel and surrogate are made once for all who need them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._task = parts.task.model_copy(update={"simulator": UNTOLD})
        self._panel = _sample(parts)
        self._fitted: tuple[int, Surrogate] | None = None

    def of(self, step: Step, history: tuple[RoundResult, ...], act: str = "") -> AgentContext:
        """For one step or, where a step asks more than once, for one act of it."""
        parts, planned = self._parts, self._task.experiment
        known = parts.skill.knowledge if parts.skill else ()
        return AgentContext(
            task=self._task,
            round=step.round,
            history=history,
            panel=self._panel,
            surrogate=self._surrogate(history),
            mechanics=tuple(r.mechanic for r in known if r.status == "active" and r.mechanic),
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
        )

    def _surrogate(self, history: tuple[RoundResult, ...]) -> Surrogate:
        if self._fitted is None or self._fitted[0] != len(history):
            self._fitted = (len(history), fit(self._task, history))
        return self._fitted[1]


def _sample(parts: Parts) -> Panel | None:
    return parts.backend.panel(PANEL_REQUESTS) if isinstance(parts.backend, PanelBackend) else None


def _generator(seed: int, act: str) -> np.random.Generator:
    """A counter-based generator for one act of one campaign."""
    digest = hashlib.sha256(f"{seed}/{act}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
