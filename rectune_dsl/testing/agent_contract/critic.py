"""What every critic has to do: one review for each proposal, nothing taken that may not be served, and a
reason for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from rectune_dsl.agents.actor_random import RandomActor
from rectune_dsl.hooks.api import LLM, Config, Critic, Hypothesis, Proposal, Review
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.testing.agent_contract.common import AgentSuite, snapshot, under_seed
from rectune_dsl.testing.agent_contract.situations import ROOMY, SITUATIONS, TELLING, context

Values = Mapping[str, float]

everywhere = pytest.mark.parametrize("situation", SITUATIONS)


def _lacking(production: Values) -> Values:
    return {name: value for name, value in production.items() if name != "w_long"}


INVALID: Mapping[str, tuple[str, Callable[[Values], Values]]] = {
    "above its bound": ("the first round", lambda at: {**at, "w_click": 3.5}),
    "below its bound": ("the first round", lambda at: {**at, "w_like": 0.01}),
    "no number": ("the first round", lambda at: {**at, "w_click": math.nan}),
    "infinite": ("the first round", lambda at: {**at, "w_like": math.inf}),
    "a param left out": ("the first round", _lacking),
    "an unknown param": ("the first round", lambda at: {**at, "w_clik": 1.0}),
    "no whole number": ("whole numbers", lambda at: {**at, "w_click": 5.5}),
    "a broken constraint": ("a constraint", lambda at: {**at, "w_click": 1.2, "w_long": 0.9}),
    "too long a step": ("a short step", lambda at: {**at, "w_click": 1.9}),
    "a broken order": ("an ordered vector", lambda at: {**at, "u[0]": 0.8}),
    "above a segment's bound": ("a segment", lambda at: {**at, "new.w_click": 1.6}),
}
"""Configs that may not be served: a situation, and what is changed of its production."""


class Asked:
    """A critic in all situations: each question is put to a new critic, and once."""

    def __init__(
        self, make: Callable[[], Critic], llm: LLM | None, heard: dict[tuple[object, ...], Any]
    ) -> None:
        self.make = make
        self.llm = llm
        self._heard = heard

    def reviews(self, situation: str) -> list[Review]:
        key = (self.make, "reviews", situation)
        if key not in self._heard:
            self._heard[key] = self.review(situation)
        found: list[Review] = self._heard[key]
        return found

    def review(self, situation: str, critic: Critic | None = None) -> list[Review]:
        told = context(situation, llm=self.llm)
        return list((critic or self.make()).review(told, proposed(situation)))


class CriticSuite(AgentSuite):
    @pytest.fixture
    def asked(self, make: Callable[[], Critic], llm: LLM | None) -> Asked:
        return Asked(make, llm, self.heard)


class Choosing(CriticSuite):
    """What is taken is tested on people."""

    @everywhere
    def test_every_proposal_is_reviewed_once(self, asked: Asked, situation: str) -> None:
        """Else a proposal is lost, and nobody reads why."""
        names = [proposal.name for proposal in proposed(situation)]
        assert [review.proposal for review in asked.reviews(situation)] == names

    @everywhere
    def test_no_more_are_taken_than_there_are_arms(self, asked: Asked, situation: str) -> None:
        """Else a round takes traffic that nobody planned."""
        taken = sum(review.taken for review in asked.reviews(situation))
        assert taken <= context(situation).budget.arms

    @pytest.mark.parametrize("fault", INVALID)
    def test_what_may_not_be_served_is_refused(self, asked: Asked, fault: str) -> None:
        """Else people are served a config that the task forbids, whoever thought it up."""
        situation, change = INVALID[fault]
        told = context(situation, llm=asked.llm)
        values = dict(change(told.task.production))
        bad = Proposal("bad", Config(values), Hypothesis("It will help.", ()), "a person")
        reviews = asked.make().review(told, [bad, *proposed(situation)])
        assert not any(review.taken for review in reviews if review.proposal == bad.name)

    @pytest.mark.parametrize("situation", ROOMY)
    def test_something_harmless_is_taken(self, asked: Asked, situation: str) -> None:
        """Else campaigns end without having tested anything."""
        assert any(review.taken for review in asked.reviews(situation))

    def test_fewer_of_what_is_minimised_is_no_reason_to_refuse(self, asked: Asked) -> None:
        """Else campaigns that want less of something test nothing that should help."""
        situation = "a goal to minimise"
        helpful = [p for p in proposed(situation) if lowers(p, "skips")]
        reviews = asked.make().review(context(situation, llm=asked.llm), helpful)
        assert any(review.taken for review in reviews)

    def test_nothing_proposed_gives_no_reviews(self, asked: Asked) -> None:
        """Else a round in which nothing could be proposed ends the campaign."""
        assert list(asked.make().review(context("the first round", llm=asked.llm), [])) == []


class Explaining(CriticSuite):
    """People approve by what the Critic says."""

    @everywhere
    def test_every_review_says_why(self, asked: Asked, situation: str) -> None:
        """Else whoever approves it reads an empty line."""
        assert all(review.justification.strip() for review in asked.reviews(situation))

    @everywhere
    def test_every_check_has_a_name_and_an_answer(self, asked: Asked, situation: str) -> None:
        """Else it is not told what was asked of a proposal."""
        for review in asked.reviews(situation):
            names = [check.name for check in review.checks]
            assert len(set(names)) == len(names)
            assert all(check.name.strip() and check.detail.strip() for check in review.checks)

    @everywhere
    def test_what_is_taken_has_failed_no_check(self, asked: Asked, situation: str) -> None:
        """Else the reasons that are written down are not those by which it was decided."""
        taken = [review for review in asked.reviews(situation) if review.taken]
        assert all(check.passed for review in taken for check in review.checks)

    @everywhere
    def test_all_of_it_can_be_journalled(self, asked: Asked, situation: str) -> None:
        """Else the step is done and cannot be recorded."""
        for review in asked.reviews(situation):
            assert decode(Review, encode(Review, review)) == review


class Judging(CriticSuite):
    """A campaign that was killed runs again, and has to arrive where it was."""

    @pytest.mark.parametrize("situation", TELLING)
    def test_the_same_context_gives_the_same(self, asked: Asked, situation: str) -> None:
        """Else a resumed run tests other arms than one that was not interrupted."""
        assert asked.review(situation) == asked.reviews(situation)

    @pytest.mark.parametrize("situation", TELLING)
    def test_only_the_context_s_generator_is_drawn_from(self, asked: Asked, situation: str) -> None:
        """Else results depend on what else ran in the process, and nobody can repeat them."""
        first, second = (under_seed(seed, lambda: asked.review(situation)) for seed in (1, 2))
        assert first == second

    def test_nothing_is_remembered_between_rounds(self, asked: Asked) -> None:
        """Else a run that goes on in a new process forgets what the agent only had in its head."""
        old, now = asked.make(), "two rounds were measured"
        for before in ("the first round", "the best arm was stopped"):
            asked.review(before, old)
        assert asked.review(now, old) == asked.reviews(now)

    @pytest.mark.parametrize("situation", TELLING)
    def test_what_it_is_given_is_left_as_it_was(self, asked: Asked, situation: str) -> None:
        """Else whoever comes next in the round judges by other numbers than the journal has."""
        told, proposals = context(situation, llm=asked.llm), proposed(situation)
        before = snapshot(told), repr(proposals)
        asked.make().review(told, proposals)
        assert (snapshot(told), repr(proposals)) == before


class CriticContract(Choosing, Explaining, Judging):
    """What every critic has to do."""


def proposed(situation: str) -> list[Proposal]:
    """Valid proposals in a situation, twice as many as there are arms."""
    return deepcopy(_proposed(situation))


def lowers(proposal: Proposal, metric: str) -> bool:
    """Whether it is expected to lower a metric."""
    return any(p.lift < 0 for p in proposal.hypothesis.predictions if p.metric == metric)


@cache
def _proposed(situation: str) -> list[Proposal]:
    return list(RandomActor().propose(context(situation)))
