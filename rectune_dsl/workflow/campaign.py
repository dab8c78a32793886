"""Executes a workflow step by step. What a step makes stands in the journal before the next one begins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Literal

from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Arm,
    Config,
    ExperimentSpec,
    Exposure,
    Insight,
    Launch,
    Proposal,
    Recommendation,
    Review,
    RoundResult,
    SkillRevision,
    Verdict,
)
from rectune_dsl.workflow.abort import DELIVER
from rectune_dsl.workflow.approval import approval_key, has_to_ask
from rectune_dsl.workflow.calendar import first_start, thawed
from rectune_dsl.workflow.clock import EPOCH
from rectune_dsl.workflow.compile import Step, StepKind
from rectune_dsl.workflow.context import Contexts
from rectune_dsl.workflow.contracts import well_proposed, well_reviewed
from rectune_dsl.workflow.experiment import Laboratory, Outcome, settled
from rectune_dsl.workflow.journaled import Approval, Confirmation, Holdout, Look, Request
from rectune_dsl.workflow.limits import Gate
from rectune_dsl.workflow.parts import Parts
from rectune_dsl.workflow.requests import Requests
from rectune_dsl.workflow.slots import ramp_of, slot_of
from rectune_dsl.workflow.traffic import caps_of
from rectune_dsl.workflow.watch import (
    Finished,
    Learnt,
    Looked,
    Proposed,
    Recommended,
    Reviewed,
    RoundFinished,
    StepStarted,
)

NOTHING = type(None)


class Campaign:
    """One run of a workflow. `run` starts it, or takes it up where its journal ends, and goes on until it is
    over; or, where the run does not stay for what it waits for, until it has to wait."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._task = parts.task
        self._act = parts.recorder.act
        self._gate = Gate(parts.task, parts.capabilities)
        self._contexts = Contexts(parts)
        self._requests = Requests(parts.task, parts.capabilities)
        self._history: tuple[RoundResult, ...] = ()
        self._exposures: tuple[Exposure, ...] = ()
        self._ended: datetime | None = None
        # what the last steps made
        self._proposals: tuple[Proposal, ...] = ()
        self._reviews: tuple[Review, ...] = ()
        self._arms: tuple[Arm, ...] = ()
        self._insight = Insight((), (), ())

    def run(self) -> Verdict:
        """Execute every step. Returns the verdict. Raises Waiting where nothing more can be done now, and
        LeaseLostError when another process takes the run over."""
        steps = self._parts.workflow.steps
        for step in steps[:-3]:
            self._parts.watch(StepStarted(step))
            self._round_step(step)
        recommend, confirm, judge = steps[-3:]
        self._parts.watch(StepStarted(recommend))
        recommendation = self._recommend(recommend)
        self._parts.watch(StepStarted(confirm))
        confirmation = self._confirm(confirm, recommendation)
        self._parts.watch(StepStarted(judge))
        return self._verdict(judge, confirmation)

    def _round_step(self, step: Step) -> None:
        match step.kind:
            case StepKind.PROPOSE:
                self._propose(step)
            case StepKind.REVIEW:
                self._review(step)
            case StepKind.APPROVE:
                self._approve(step)
            case StepKind.EXPERIMENT:
                self._experiment(step)
            case StepKind.LEARN:
                self._learn(step)
            case StepKind.EVOLVE:
                self._evolve(step)

    # --- the steps of a round ---

    def _propose(self, step: Step) -> None:
        actor, context = self._parts.agents.actor, partial(self._contexts.of, step, self._history)
        self._proposals = self._act(
            step.name, tuple[Proposal, ...], lambda: well_proposed(actor.propose(context()))
        )
        self._parts.watch(Proposed(step.round, self._proposals))

    def _review(self, step: Step) -> None:
        critic, context = self._parts.agents.critic, partial(self._contexts.of, step, self._history)

        def work() -> tuple[Review, ...]:
            known = context()
            return well_reviewed(critic.review(known, self._proposals), self._proposals, known.budget.arms)

        self._reviews = self._act(step.name, tuple[Review, ...], work)
        self._parts.watch(Reviewed(step.round, self._reviews))

    def _approve(self, step: Step) -> None:
        """The arms to launch, control first; none when the Critic took nothing or a person said no."""
        proposed = {p.name: p.config for p in self._proposals}
        taken = [r.proposal for r in self._reviews if r.taken]
        arms = tuple(Arm(name, proposed[name]) for name in taken)
        granted = arms and self._approval(step.name, lambda: self._launch_request(step, arms)).granted
        self._arms = (self._control(), *arms) if granted else ()

    def _launch_request(self, step: Step, arms: tuple[Arm, ...]) -> Request:
        known = self._contexts.of(step, self._history)
        return self._requests.launch(step, arms, self._proposals, known)

    def _experiment(self, step: Step) -> None:
        if not self._arms:
            return
        outcome = self._run_experiment(step, "explore", self._arms, ())
        if self._parts.capabilities.population:
            self._exposures += (outcome.spec.exposure(self._parts.capabilities.population),)

        def work() -> RoundResult:
            estimates = settled(outcome, self._task)
            return RoundResult(step.round, step.name, self._arms, estimates, outcome.stopped, outcome.frozen)

        result = self._act(step.name, RoundResult, work)
        self._history += (result,)
        told = f"{step.name}/told"
        self._parts.watch(RoundFinished(result, replayed=self._parts.recorder.has(told)))
        self._act(told, NOTHING, lambda: None)

    def _learn(self, step: Step) -> None:
        agent, context = self._parts.agents.insight, partial(self._contexts.of, step, self._history)
        self._insight = self._act(step.name, Insight, lambda: agent.learn(context()))
        self._parts.watch(Learnt(step.round, self._insight))

    def _evolve(self, step: Step) -> None:
        agent, context = self._parts.agents.skill, partial(self._contexts.of, step, self._history)
        revisions = self._act(
            step.name, tuple[SkillRevision, ...], lambda: tuple(agent.evolve(context(), self._insight))
        )
        for number, revision in enumerate(revisions, 1):
            write = partial(self._parts.hub.apply, _with_evidence_of(self._evidence(), revision))
            self._act(f"{step.name}/apply-{number}", NOTHING, write)

    # --- the end ---

    def _recommend(self, step: Step) -> Recommendation:
        actor, context = self._parts.agents.actor, partial(self._contexts.of, step, self._history)
        recommendation = self._act(step.name, Recommendation, lambda: actor.recommend(context()))
        self._parts.watch(Recommended(recommendation))
        return recommendation

    def _confirm(self, step: Step, recommendation: Recommendation) -> Confirmation:
        if recommendation.is_production:
            return self._act(step.name, Confirmation, lambda: Confirmation(recommendation))
        approval = self._approval(step.name, lambda: self._requests.confirm(step, recommendation))
        if not approval.granted:
            refused = Confirmation(recommendation, approval=approval)
            return self._act(step.name, Confirmation, lambda: refused)
        holdout = self._holdout(step)
        claim = partial(self._parts.recorder.claim_confirmation, self._parts.surface)
        number = self._act(f"{step.name}/claim", int, claim)
        arms = (self._control(), Arm("recommended", recommendation.config), *holdout)
        outcome = self._run_experiment(step, "confirm", arms, self._exposures)

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

    def _verdict(self, step: Step, confirmation: Confirmation) -> Verdict:
        result = self._act(step.name, Verdict, lambda: self._judge(confirmation))
        if result.decision == "ship":
            recommendation = confirmation.recommendation
            ship = partial(self._requests.ship, step, recommendation, result)
            if self._approval(step.name, ship).granted:
                self._deliver(recommendation.config)
        told = f"{step.name}/told"
        self._parts.watch(Finished(result, replayed=self._parts.recorder.has(told)))
        self._parts.release()  # before the run counts as over: nobody takes it up afterwards
        self._act(told, NOTHING, lambda: None)
        return result

    def _deliver(self, config: Config) -> None:
        """Make a config production, on the first day that is not frozen."""
        clock = self._parts.clock
        moment = thawed(self._task.freeze, clock.now(self._ended or EPOCH))
        self._parts.pause.until(DELIVER, moment, "the end of a freeze")

        def deliver() -> None:
            self._gate.delivery(config, clock.now(moment))
            self._parts.backend.deliver(config)

        self._act(DELIVER, NOTHING, deliver)

    def _judge(self, confirmation: Confirmation) -> Verdict:
        recommendation, alpha = confirmation.recommendation, self._task.experiment.alpha
        if recommendation.is_production:
            return Verdict("keep production", (recommendation.why,), (), 0, alpha)
        if confirmation.spec is None or confirmation.look is None:
            assert confirmation.approval is not None
            why = f"The confirmation was not launched: {confirmation.approval.by} refused it."
            return Verdict("hold", (why,), (), 0, alpha)
        return verdict(
            self._task,
            confirmation.look.observation,
            spec=confirmation.spec,
            confirmation=confirmation.number,
            randomised=self._parts.capabilities.randomises,
            stopped=confirmation.stopped,
            frozen=confirmation.frozen,
        )

    # --- helpers ---

    def _approval(self, step: str, request: Callable[[], Request]) -> Approval:
        if has_to_ask(self._task, self._parts.capabilities):
            return self._parts.questions.ask(step, request)
        return self._act(approval_key(step), Approval, self._unasked)

    def _unasked(self) -> Approval:
        auto = self._task.approval.mode == "auto"
        why = "the task says `auto`" if auto else "the backend serves no real traffic"
        return Approval(True, "rectune", why, asked=False)

    def _evidence(self) -> str:
        """What a campaign's experiments are called in the Skillhub. Real traffic is new in every run; a
        simulated campaign is the same one whenever its seed is, and a log is one log in all of them."""
        parts = self._parts
        if not parts.capabilities.randomises:
            return f"{parts.surface}/{self._task.task.name}"
        if parts.capabilities.virtual_time:
            return f"{parts.surface}/{self._task.task.name}/seed-{parts.seed}"
        return parts.recorder.run

    def _control(self) -> Arm:
        return Arm(CONTROL, Config(self._task.production))

    def _holdout(self, step: Step) -> tuple[Arm, ...]:
        """The surface's holdout as an arm, once an earlier run has shipped."""
        found = self._act(f"{step.name}/holdout", Holdout, lambda: Holdout(self._parts.holdout()))
        return () if found.config is None else (Arm(HOLDOUT, found.config),)

    def _caps(self, step: Step, purpose: Literal["explore", "confirm"]) -> dict[str, float]:
        """The caps of winsorised metrics, fixed before the experiment."""
        if not self._task.winsorized:
            return {}
        find = partial(caps_of, self._task, self._parts.backend, self._task.planned(purpose).days)
        return self._act(f"{step.name}/caps", dict[str, float], find)

    def _run_experiment(
        self,
        step: Step,
        purpose: Literal["explore", "confirm"],
        arms: tuple[Arm, ...],
        fresh_of: tuple[Exposure, ...],
    ) -> Outcome:
        """Name, place and run an experiment. The salt is the campaign's, so that a seed gives the same users;
        the key is the run's, so that no other run's experiment is taken for it."""
        parts = self._parts
        digest = hashlib.sha256(repr(arms).encode()).hexdigest()[:12]
        salt = f"{self._task.task.name}/{parts.seed}/{step.name}"
        start = self._act(f"{step.name}/calendar", datetime, partial(self._start, purpose))
        key = f"{parts.recorder.run}/{step.name}/{digest}"
        slot, ramp, caps = slot_of(self._task), ramp_of(self._task), self._caps(step, purpose)
        launch = Launch(key, salt, start, arms, purpose, fresh_of, slot, ramp, caps)

        def looked(spec: ExperimentSpec, look: Look) -> None:
            parts.watch(Looked(spec, look))

        laboratory = Laboratory(
            task=self._task,
            backend=parts.backend,
            online=parts.agents.online,
            recorder=parts.recorder,
            pause=parts.pause,
            context=partial(self._contexts.of, step, self._history),
            gate=self._gate,
            watch=looked,
        )
        outcome = laboratory.run(step.name, launch)
        self._ended = outcome.ended
        return outcome

    def _start(self, purpose: Literal["explore", "confirm"]) -> datetime:
        """The first day from which a whole experiment fits before the next freeze."""
        days = self._task.ramp_days + self._task.planned(purpose).days
        return first_start(self._task.freeze, self._parts.clock.next_start(self._ended), days)


def _with_evidence_of(campaign: str, revision: SkillRevision) -> SkillRevision:
    """The revision with its evidence named across campaigns: `round-3/experiment` gets a prefix."""

    def qualify(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{campaign}/{key}" for key in keys)

    records = []
    for record in revision.records:
        mechanic = record.mechanic
        if mechanic is not None:
            mechanic = replace(mechanic, evidence=qualify(mechanic.evidence))
        supports, contradicts = qualify(record.supports), qualify(record.contradicts)
        records.append(replace(record, mechanic=mechanic, supports=supports, contradicts=contradicts))
    return replace(revision, records=tuple(records))
