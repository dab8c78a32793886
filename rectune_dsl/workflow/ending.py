"""The end of a campaign: recommend, confirm, judge, deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Arm,
    AskedFor,
    ChangeDescription,
    Config,
    Exposure,
    Proposal,
    Recommendation,
    RoundResult,
    Verdict,
)
from rectune_dsl.memory.recorder import NOTHING
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.consent import consent
from rectune_dsl.workflow.context import Contexts
from rectune_dsl.workflow.deliveries import DELIVER, HELD
from rectune_dsl.workflow.describing import description
from rectune_dsl.workflow.journaled import Confirmation, Holdout
from rectune_dsl.workflow.launches import Launches
from rectune_dsl.workflow.limits import Gate
from rectune_dsl.workflow.parts import Parts
from rectune_dsl.workflow.requests import Requests
from rectune_dsl.workflow.settled import settled
from rectune_dsl.workflow.watch import Finished, Recommended, StepStarted


class Ending:
    """What follows the last round: `history` is what the rounds found, `exposures` the users they had."""

    def __init__(
        self,
        parts: Parts,
        gate: Gate,
        contexts: Contexts,
        launches: Launches,
        history: tuple[RoundResult, ...],
        exposures: tuple[Exposure, ...],
    ) -> None:
        self._parts = parts
        self._task = parts.task
        self._act = parts.recorder.act
        self._gate = gate
        self._contexts = contexts
        self._launches = launches
        self._requests = Requests(parts.task, parts.capabilities, launches.serves_from, self._description)
        self._history = history
        self._exposures = exposures
        self._served: datetime | None = None  # until when the confirmation served users

    def run(self, recommend: Step, confirm: Step, judge: Step) -> Verdict:
        """Execute the last steps. Returns the verdict."""
        self._parts.watch(StepStarted(recommend))
        recommendation = self._recommend(recommend)
        self._parts.watch(StepStarted(confirm))
        confirmation = self._confirm(confirm, recommendation)
        self._parts.watch(StepStarted(judge))
        return self._verdict(judge, confirmation)

    def _recommend(self, step: Step) -> Recommendation:
        actor, context = self._parts.agents.actor, partial(self._contexts.of, step, self._history)
        recommendation = self._act(step.name, Recommendation, lambda: actor.recommend(context()))
        self._parts.watch(Recommended(recommendation))
        return recommendation

    def _description(
        self, step: Step, asked_for: AskedFor, proposals: Sequence[Proposal]
    ) -> ChangeDescription | None:
        return description(self._parts, self._contexts, step, asked_for, proposals, self._history)

    # --- confirm ---

    def _confirm(self, step: Step, recommendation: Recommendation) -> Confirmation:
        if recommendation.is_production:
            return self._act(step.name, Confirmation, lambda: Confirmation(recommendation))
        ask = partial(self._requests.confirm, step, recommendation, self._history)
        approval = consent(self._parts, step.name, ask)
        if not approval.granted:
            refused = Confirmation(recommendation, approval=approval)
            return self._act(step.name, Confirmation, lambda: refused)
        holdout = self._holdout(step)
        claim = partial(self._parts.recorder.claim_confirmation, self._parts.surface)
        number = self._act(f"{step.name}/claim", int, claim)
        control = Arm(CONTROL, Config(self._task.production))
        arms = (control, Arm("recommended", recommendation.config), *holdout)
        outcome = self._launches.run(step, "confirm", arms, self._exposures, self._history)
        self._served = outcome.served

        def work() -> Confirmation:
            return Confirmation(
                recommendation,
                number,
                outcome.spec,
                outcome.last,
                settled(outcome, self._task),
                outcome.stopped,
                outcome.frozen,
                approval,
            )

        return self._act(step.name, Confirmation, work)

    def _holdout(self, step: Step) -> tuple[Arm, ...]:
        """The surface's holdout as an arm, once an earlier run has shipped."""
        found = self._act(f"{step.name}/holdout", Holdout, lambda: Holdout(self._parts.holdout()))
        return () if found.config is None else (Arm(HOLDOUT, found.config),)

    # --- judge and deliver ---

    def _verdict(self, step: Step, confirmation: Confirmation) -> Verdict:
        result = self._act(step.name, Verdict, lambda: self._judge(confirmation))
        if result.decision == "ship":
            result = self._ship(step, confirmation.recommendation, result)
        told = f"{step.name}/told"
        self._parts.watch(Finished(result, replayed=self._parts.recorder.has(told)))
        self._parts.release()  # before the run counts as over: nobody takes it up afterwards
        self._act(told, NOTHING, lambda: None)
        return result

    def _judge(self, confirmation: Confirmation) -> Verdict:
        recommendation, alpha = confirmation.recommendation, self._task.experiment.alpha
        if recommendation.is_production:
            return Verdict("keep production", (recommendation.why,), (), 0, alpha)
        if confirmation.spec is None or confirmation.look is None:
            assert confirmation.approval is not None
            why = f"The confirmation was not launched: {confirmation.approval.by} refused it."
            return Verdict("hold", (why,), (), 0, alpha)
        found = verdict(
            self._task,
            confirmation.look.observation,
            spec=confirmation.spec,
            confirmation=confirmation.number,
            randomised=self._parts.capabilities.randomises,
            stopped=confirmation.stopped,
            frozen=confirmation.frozen,
            served=self._served,
        )
        why = self._parts.overtaken() if found.decision == "ship" else ""
        return _held(found, why) if why else found

    def _ship(self, step: Step, recommendation: Recommendation, judged: Verdict) -> Verdict:
        """Make the config production if that is wanted, on the first day that is not frozen; unless another
        run has delivered meanwhile, or the backend serves nobody. Returns the verdict, which that changes."""
        recorder = self._parts.recorder
        if not self._parts.capabilities.serves:
            return judged
        ask = partial(self._requests.ship, step, recommendation, self._history, judged)
        if not consent(self._parts, step.name, ask).granted or recorder.has(DELIVER):
            return judged
        moment = self._launches.serves_from("ship")
        self._parts.pause.until(DELIVER, moment, "the end of a freeze")
        why = self._parts.overtaken()
        if why or recorder.has(HELD):
            return self._act(HELD, Verdict, lambda: _held(judged, why))
        # before the act, not in it: an attempt in the journal means that the config may be live
        self._gate.delivery(recommendation.config, self._parts.clock.now(moment))
        self._act(DELIVER, NOTHING, lambda: self._parts.backend.deliver(recommendation.config))
        return judged


def _held(judged: Verdict, why: str) -> Verdict:
    return replace(judged, decision="hold", reasons=(why,))
