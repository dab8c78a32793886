"""The rules of evidence at a confirmation's horizon.

1. A sample-ratio mismatch freezes everything: hold.
2. A metric that is not mature, stale or missing is inconclusive; so is one whose covariate differs between
   the arms, and one that does not vary between users, since nothing tells how sure its value is.
3. An arm stopped for shown harm, a U shown to be below 0, or a guardrail shown to be broken: keep production.
4. U shown above 0 and every guardrail shown to be kept: ship. Silence is not consent; all must pass, so there
   is no correction among them.
5. Everything else: hold, with what was not shown and about how many users would show it.

Each test is one-sided at alpha_r = alpha 6 / (pi^2 r^2), where r counts the surface's confirmations: over all
of them the levels add up to alpha at most. A surface's margins are spent once: where the confirmation has a
holdout arm, every guardrail that speaks of a lift must also be kept against that arm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.evidence import Evidence, Unknown, evidence
from rectune_dsl.experiments.intervals import Measured
from rectune_dsl.experiments.readiness import unready
from rectune_dsl.experiments.rebase import AGAINST_HOLDOUT, rebased, without
from rectune_dsl.experiments.requirements import Requirement, Standard
from rectune_dsl.experiments.srm import mismatch
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Bound,
    ExperimentSpec,
    Moments,
    Observation,
    Verdict,
)
from rectune_dsl.hooks.errors import BackendError, UsageError

OBJECTIVE = "U"
"""The name of the objective's bound in a verdict."""


def confirmation_alpha(alpha: float, confirmation: int) -> float:
    """The level of the surface's r-th confirmation, r >= 1: alpha 6 / (pi^2 r^2). They sum to alpha."""
    return alpha * 6 / (math.pi**2 * confirmation**2)


def verdict(
    task: Task,
    observation: Observation,
    *,
    spec: ExperimentSpec,
    confirmation: int,
    randomised: bool = True,
    stopped: Mapping[str, str] | None = None,
    frozen: str = "",
    served: datetime | None = None,
) -> Verdict:
    """What a confirmation allows: ship, hold, or keep production.

    `confirmation` is r, from 1. `stopped` maps arms that were taken out for harm to the reason, `frozen` says
    why the experiment was frozen while it ran. Sample ratios are checked where users were `randomised`. Users
    were `served` until then, by default as the spec has it. Raises UsageError unless the spec has exactly one
    treatment.
    """
    alpha = confirmation_alpha(task.experiment.alpha, confirmation)
    treatment = _treatment(spec)
    stops = stopped or {}
    if why_frozen := frozen or _mismatch(observation, randomised, stops):
        return Verdict("hold", (why_frozen,), (), confirmation, alpha)
    _check(observation, treatment)
    standard = Standard(alpha, task.experiment.power, spec.users_per_arm)
    bounds = _Tests(task, observation, spec, treatment, standard, served or spec.ends).bounds()
    harmed = stops.get(treatment)
    broken = [b.detail for b in bounds if b.refuted]
    if harmed or broken:
        reasons = ([f"It was stopped: {harmed}"] if harmed else []) + broken
        return Verdict("keep production", tuple(reasons), bounds, confirmation, alpha)
    open_questions = [b.detail for b in bounds if not b.shown]
    if open_questions:
        return Verdict("hold", tuple(open_questions), bounds, confirmation, alpha)
    return Verdict("ship", tuple(b.detail for b in bounds), bounds, confirmation, alpha)


def _mismatch(observation: Observation, randomised: bool, stops: Mapping[str, str]) -> str | None:
    """A sample-ratio mismatch. An arm without traffic may have been assigned fewer users since."""
    if not randomised:
        return None
    return mismatch(observation, leave_out=(HOLDOUT, *stops))


def _treatment(spec: ExperimentSpec) -> str:
    names = [arm.name for arm in spec.arms if arm.name not in (CONTROL, HOLDOUT)]
    if len(names) != 1:
        raise UsageError(
            f"a confirmation has one treatment, not {len(names)}", help="confirm one config at a time"
        )
    return names[0]


@dataclass(frozen=True)
class _Tests:
    """Holds what all tests of one verdict share."""

    task: Task
    observation: Observation
    spec: ExperimentSpec
    treatment: str
    standard: Standard
    served: datetime

    def bounds(self) -> tuple[Bound, ...]:
        """U, every guardrail, and every relative guardrail against the holdout."""
        against_control = evidence(without(self.observation, (HOLDOUT,)), self.task.judged)
        found = [self._objective(against_control)]
        found += [self._guardrail(against_control, m, limit) for m, limit in self.task.guarded.items()]
        if any(arm.name == HOLDOUT for arm in self.spec.arms):
            found += self._against_holdout()
        return tuple(found)

    def _objective(self, known: Evidence) -> Bound:
        requirement = Requirement(OBJECTIVE, Limit(">=", 0.0, True), strict=True)
        late = next((why for star in self.task.north_stars if (why := self._unready(star))), "")
        seen = Unknown(late) if late else known.objective(self.treatment, self.task.objective_weights)
        return self._tested(requirement, seen)

    def _guardrail(self, known: Evidence, metric: str, limit: Limit) -> Bound:
        late = self._unready(metric)
        seen = Unknown(late) if late else known.limited(self.treatment, metric, limit)
        return self._tested(Requirement(metric, limit), seen)

    def _tested(self, requirement: Requirement, seen: Measured | Unknown) -> Bound:
        if isinstance(seen, Unknown):
            return requirement.inconclusive(seen.why)
        return requirement.test(seen, self.standard)

    def _against_holdout(self) -> list[Bound]:
        relative = {m: limit for m, limit in self.task.guarded.items() if limit.relative}
        # the holdout was served otherwise before this experiment too, so that its users' covariates carry
        # part of what is to be measured: no CUPED here
        plain = {m: self.task.judged[m].model_copy(update={"covariate": None}) for m in relative}
        if not _has_arm(self.observation, HOLDOUT):
            why = "the holdout was not observed"
            return [
                Requirement(m + AGAINST_HOLDOUT, limit).inconclusive(why) for m, limit in relative.items()
            ]
        known = evidence(rebased(self.observation, HOLDOUT), plain)
        bounds = [self._guardrail(known, m, limit) for m, limit in relative.items()]
        return [
            replace(b, metric=b.metric + AGAINST_HOLDOUT, detail=f"Against the holdout: {b.detail}")
            for b in bounds
        ]

    def _unready(self, name: str) -> str:
        """Why the metric cannot be judged yet; empty where it can."""
        late = unready(name, self.task.judged[name], self.served, self.observation)
        return f"{name} {late}" if late else ""


def _check(observation: Observation, treatment: str) -> None:
    if not _has_arm(observation, treatment):
        raise BackendError(
            f"the observation has no arm {treatment!r}", help="this is a fault of the backend: report it"
        )


def _has_arm(observation: Observation, arm: str) -> bool:
    if isinstance(observation, Moments):
        return any(a.arm == arm for a in observation.arms)
    return arm in observation.arms
