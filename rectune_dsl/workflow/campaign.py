"""Executes a workflow step by step. What a step makes stands in the journal before the next one begins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    ABBackend,
    Actor,
    AgentContext,
    Arm,
    Budget,
    Capabilities,
    Config,
    Critic,
    ExperimentSpec,
    Exposure,
    FormulaFunction,
    Insight,
    InsightAgent,
    Launch,
    OnlineAgent,
    Panel,
    PanelBackend,
    PluginError,
    Proposal,
    Recommendation,
    Review,
    RoundResult,
    Skill,
    SkillAgent,
    SkillRevision,
    Surrogate,
    Verdict,
)
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.surrogate.params import fit
from rectune_dsl.workflow.clock import Clock
from rectune_dsl.workflow.compile import Step, StepKind, Workflow
from rectune_dsl.workflow.experiment import Laboratory, Outcome, settled
from rectune_dsl.workflow.journaled import Approval, Confirmation, Look
from rectune_dsl.workflow.limits import enforce
from rectune_dsl.workflow.watch import (
    Approver,
    Finished,
    Learnt,
    Looked,
    Proposed,
    Recommended,
    Reviewed,
    RoundFinished,
    StepStarted,
    Watcher,
)

PANEL_REQUESTS = 256
"""Logged requests that agents see."""


@dataclass(frozen=True)
class Agents:
    actor: Actor
    critic: Critic
    online: OnlineAgent
    insight: InsightAgent
    skill: SkillAgent


@dataclass(frozen=True)
class Parts:
    """All that a campaign is assembled from. `holdout` finds the config that the surface's holdout is
    served, None where that is production."""

    workflow: Workflow
    seed: int
    backend: ABBackend
    capabilities: Capabilities
    agents: Agents
    clock: Clock
    recorder: Recorder
    hub: Skillhub
    skill: Skill | None
    surface: str
    watch: Watcher
    approver: Approver
    functions: Mapping[str, FormulaFunction] = field(default_factory=dict)
    holdout: Callable[[], Config | None] = lambda: None


class Campaign:
    """One run of a workflow. `run` starts it, or takes it up where its journal ends."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._task = parts.workflow.task
        self._history: tuple[RoundResult, ...] = ()
        self._exposures: tuple[Exposure, ...] = ()
        self._ended: datetime | None = None
        self._surrogates: dict[int, Surrogate] = {}
        self._panel: Panel | None = None

    def run(self) -> Verdict:
        """Execute every step. Returns the verdict."""
        self._panel = self._sample_panel()
        replayed = self._parts.recorder.has(StepKind.VERDICT)
        made: dict[str, Any] = {}
        for step in self._parts.workflow.steps:
            self._parts.watch(StepStarted(step))
            made[step.name] = self._DO[step.kind](self, step, made)
        result: Verdict = made[StepKind.VERDICT]
        self._parts.watch(Finished(result, replayed))
        return result

    # --- the steps of a round ---

    def _propose(self, step: Step, made: Mapping[str, Any]) -> tuple[Proposal, ...]:
        def work() -> tuple[Proposal, ...]:
            return tuple(self._parts.agents.actor.propose(self._context(step)))

        proposals = self._act(step.name, tuple[Proposal, ...], work)
        self._parts.watch(Proposed(step.round, proposals))
        return proposals

    def _review(self, step: Step, made: Mapping[str, Any]) -> tuple[Review, ...]:
        proposals = made[f"round-{step.round}/propose"]

        def work() -> tuple[Review, ...]:
            return tuple(self._parts.agents.critic.review(self._context(step), proposals))

        reviews = self._act(step.name, tuple[Review, ...], work)
        self._parts.watch(Reviewed(step.round, reviews))
        return reviews

    def _approve(self, step: Step, made: Mapping[str, Any]) -> tuple[Arm, ...]:
        """The arms to launch, control first; none when the Critic took nothing or a person said no."""
        proposals = {p.name: p for p in made[f"round-{step.round}/propose"]}
        taken = [r.proposal for r in made[f"round-{step.round}/review"] if r.taken]
        if unknown := [name for name in taken if name not in proposals]:
            raise PluginError(f"the Critic took proposals that nobody made: {', '.join(unknown)}")
        arms = tuple(Arm(name, proposals[name].config) for name in taken)
        if not arms or not self._approval(step.name, f"{len(arms)} arms of round {step.round}").granted:
            return ()
        return (self._control(), *arms)

    def _experiment(self, step: Step, made: Mapping[str, Any]) -> RoundResult | None:
        arms = made[f"round-{step.round}/approve"]
        if not arms:
            return None
        launch = self._launch(step.name, "explore", arms, ())
        outcome = self._laboratory().run(step.name, self._context(step), launch)
        self._spend(outcome)

        def work() -> RoundResult:
            estimates = settled(outcome, self._task)
            return RoundResult(step.round, step.name, arms, estimates, outcome.stopped, outcome.frozen)

        replayed = self._parts.recorder.has(step.name)
        result = self._act(step.name, RoundResult, work)
        self._history += (result,)
        self._parts.watch(RoundFinished(result, replayed))
        return result

    def _learn(self, step: Step, made: Mapping[str, Any]) -> Insight:
        insight = self._act(
            step.name, Insight, lambda: self._parts.agents.insight.learn(self._context(step))
        )
        self._parts.watch(Learnt(step.round, insight))
        return insight

    def _evolve(self, step: Step, made: Mapping[str, Any]) -> tuple[SkillRevision, ...]:
        insight = made[f"round-{step.round}/learn"]

        def work() -> tuple[SkillRevision, ...]:
            return tuple(self._parts.agents.skill.evolve(self._context(step), insight))

        revisions = self._act(step.name, tuple[SkillRevision, ...], work)
        for number, revision in enumerate(revisions, 1):
            write = partial(self._parts.hub.apply, _of_run(self._parts.recorder.run, revision))
            self._act(f"{step.name}/apply-{number}", type(None), write)
        return revisions

    # --- the end ---

    def _recommend(self, step: Step, made: Mapping[str, Any]) -> Recommendation:
        recommendation = self._act(
            step.name, Recommendation, lambda: self._parts.agents.actor.recommend(self._context(step))
        )
        self._parts.watch(Recommended(recommendation))
        return recommendation

    def _confirm(self, step: Step, made: Mapping[str, Any]) -> Confirmation:
        recommendation: Recommendation = made[StepKind.RECOMMEND]
        if recommendation.is_production:
            return self._act(step.name, Confirmation, lambda: Confirmation(recommendation))
        approval = self._approval(step.name, "the confirmation of the recommended config")
        if not approval.granted:
            return self._act(
                step.name, Confirmation, lambda: Confirmation(recommendation, frozen=approval.why)
            )
        claim = partial(self._parts.recorder.claim_confirmation, self._parts.surface)
        number = self._act(f"{step.name}/claim", int, claim)
        arms = (self._control(), Arm("recommended", recommendation.config), *self._holdout_arm())
        launch = self._launch(step.name, "confirm", arms, self._exposures)
        outcome = self._laboratory().run(step.name, self._context(step), launch)

        def work() -> Confirmation:
            return Confirmation(
                recommendation,
                number,
                outcome.spec,
                outcome.last,
                settled(outcome, self._task),
                outcome.stopped,
                outcome.frozen,
            )

        return self._act(step.name, Confirmation, work)

    def _verdict(self, step: Step, made: Mapping[str, Any]) -> Verdict:
        confirmation: Confirmation = made[StepKind.CONFIRM]
        result = self._act(step.name, Verdict, lambda: self._judge(confirmation))
        if result.decision == "ship":
            approval = self._act(
                f"{step.name}/approval",
                Approval,
                lambda: self._parts.approver.ship(confirmation.recommendation, result)
                if self._parts.capabilities.real_traffic
                else _unasked(),
            )
            if approval.granted:
                deliver = partial(self._parts.backend.deliver, confirmation.recommendation.config)
                self._act(f"{step.name}/deliver", type(None), deliver)
        return result

    def _judge(self, confirmation: Confirmation) -> Verdict:
        recommendation = confirmation.recommendation
        alpha = self._task.experiment.alpha
        if recommendation.is_production:
            return Verdict("keep production", (recommendation.why,), (), 0, alpha)
        if confirmation.spec is None or confirmation.look is None:
            why = f"The confirmation was not launched: {confirmation.frozen}."
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

    def _act(self, key: str, kind: Any, work: Callable[[], Any]) -> Any:
        return self._parts.recorder.act(key, kind, work)

    def _approval(self, step: str, what: str) -> Approval:
        def ask() -> Approval:
            return self._parts.approver.launch(what) if self._parts.capabilities.real_traffic else _unasked()

        approval: Approval = self._act(f"{step}/approval", Approval, ask)
        return approval

    def _control(self) -> Arm:
        return Arm(CONTROL, Config(self._task.production))

    def _holdout_arm(self) -> tuple[Arm, ...]:
        config: Config | None = self._act("confirm/holdout", Config | None, self._parts.holdout)
        return () if config is None else (Arm(HOLDOUT, config),)

    def _launch(
        self, step: str, purpose: str, arms: tuple[Arm, ...], fresh_of: tuple[Exposure, ...]
    ) -> Launch:
        """Name and place an experiment. The salt is the campaign's, so that a seed gives the same users;
        the key is the run's, so that no other run's experiment is taken for it."""
        digest = hashlib.sha256(repr(arms).encode()).hexdigest()[:12]
        salt = f"{self._task.task.name}/{self._parts.seed}/{step}"
        start = self._parts.recorder.act(
            f"{step}/calendar", datetime, lambda: self._parts.clock.next_start(self._ended)
        )
        return Launch(f"{self._parts.recorder.run}/{step}/{digest}", salt, start, arms, purpose, fresh_of)

    def _laboratory(self) -> Laboratory:
        parts = self._parts
        gate = partial(enforce, self._task, parts.capabilities)

        def looked(spec: ExperimentSpec, look: Look) -> None:
            parts.watch(Looked(spec, look))

        return Laboratory(
            self._task, parts.backend, parts.agents.online, parts.clock, parts.recorder, gate, looked
        )

    def _spend(self, outcome: Outcome) -> None:
        """Remember which users an experiment took, and when it ended."""
        self._ended = outcome.ended
        if self._parts.capabilities.population:
            self._exposures += (outcome.spec.exposure(self._parts.capabilities.population),)

    def _context(self, step: Step) -> AgentContext:
        planned = self._task.experiment
        skill = self._parts.skill
        records = skill.knowledge if skill else ()
        return AgentContext(
            task=self._task,
            round=step.round,
            history=self._history,
            panel=self._panel,
            surrogate=self._surrogate(),
            mechanics=tuple(r.mechanic for r in records if r.status == "active" and r.mechanic),
            skill=skill,
            budget=Budget(
                rounds=max(planned.rounds + 1 - step.round, 0),
                arms=min(planned.arms, self._task.limits.arms or planned.arms),
                users_per_arm=planned.users_per_arm,
                days=planned.days,
            ),
            rng=_generator(self._parts.seed, step.name),
            functions=self._parts.functions,
        )

    def _surrogate(self) -> Surrogate:
        rounds = len(self._history)
        if rounds not in self._surrogates:
            self._surrogates = {rounds: fit(self._task, self._history)}
        return self._surrogates[rounds]

    def _sample_panel(self) -> Panel | None:
        backend = self._parts.backend
        return backend.panel(PANEL_REQUESTS) if isinstance(backend, PanelBackend) else None

    _DO = {
        StepKind.PROPOSE: _propose,
        StepKind.REVIEW: _review,
        StepKind.APPROVE: _approve,
        StepKind.EXPERIMENT: _experiment,
        StepKind.LEARN: _learn,
        StepKind.EVOLVE: _evolve,
        StepKind.RECOMMEND: _recommend,
        StepKind.CONFIRM: _confirm,
        StepKind.VERDICT: _verdict,
    }


def _generator(seed: int, step: str) -> np.random.Generator:
    """A counter-based generator for one step of one campaign."""
    digest = hashlib.sha256(f"{seed}/{step}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def _unasked() -> Approval:
    return Approval(True, "rectune", "the backend serves no real traffic")


def _of_run(run: str, revision: SkillRevision) -> SkillRevision:
    """The revision with its evidence named across runs: `round-3/experiment` becomes `RUN/round-3/...`."""
    def qualify(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{run}/{key}" for key in keys)

    records = []
    for record in revision.records:
        mechanic = record.mechanic
        if mechanic is not None:
            mechanic = replace(mechanic, evidence=qualify(mechanic.evidence))
        records.append(
            replace(
                record,
                mechanic=mechanic,
                supports=qualify(record.supports),
                contradicts=qualify(record.contradicts),
            )
        )
    return replace(revision, records=tuple(records))
