"""Critics with one fault each."""

from __future__ import annotations

from dataclasses import replace

from agent_faults.plain import NUMBERS, critic
from agent_faults.repeating import DrawsFromNumPySGenerator
from rectune_dsl.agents.critic_none import NoCritic
from rectune_dsl.hooks.api import Check


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


@critic("test_fewer_of_what_is_minimised_is_no_reason_to_refuse", "test_something_harmless_is_taken")
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


@critic("test_what_may_not_be_served_is_refused")
class OverlooksSegments(NoCritic):
    def review(self, context, proposals):
        found = super().review(context, proposals)
        is_plain = not context.task.segments
        return [r if is_plain or r.proposal != "bad" else replace(r, taken=True, checks=()) for r in found]


@critic("test_fewer_of_what_is_minimised_is_no_reason_to_refuse")
class WantsMoreOfEverything(NoCritic):
    def review(self, context, proposals):
        goals = context.task.north_stars
        less = {
            p.name for p in proposals for q in p.hypothesis.predictions if q.metric in goals and q.lift < 0
        }
        found = super().review(context, proposals)
        return [replace(r, taken=r.taken and r.proposal not in less) for r in found]


@critic("test_every_review_says_why")
class QuotesTheSkill(NoCritic):
    def review(self, context, proposals):
        said = [record.why for record in context.knowledge]
        found = super().review(context, proposals)
        return [replace(r, justification=said[0] if said else r.justification) for r in found]


@critic("test_what_it_is_given_is_left_as_it_was")
class TidiesTheSkill(NoCritic):
    def review(self, context, proposals):
        if context.skill:
            context.skill.initial_values.clear()
        return super().review(context, proposals)
