"""What every actor has to do: propose what may be served, say what it expects, recommend what it can stand
for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from rectune_dsl.agents.past import failures, tested_arms
from rectune_dsl.dsl.space import Space
from rectune_dsl.experiments.intervals import weighted_lifts
from rectune_dsl.hooks.api import LLM, Actor, AgentContext, Config, Prediction, Proposal, Recommendation
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.testing.agent_contract.common import ROUNDING, AgentSuite, snapshot, under_seed
from rectune_dsl.testing.agent_contract.situations import (
    MEASURED,
    ROOMY,
    SITUATIONS,
    TELLING,
    UNKNOWN,
    context,
)

MOST_PER_ARM = 10
"""Proposals for each arm that a person could still read, and a journal hold."""
SURELY = 0.01
"""One-sided level at which an arm's loss is shown."""

everywhere = pytest.mark.parametrize("situation", SITUATIONS)


class Asked:
    """An actor in all situations: each question is put to a new actor, and once."""

    def __init__(
        self, make: Callable[[], Actor], llm: LLM | None, heard: dict[tuple[object, ...], Any]
    ) -> None:
        self.make = make
        self._llm = llm
        self._heard = heard

    def context(self, situation: str) -> AgentContext:
        return context(situation, llm=self._llm)

    def proposals(self, situation: str) -> list[Proposal]:
        found: list[Proposal] = self._once("proposals", situation, self.propose)
        return found

    def recommendation(self, situation: str) -> Recommendation:
        found: Recommendation = self._once("recommendation", situation, self.recommend)
        return found

    def propose(self, situation: str, actor: Actor | None = None) -> list[Proposal]:
        return list((actor or self.make()).propose(self.context(situation)))

    def recommend(self, situation: str, actor: Actor | None = None) -> Recommendation:
        return (actor or self.make()).recommend(self.context(situation))

    def _once(self, what: str, situation: str, ask: Callable[[str], Any]) -> Any:
        key = (self.make, what, situation)
        if key not in self._heard:
            self._heard[key] = ask(situation)
        return self._heard[key]


class ActorSuite(AgentSuite):
    @pytest.fixture
    def asked(self, make: Callable[[], Actor], llm: LLM | None) -> Asked:
        return Asked(make, llm, self.heard)


class Proposing(ActorSuite):
    """What is proposed is what users may be served."""

    @everywhere
    def test_every_proposal_may_be_served(self, asked: Asked, situation: str) -> None:
        """Else the Critic refuses what could have been tested, and arms stay empty."""
        for proposal in asked.proposals(situation):
            assert_may_be_served(asked.context(situation), proposal.config)

    @everywhere
    def test_no_two_proposals_are_the_same(self, asked: Asked, situation: str) -> None:
        """Else two arms are paid for, and tell what one would."""
        configs = [tuple(sorted(p.config.values.items())) for p in asked.proposals(situation)]
        assert len(set(configs)) == len(configs)

    @everywhere
    def test_production_is_not_proposed(self, asked: Asked, situation: str) -> None:
        """Else an arm is spent on what control shows anyway."""
        production = asked.context(situation).task.production
        assert all(p.config.values != production for p in asked.proposals(situation))

    @everywhere
    def test_names_are_new_in_the_run(self, asked: Asked, situation: str) -> None:
        """Else two arms of one run have one name, and what was learnt of one is taken for the other's."""
        names = [proposal.name for proposal in asked.proposals(situation)]
        known = {arm.name for result in asked.context(situation).history for arm in result.arms}
        assert len(set(names)) == len(names)
        assert not known & set(names)
        assert all(names)

    @pytest.mark.parametrize("situation", ROOMY)
    def test_the_critic_has_a_choice(self, asked: Asked, situation: str) -> None:
        """Else there is nothing to review, and arms may stay empty."""
        assert len(asked.proposals(situation)) >= asked.context(situation).budget.arms

    @everywhere
    def test_no_more_are_proposed_than_people_can_read(self, asked: Asked, situation: str) -> None:
        """Else nobody looks through what was proposed, and every one of them is journalled."""
        assert len(asked.proposals(situation)) <= MOST_PER_ARM * asked.context(situation).budget.arms


class Predicting(ActorSuite):
    """Knowledge counts only on predictions that were registered before the outcome."""

    @everywhere
    def test_every_proposal_says_why_and_by_whom(self, asked: Asked, situation: str) -> None:
        """Else whoever approves it reads an empty line."""
        for proposal in asked.proposals(situation):
            assert proposal.hypothesis.statement.strip()
            assert proposal.author.strip()

    @everywhere
    def test_every_hypothesis_predicts_a_goal(self, asked: Asked, situation: str) -> None:
        """Else the hypothesis cannot be wrong, and so says nothing."""
        task = asked.context(situation).task
        for proposal in asked.proposals(situation):
            metrics = [prediction.metric for prediction in proposal.hypothesis.predictions]
            assert set(metrics) & set(task.north_stars)
            assert set(metrics) <= set(task.judged)
            assert len(set(metrics)) == len(metrics)

    @everywhere
    def test_predictions_are_intervals(self, asked: Asked, situation: str) -> None:
        """Else nobody can say afterwards whether the outcome was expected."""
        for proposal in asked.proposals(situation):
            assert_intervals(proposal.hypothesis.predictions)

    def test_once_something_was_measured_predictions_have_a_sign(self, asked: Asked) -> None:
        """Else the actor learns nothing from its rounds, or does not say so."""
        situation = "two rounds were measured"
        goals = asked.context(situation).task.north_stars
        told = [p for q in asked.proposals(situation) for p in q.hypothesis.predictions]
        assert any(p.lift != 0 for p in told if p.metric in goals)


class Repeating(ActorSuite):
    """A campaign that was killed runs again, and has to arrive where it was."""

    @pytest.mark.parametrize("situation", TELLING)
    def test_the_same_context_gives_the_same(self, asked: Asked, situation: str) -> None:
        """Else a resumed run differs from one that was not interrupted."""
        assert asked.propose(situation) == asked.proposals(situation)
        assert asked.recommend(situation) == asked.recommendation(situation)

    @pytest.mark.parametrize("situation", TELLING)
    def test_only_the_context_s_generator_is_drawn_from(self, asked: Asked, situation: str) -> None:
        """Else results depend on what else ran in the process, and nobody can repeat them."""
        first, second = (under_seed(seed, lambda: asked.propose(situation)) for seed in (1, 2))
        assert first == second
        best, again = (under_seed(seed, lambda: asked.recommend(situation)) for seed in (1, 2))
        assert best == again

    def test_nothing_is_remembered_between_rounds(self, asked: Asked) -> None:
        """Else a run that goes on in a new process forgets what the agent only had in its head."""
        old, now = asked.make(), "two rounds were measured"
        for before in ("the first round", "a constraint", "the best arm was stopped"):
            asked.propose(before, old)
            asked.recommend(before, old)
        assert asked.propose(now, old) == asked.proposals(now)
        assert asked.recommend(now, old) == asked.recommendation(now)

    @pytest.mark.parametrize("situation", TELLING)
    def test_the_context_is_left_as_it_was(self, asked: Asked, situation: str) -> None:
        """Else whoever comes next in the round judges by other numbers than the journal has."""
        told = asked.context(situation)
        before = snapshot(told)
        asked.make().propose(told)
        asked.make().recommend(told)
        assert snapshot(told) == before

    @everywhere
    def test_all_of_it_can_be_journalled(self, asked: Asked, situation: str) -> None:
        """Else the step is done and cannot be recorded."""
        for proposal in asked.proposals(situation):
            assert decode(Proposal, encode(Proposal, proposal)) == proposal
        found = asked.recommendation(situation)
        assert decode(Recommendation, encode(Recommendation, found)) == found


class Recommending(ActorSuite):
    """What is recommended uses up a confirmation of the surface, and may be shipped to everybody."""

    @everywhere
    def test_what_is_recommended_may_be_served(self, asked: Asked, situation: str) -> None:
        """Else the confirmation is refused, or a constraint is broken in front of everybody."""
        assert_may_be_served(asked.context(situation), asked.recommendation(situation).config)

    @everywhere
    def test_production_is_called_production(self, asked: Asked, situation: str) -> None:
        """Else production is confirmed against itself, or a change is never confirmed."""
        found = asked.recommendation(situation)
        is_production = found.config.values == asked.context(situation).task.production
        assert found.is_production == is_production

    @pytest.mark.parametrize("situation", UNKNOWN)
    def test_where_nothing_was_shown_production_is_kept(self, asked: Asked, situation: str) -> None:
        """Else a guess uses up a confirmation, and each one that is used makes the next one stricter."""
        assert asked.recommendation(situation).is_production

    def test_an_arm_that_was_stopped_is_not_recommended(self, asked: Asked) -> None:
        """Else users are harmed a second time."""
        situation = "the best arm was stopped"
        history = asked.context(situation).history
        stopped = [arm.config for r in history for arm in r.arms if arm.name in r.stopped]
        assert asked.recommendation(situation).config not in stopped

    @pytest.mark.parametrize("situation", MEASURED)
    def test_an_arm_that_was_shown_to_lose_is_not_recommended(self, asked: Asked, situation: str) -> None:
        """Else a confirmation is used up on what is known already, or users get less of what is wanted."""
        told = asked.context(situation)
        weights = told.task.objective_weights
        lost = [
            arm.config
            for result in told.history
            for arm in tested_arms([result])
            if (gain := weighted_lifts(result.estimates, weights, arm.name)) and gain.upper(SURELY) < 0
        ]
        assert asked.recommendation(situation).config not in lost

    @pytest.mark.parametrize("situation", MEASURED)
    def test_an_arm_that_was_shown_to_break_a_guardrail_is_not_recommended(
        self, asked: Asked, situation: str
    ) -> None:
        """Else what is known to harm is tested on more people."""
        told = asked.context(situation)
        stopped = {name for result in told.history for name in result.stopped}
        broken = [known.config for known in failures(told.task, told.history) if known.arm not in stopped]
        assert asked.recommendation(situation).config not in broken

    @everywhere
    def test_the_reasons_are_numbers_that_people_can_weigh(self, asked: Asked, situation: str) -> None:
        """Else whoever approves the confirmation is told nothing, or nonsense."""
        found = asked.recommendation(situation)
        assert found.why.strip()
        assert 0 <= found.p_feasible <= 1
        assert 0 <= found.chance_to_ship <= 1
        assert_intervals((*found.predictions, found.objective))


class ActorContract(Proposing, Predicting, Repeating, Recommending):
    """What every actor has to do."""


def assert_may_be_served(told: AgentContext, config: Config) -> None:
    """Whole, inside bounds and constraints, and no further from production than `[limits] step` allows."""
    space = Space(told.task)
    assert set(config.values) == set(space.names)
    assert space.violations(config.values) == ()
    offset = np.abs(space.to_unit(config.values) - space.production).max()
    assert offset <= told.task.limits.step + ROUNDING


def assert_intervals(predictions: Sequence[Prediction]) -> None:
    for prediction in predictions:
        assert math.isfinite(prediction.high - prediction.low)
        assert prediction.low <= prediction.lift <= prediction.high
