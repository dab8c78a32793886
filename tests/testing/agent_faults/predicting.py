"""Actors whose hypotheses say nothing that could be wrong."""

from __future__ import annotations

from dataclasses import replace

from agent_faults.plain import Plain, actor
from rectune_dsl.hooks.api import Hypothesis, Prediction, Proposal


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
