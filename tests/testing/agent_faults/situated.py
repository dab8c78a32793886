"""Actors that are right until a task has a skill, a segment, less to want, or a limit of another kind."""

from __future__ import annotations

from agent_faults.plain import Moved, Plain, actor
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, Prediction


@actor("test_every_proposal_may_be_served")
class TrustsTheSkillSBounds(Moved):
    def moved(self, values, context):
        learnt = [record.bounds for record in context.knowledge if record.bounds]
        return values | {bounds.param: bounds.high for bounds in learnt if bounds.param in values}


@actor("test_every_proposal_may_be_served")
class TakesTheSkillSParams(Moved):
    def moved(self, values, context):
        return values | dict.fromkeys(context.skill.initial_values, 1.0) if context.skill else values


@actor("test_every_hypothesis_predicts_a_goal")
class PredictsWhatTheSkillKnows(Plain):
    def predictions(self, context, config):
        known = [record.mechanic for record in context.knowledge if record.mechanic]
        others = [m for m in known if m.metric not in context.task.north_stars]
        more = (Prediction(m.metric, m.effect, m.low, m.high) for m in others)
        return (*super().predictions(context, config), *more)


@actor("test_where_nothing_was_shown_production_is_kept")
class RecommendsTheSkillSValues(Plain):
    def recommend(self, context):
        values = dict(context.task.production) | dict(context.skill.initial_values if context.skill else {})
        is_known = set(values) == set(context.task.params)
        if context.skill and is_known and not Space(context.task).violations(values):
            return self.recommendation(context, Config(values))
        return super().recommend(context)


@actor("test_the_context_is_left_as_it_was")
class TidiesTheSkill(Plain):
    def propose(self, context):
        if context.skill:
            context.skill.initial_values.clear()
        return super().propose(context)


@actor("test_every_proposal_may_be_served")
class ForgetsSegments(Moved):
    def moved(self, values, context):
        return {name: value for name, value in values.items() if "." not in name}


@actor("test_an_arm_that_was_shown_to_break_a_guardrail_is_not_recommended")
class ForgetsGuardrailsOfSegments(Plain):
    def holds(self, limit, result, arm, metric):
        return "." in metric or super().holds(limit, result, arm, metric)


@actor("test_an_arm_that_was_shown_to_break_a_guardrail_is_not_recommended")
class TakesEveryLimitForAFloor(Plain):
    def holds(self, limit, result, arm, metric):
        return limit.direction == "<=" or super().holds(limit, result, arm, metric)


@actor("test_an_arm_that_was_shown_to_break_a_guardrail_is_not_recommended")
class TakesLevelsForLifts(Plain):
    def level(self, result, arm, metric):
        return self.lift(result, arm, metric)


@actor("test_an_arm_that_was_shown_to_lose_is_not_recommended")
class WantsMoreOfEverything(Plain):
    def gain(self, task, result, arm):
        lifts = [self.lift(result, arm, metric) for metric in task.north_stars]
        return None if None in lifts else sum(lifts)
