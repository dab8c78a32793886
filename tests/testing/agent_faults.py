"""Actors and critics with one fault each, and the tests of their contracts that fail: these and no others."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import numpy as np

from rectune_dsl.agents.critic_none import NoCritic
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Check, Config, Hypothesis, Prediction, Proposal, Recommendation

ACTOR_FAULTS: dict[type, list[str]] = {}
CRITIC_FAULTS: dict[type, list[str]] = {}
NUMBERS = itertools.count()


def actor(*tests):
    return lambda kind: ACTOR_FAULTS.setdefault(kind, sorted(tests)) and kind


def critic(*tests):
    return lambda kind: CRITIC_FAULTS.setdefault(kind, sorted(tests)) and kind


class Plain:
    """Proposes what lies near production, and recommends the best that was measured."""

    def propose(self, context):
        space = Space(context.task)
        radius = min(0.2, context.task.limits.step)
        points = space.sample(context.rng, 2 * context.budget.arms, radius=radius)
        configs = {tuple(values.items()) for values in map(space.from_unit, points) if space.feasible(values)}
        configs.discard(tuple(context.task.production.items()))
        return [
            self.proposal(context, f"r{context.round}p{number}", Config(dict(values)))
            for number, values in enumerate(sorted(configs), 1)
        ]

    def proposal(self, context, name, config):
        return Proposal(name, config, Hypothesis("It may help.", self.predictions(context, config)), "plain")

    def predictions(self, context, config):
        lift = 0.1 * (config.values.get("w_click", 0.0) - 1.0) if context.history else 0.0
        return tuple(Prediction(metric, lift, lift - 0.1, lift + 0.1) for metric in context.task.north_stars)

    def recommend(self, context):
        space, task = Space(context.task), context.task
        measured = [
            (lifts[result.estimates.metrics.index("watch")], arm.config)
            for result in context.history
            if not result.frozen
            for arm, lifts in zip(result.arms[1:], result.estimates.lift, strict=True)
            if self.counts(result, arm)
        ]
        found = [
            (lift, config)
            for lift, config in measured
            if lift is not None
            and lift > 0
            and np.abs(space.to_unit(config.values) - space.production).max() <= task.limits.step
        ]
        best = max(found, key=lambda row: row[0], default=(0.0, Config(task.production)))[1]
        return self.recommendation(context, best)

    def counts(self, result, arm):
        return arm.name not in result.stopped

    def recommendation(self, context, config):
        return Recommendation(
            config=config,
            is_production=config.values == context.task.production,
            predictions=self.predictions(context, config),
            objective=Prediction("U", 0.01, -0.01, 0.03),
            p_feasible=0.9,
            chance_to_ship=0.5,
            why="It did best.",
        )


class Moved(Plain):
    """The first proposal's config is changed."""

    def propose(self, context):
        first, *others = super().propose(context)
        values = self.moved(dict(first.config.values), context)
        return [replace(first, config=Config(values)), *others]


@actor("test_every_proposal_may_be_served")
class LeavesAParamOut(Moved):
    def moved(self, values, context):
        values.pop("w_like", None)
        return values


@actor("test_every_proposal_may_be_served")
class InventsAParam(Moved):
    def moved(self, values, context):
        return {**values, "w_other": 1.0}


@actor("test_every_proposal_may_be_served")
class LeavesTheBounds(Moved):
    def moved(self, values, context):
        name = next(iter(values))
        return {**values, name: context.task.params[name].high * 1.01}


@actor("test_every_proposal_may_be_served")
class LeavesWholeNumbers(Moved):
    def moved(self, values, context):
        is_whole = {name for name, param in context.task.params.items() if param.type == "int"}
        return {name: value + 0.25 * (name in is_whole) for name, value in values.items()}


@actor("test_every_proposal_may_be_served")
class BreaksTheConstraint(Moved):
    def moved(self, values, context):
        return {**values, "w_click": 1.4, "w_long": 0.8} if context.task.constraints else values


@actor("test_every_proposal_may_be_served")
class BreaksTheOrder(Moved):
    def moved(self, values, context):
        ordered = [names for names, _ in context.task.ordered.values()]
        for first, *_, last in ordered:
            values[first], values[last] = values[last], values[first]
        return values


@actor("test_every_proposal_may_be_served")
class GoesTooFar(Moved):
    def moved(self, values, context):
        return {**values, "w_click": 2.0} if context.task.limits.step < 0.1 else values


@actor("test_production_is_not_proposed")
class ProposesProduction(Moved):
    def moved(self, values, context):
        return dict(context.task.production)


@actor("test_no_two_proposals_are_the_same")
class ProposesTwice(Plain):
    def propose(self, context):
        first, *others = super().propose(context)
        return [first, *others, replace(first, name="again")]


@actor("test_names_are_new_in_the_run")
class NamesAreThoseOfTheRoundBefore(Plain):
    def propose(self, context):
        found = super().propose(context)
        return [replace(p, name=p.name.replace(f"r{context.round}", "r1")) for p in found]


@actor("test_names_are_new_in_the_run")
class NamesAreEqual(Plain):
    def propose(self, context):
        return [replace(p, name=f"r{context.round}p1") for p in super().propose(context)]


@actor("test_the_critic_has_a_choice", "test_once_something_was_measured_predictions_have_a_sign")
class GivesUp(Plain):
    def propose(self, context):
        return super().propose(context)[:1] if len(context.history) < 2 else []


@actor("test_no_more_are_proposed_than_people_can_read")
class ProposesTooMany(Plain):
    def propose(self, context):
        budget = replace(context.budget, arms=6 * context.budget.arms)
        return super().propose(replace(context, budget=budget))


@actor("test_every_proposal_says_why_and_by_whom")
class SaysNothing(Plain):
    def proposal(self, context, name, config):
        return Proposal(name, config, Hypothesis(" ", self.predictions(context, config)), "plain")


@actor("test_every_proposal_says_why_and_by_whom")
class IsNobody(Plain):
    def proposal(self, context, name, config):
        return replace(super().proposal(context, name, config), author="")


@actor("test_every_hypothesis_predicts_a_goal", "test_once_something_was_measured_predictions_have_a_sign")
class PredictsNothing(Plain):
    def predictions(self, context, config):
        return ()


@actor("test_every_hypothesis_predicts_a_goal")
class PredictsWhatNobodyMeasures(Plain):
    def predictions(self, context, config):
        return (*super().predictions(context, config), Prediction("happiness", 0.0, -1.0, 1.0))


@actor("test_predictions_are_intervals", "test_the_reasons_are_numbers_that_people_can_weigh")
class IntervalsAreReversed(Plain):
    def predictions(self, context, config):
        return tuple(replace(p, low=p.high, high=p.low) for p in super().predictions(context, config))


@actor(
    "test_all_of_it_can_be_journalled",
    "test_predictions_are_intervals",
    "test_the_reasons_are_numbers_that_people_can_weigh",
)
class IsCertainOfNothing(Plain):
    def predictions(self, context, config):
        return tuple(replace(p, high=float("inf")) for p in super().predictions(context, config))


@actor("test_once_something_was_measured_predictions_have_a_sign")
class NeverLearns(Plain):
    def predictions(self, context, config):
        return super().predictions(replace(context, history=()), config)


@actor(
    "test_nothing_is_remembered_between_rounds",
    "test_only_the_context_s_generator_is_drawn_from",
    "test_the_same_context_gives_the_same",
)
class CountsForEver(Plain):
    def proposal(self, context, name, config):
        return replace(super().proposal(context, name, config), author=f"plain {next(NUMBERS)}")


class DrawsFrom(Plain):
    """Adds what a generator gives to the words: equal under equal seeds."""

    def proposal(self, context, name, config):
        return replace(super().proposal(context, name, config), author=f"plain {self.number()}")


@actor("test_only_the_context_s_generator_is_drawn_from")
class DrawsFromEverybodySGenerator(DrawsFrom):
    def number(self):
        state = random.getstate()
        found = random.random()
        random.setstate(state)
        return found


@actor("test_only_the_context_s_generator_is_drawn_from")
class DrawsFromNumPySGenerator(DrawsFrom):
    def number(self):
        state = np.random.get_state()
        found = np.random.random()
        np.random.set_state(state)
        return found


@actor("test_nothing_is_remembered_between_rounds")
class RemembersItsRounds(Plain):
    rounds = 0

    def propose(self, context):
        self.rounds += 1
        return [replace(p, author=f"plain, round {self.rounds}") for p in super().propose(context)]


@actor("test_the_context_is_left_as_it_was")
class StopsArmsItself(Plain):
    def propose(self, context):
        for result in context.history:
            result.stopped["r9p9"] = "I did not like it"
        return super().propose(context)


@actor("test_the_context_is_left_as_it_was")
class SortsThePanel(Plain):
    def recommend(self, context):
        if context.panel is not None:
            context.panel.signals["rank"]["p_click"][::] = 0.0
        return super().recommend(context)


@actor("test_all_of_it_can_be_journalled")
class WritesInNumPy(Moved):
    def moved(self, values, context):
        return {name: np.float32(value) if name == "w_like" else value for name, value in values.items()}


@actor("test_production_is_called_production", "test_where_nothing_was_shown_production_is_kept")
class SaysItIsNoProduction(Plain):
    def recommendation(self, context, config):
        return replace(super().recommendation(context, config), is_production=False)


@actor("test_an_arm_that_was_stopped_is_not_recommended", "test_where_nothing_was_shown_production_is_kept")
class RecommendsWhatWasStopped(Plain):
    def counts(self, result, arm):
        return True


@actor("test_what_is_recommended_may_be_served")
class RecommendsBeyondTheStep(Plain):
    def recommend(self, context):
        found = super().recommend(context)
        if context.task.limits.step > 0.1:
            return found
        return self.recommendation(context, Config({**context.task.production, "w_click": 2.0}))


@actor("test_the_reasons_are_numbers_that_people_can_weigh")
class DoesNotSayWhy(Plain):
    def recommendation(self, context, config):
        return replace(super().recommendation(context, config), why="")


@actor("test_the_reasons_are_numbers_that_people_can_weigh")
class CallsPercentsChances(Plain):
    def recommendation(self, context, config):
        return replace(super().recommendation(context, config), p_feasible=90.0)


class Reviewed(NoCritic):
    """Each review is changed."""

    def review(self, context, proposals):
        return [self.changed(r) for r in super().review(context, proposals)]


@critic("test_every_proposal_is_reviewed_once")
class ReviewsWhatItTakes(NoCritic):
    def review(self, context, proposals):
        return [review for review in super().review(context, proposals) if review.taken]


@critic("test_no_more_are_taken_than_there_are_arms")
class TakesOneMore(NoCritic):
    def review(self, context, proposals):
        return super().review(replace(context, budget=replace(context.budget, arms=20)), proposals)


@critic("test_something_harmless_is_taken")
class TakesNothing(Reviewed):
    def changed(self, review):
        return replace(review, taken=False)


@critic("test_what_may_not_be_served_is_refused")
class TakesWhatIsInvalid(NoCritic):
    def review(self, context, proposals):
        found = super().review(context, proposals)
        return [
            replace(r, taken=True, checks=()) if r.proposal == "bad" and r.checks[0].passed is False else r
            for r in found
        ]


@critic("test_what_may_not_be_served_is_refused")
class TakesTooLongAStep(NoCritic):
    def review(self, context, proposals):
        found = super().review(context, proposals)
        return [replace(r, taken=True, checks=()) if r.proposal == "bad" else r for r in found]


@critic("test_nothing_proposed_gives_no_reviews")
class NeedsAProposal(NoCritic):
    def review(self, context, proposals):
        assert proposals[0].name
        return super().review(context, proposals)


@critic("test_every_review_says_why")
class GivesNoReason(Reviewed):
    def changed(self, review):
        return replace(review, justification="")


@critic("test_every_check_has_a_name_and_an_answer")
class AsksTheSameTwice(Reviewed):
    def changed(self, review):
        return replace(review, checks=(*review.checks, review.checks[0]))


@critic("test_every_check_has_a_name_and_an_answer")
class ChecksWithoutAnAnswer(Reviewed):
    def changed(self, review):
        return replace(review, checks=(Check("mood", True, ""),))


@critic("test_what_is_taken_has_failed_no_check")
class TakesWhatFailed(Reviewed):
    def changed(self, review):
        return replace(review, checks=(*review.checks, Check("mood", False, "it looks bad")))


@critic("test_all_of_it_can_be_journalled")
class WritesWhatIsNoText(Reviewed):
    def changed(self, review):
        return replace(review, checks=(Check("mood", True, "\ud800"),))


@critic(
    "test_nothing_is_remembered_between_rounds",
    "test_only_the_context_s_generator_is_drawn_from",
    "test_the_same_context_gives_the_same",
)
class NumbersItsReviews(Reviewed):
    def changed(self, review):
        return replace(review, justification=f"number {next(NUMBERS)}")


@critic("test_only_the_context_s_generator_is_drawn_from")
class RollsEverybodySDice(Reviewed):
    def changed(self, review):
        return replace(review, justification=f"it feels like {DrawsFromNumPySGenerator().number()}")


@critic("test_nothing_is_remembered_between_rounds")
class RemembersItsReviews(Reviewed):
    def __init__(self):
        self.count = 0

    def changed(self, review):
        self.count += 1
        return replace(review, justification=f"number {self.count} of this critic")


@critic("test_what_it_is_given_is_left_as_it_was")
class RoundsTheProposals(NoCritic):
    def review(self, context, proposals):
        for proposal in proposals:
            for name, value in proposal.config.values.items():
                proposal.config.values[name] = float(f"{value:.3g}")
        return super().review(context, proposals)
