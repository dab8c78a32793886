"""Actors that say something else when they are asked again, or cannot be journalled."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from agent_faults.plain import NUMBERS, Moved, Plain, actor


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
