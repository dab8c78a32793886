"""Actors that propose what may not be served, or what is not worth an arm."""

from __future__ import annotations

from dataclasses import replace

from agent_faults.plain import Moved, Plain, actor


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
