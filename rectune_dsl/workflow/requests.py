"""What people are told when they are asked: arms, predictions and risk, traffic, what silence means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rectune_dsl.agents.belief import assumed, risk_is_known
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import (
    AgentContext,
    Arm,
    AskedFor,
    Capabilities,
    ChangeDescription,
    Hypothesis,
    Proposal,
    Ramp,
    Recommendation,
    RoundResult,
    Verdict,
)
from rectune_dsl.workflow import clock
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.journaled import AskedArm, Request
from rectune_dsl.workflow.slots import ramp_of

NOTHING_SERVED = "nothing is launched, production stays as it is, and the run waits"
NOTHING_SHIPPED = "the config is not delivered, production stays as it is, and the run waits"


@dataclass(frozen=True)
class Requests:
    """Makes the questions of a run. `serves_from` tells from when what is asked for would serve people,
    `describe` puts the arms into words."""

    task: Task
    capabilities: Capabilities
    serves_from: Callable[[AskedFor], datetime]
    describe: Callable[[Step, AskedFor, Sequence[Proposal]], ChangeDescription | None]

    def launch(
        self,
        step: Step,
        arms: tuple[Arm, ...],
        proposals: tuple[Proposal, ...],
        known: AgentContext,
    ) -> Request:
        """Whether a round's arms may be tested."""
        by_name = {p.name: p for p in proposals}
        is_known, prior = risk_is_known(known), assumed(known.task, known.history)
        feasible = known.surrogate.p_feasible([arm.config for arm in arms])
        asked = tuple(
            AskedArm(
                arm.name,
                arm.config,
                by_name[arm.name].hypothesis.statement,
                by_name[arm.name].hypothesis.predictions,
                float(1 - p) if is_known else None,
                prior if is_known else "",
            )
            for arm, p in zip(arms, feasible, strict=True)
        )
        planned = self.task.experiment
        served = (len(arms) + 1) * planned.users_per_arm
        request = self._request(step.name, "launch", asked, planned.users_per_arm, planned.days, served)
        told = self.describe(step, "launch", [by_name[arm.name] for arm in arms])
        return replace(request, description=told)

    def confirm(self, step: Step, recommendation: Recommendation, history: Sequence[RoundResult]) -> Request:
        """Whether the recommended config may be confirmed."""
        planned = self.task.confirm
        request = self._request(
            step.name,
            "confirm",
            (self._recommended(recommendation, history),),
            planned.users_per_arm,
            planned.days,
            2 * planned.users_per_arm,
        )
        return replace(request, description=self.describe(step, "confirm", [_proposed(recommendation)]))

    def ship(
        self,
        step: Step,
        recommendation: Recommendation,
        history: Sequence[RoundResult],
        verdict: Verdict,
    ) -> Request:
        """Whether the confirmed config may become production, for everybody."""
        population = self.capabilities.population or 0
        arms = (self._recommended(recommendation, history),)
        request = self._request(step.name, "ship", arms, population, 0, population, verdict.reasons)
        return replace(request, description=self.describe(step, "ship", [_proposed(recommendation)]))

    def _recommended(self, recommendation: Recommendation, history: Sequence[RoundResult]) -> AskedArm:
        """With the risk that the Actor sees, by the rounds before the confirmation."""
        return AskedArm(
            "recommended",
            recommendation.config,
            recommendation.why,
            recommendation.predictions,
            1 - recommendation.p_feasible,
            assumed(self.task, history),
        )

    def _request(
        self,
        step: str,
        what: AskedFor,
        arms: tuple[AskedArm, ...],
        users_per_arm: int,
        days: int,
        served: int,
        reasons: tuple[str, ...] = (),
    ) -> Request:
        population = self.capabilities.population
        now = clock.utc_now()
        patience = self.task.approval.expires_after_days
        expires = None if patience is None else now + timedelta(days=patience)
        ignored = NOTHING_SHIPPED if what == "ship" else NOTHING_SERVED
        if expires is not None:
            ignored += f"; from {expires:%Y-%m-%d %H:%M} UTC on, silence is a no"
        return Request(
            step=step,
            what=what,
            asked_at=now,
            arms=arms,
            users_per_arm=users_per_arm,
            days=days,
            ramp=ramp_of(self.task) if days else Ramp(),
            share=served / population if population else None,
            if_ignored=ignored,
            reasons=reasons,
            expires=expires,
            serves_from=self.serves_from(what),
        )


def _proposed(recommendation: Recommendation) -> Proposal:
    """What is recommended, in the form that arms are described in."""
    told = Hypothesis(recommendation.why, recommendation.predictions)
    return Proposal("recommended", recommendation.config, told, "the Actor's recommendation")
