"""A language model that says what a test has written for it, and worlds in which it is asked."""

import json

import numpy as np
import pytest

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, LLMAnswer, NoAnswerError
from rectune_dsl.llm.caps import BudgetSpentError


class Scripted:
    """Answers in turn, the last one again and again: a value becomes JSON, text stays as it is, an error is
    raised. `questions` are the prompts with their schemas."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.questions = []

    def complete(self, prompt, schema):
        self.questions.append((list(prompt), schema))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return LLMAnswer(text, "scripted-1", 100, 10)

    @property
    def told(self):
        """All the data of the first question."""
        return "\n".join(self.questions[0][0][1:])


def no_answer(outcome):
    return NoAnswerError("the provider's own words", outcome)


UNUSABLE = {
    "blocked": (no_answer("blocked"), "blocked"),
    "truncated": (no_answer("truncated"), "the answer was cut off"),
    "unavailable": (no_answer("unavailable"), "the provider is unavailable"),
    "refused": (no_answer("refused"), "the provider refused"),
    "capped": (BudgetSpentError("all 2 calls are spent"), "the budget is spent"),
    "garbage": ("I would rather not.", "no usable answer"),
    "another schema": ({"surprise": []}, "no usable answer"),
    "not a number": ('{"proposals": [NaN], "verdicts": NaN, "notes": NaN}', "no usable answer"),
}
"""What a model may do instead of answering, and how an agent calls that."""


def rounds(world, count, seed=0, radius=0.35, arms=4):
    """Measured rounds of random arms."""
    space, rng = Space(world.task), np.random.default_rng(seed)
    history = []
    for number in range(1, count + 1):
        points = space.sample(rng, arms, radius=radius)
        history.append(world.measure(number, [Config(space.from_unit(point)) for point in points], seed))
    return history


class LLMKit:
    """The above, as one fixture."""

    scripted = Scripted
    no_answer = staticmethod(no_answer)
    rounds = staticmethod(rounds)


@pytest.fixture(scope="session")
def models():
    return LLMKit


@pytest.fixture(params=UNUSABLE, ids=str)
def unusable(request):
    """(a model that gives no usable answer, why)."""
    answer, why = UNUSABLE[request.param]
    return Scripted(answer), why
