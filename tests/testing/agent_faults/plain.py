"""What is planted with faults: an actor that keeps its contract, and the tests that each fault fails."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, Hypothesis, Prediction, Proposal, Recommendation

ACTOR_FAULTS: dict[type, list[str]] = {}
CRITIC_FAULTS: dict[type, list[str]] = {}
"""The tests that fail for each of them: these and no others."""
NUMBERS = itertools.count()
"""Of which no two are equal."""


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
        task, space = context.task, Space(context.task)
        found = [
            (gain, arm.config)
            for result in context.history
            if not result.frozen
            for arm in result.arms[1:]
            if self.counts(result, arm) and self.keeps(task, result, arm)
            if (gain := self.gain(task, result, arm)) is not None and gain > 0
            if np.abs(space.to_unit(arm.config.values) - space.production).max() <= task.limits.step
        ]
        best = max(found, key=lambda row: row[0], default=(0.0, Config(task.production)))[1]
        return self.recommendation(context, best)

    def counts(self, result, arm):
        return arm.name not in result.stopped

    def gain(self, task, result, arm):
        lifts = [self.lift(result, arm, metric) for metric in task.objective_weights]
        return None if None in lifts else np.dot(list(task.objective_weights.values()), lifts)

    def keeps(self, task, result, arm):
        return all(self.holds(limit, result, arm, metric) for metric, limit in task.guarded.items())

    def holds(self, limit, result, arm, metric):
        seen = self.lift(result, arm, metric) if limit.relative else self.level(result, arm, metric)
        return seen is None or limit.holds(seen)

    def lift(self, result, arm, metric):
        found = result.estimates
        return found.lift[found.arms.index(arm.name)][found.metrics.index(metric)]

    def level(self, result, arm, metric):
        found = result.estimates
        return found.level[1 + found.arms.index(arm.name)][found.metrics.index(metric)]

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
