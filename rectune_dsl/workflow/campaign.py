"""Executes a workflow, round by round. What a step makes stands in the journal before the next one begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rectune_dsl.hooks.api import (
    CONTROL,
    Arm,
    AskedFor,
    ChangeDescription,
    Config,
    Exposure,
    Insight,
    Proposal,
    Review,
    RoundResult,
    Verdict,
)
from rectune_dsl.memory.recorder import NOTHING
from rectune_dsl.workflow.compile import Step, StepKind
from rectune_dsl.workflow.consent import consent
from rectune_dsl.workflow.context import Contexts
from rectune_dsl.workflow.contracts import well_proposed, well_reviewed
from rectune_dsl.workflow.describing import description
from rectune_dsl.workflow.ending import Ending
from rectune_dsl.workflow.journaled import KnowledgeUsed, Request
from rectune_dsl.workflow.launches import Launches
from rectune_dsl.workflow.learning import Learning
from rectune_dsl.workflow.limits import Gate
from rectune_dsl.workflow.parts import Parts
from rectune_dsl.workflow.requests import Requests
from rectune_dsl.workflow.settled import settled
from rectune_dsl.workflow.watch import (
    Learnt,
    Proposed,
    Reviewed,
    RoundFinished,
    StepStarted,
)


class Campaign:
    """One run of a workflow. `run` starts it, or takes it up where its journal ends, and goes on until it is
    over; or, where the run does not stay for what it waits for, until it has to wait."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._task = parts.task
        self._act = parts.recorder.act
        self._gate = Gate(parts.task, parts.capabilities)
        self._contexts = Contexts(parts)
        self._launches = Launches(parts, self._gate, self._contexts)
        self._learning = Learning(parts, self._contexts)
        self._requests = Requests(
            parts.task, parts.capabilities, self._launches.serves_from, self._description
        )
        self._history: tuple[RoundResult, ...] = ()
        self._exposures: tuple[Exposure, ...] = ()
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
        ending = Ending(
            self._parts, self._gate, self._contexts, self._launches, self._history, self._exposures
        )
        return ending.run(*steps[-3:])

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
        self._act(f"{step.name}/knowledge", KnowledgeUsed, lambda: self._contexts.used(step))
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
        granted = arms and consent(self._parts, step.name, lambda: self._launch_request(step, arms)).granted
        self._arms = (Arm(CONTROL, Config(self._task.production)), *arms) if granted else ()

    def _launch_request(self, step: Step, arms: tuple[Arm, ...]) -> Request:
        known = self._contexts.of(step, self._history)
        return self._requests.launch(step, arms, self._proposals, known)

    def _description(
        self, step: Step, asked_for: AskedFor, proposals: Sequence[Proposal]
    ) -> ChangeDescription | None:
        return description(self._parts, self._contexts, step, asked_for, proposals, self._history)

    def _experiment(self, step: Step) -> None:
        if not self._arms:
            return
        self._learning.register(step, self._arms, self._history)
        outcome = self._launches.run(step, "explore", self._arms, (), self._history)
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
        self._learning.evolve(step, self._history, self._insight)
