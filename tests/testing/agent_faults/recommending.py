"""Actors that recommend what they cannot stand for, or do not say why."""

from __future__ import annotations

from dataclasses import replace

from agent_faults.plain import Plain, actor
from rectune_dsl.hooks.api import Config


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
