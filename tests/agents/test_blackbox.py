"""Actors around other optimisers: what these are told, and what becomes of what they ask for."""

from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.agents.blackbox import OptimiserActor, outcomes
from rectune_dsl.hooks.api import Arm, Config
from rectune_dsl.testing import ActorContract


class Corners(OptimiserActor):
    """Asks for the box's upper corner, again and again: all else has to be made up for."""

    name = "corners"
    asked = None

    def points(self, asked):
        Corners.asked = asked
        return [asked.high] * asked.count


class Uniform(OptimiserActor):
    name = "uniform"

    def points(self, asked):
        draws = np.random.default_rng(asked.seed).uniform(size=(asked.count, asked.low.size))
        return list(asked.low + draws * (asked.high - asked.low))


@pytest.mark.parametrize("kind", [Corners, Uniform])
class TestContract(ActorContract):
    @pytest.fixture
    def make(self, kind):
        return kind


ERRORS = {"watch": 0.01, "returns": 0.002}


def arms(configs, number=1):
    return [Arm(f"r{number}p{i}", config) for i, config in enumerate(configs)]


@pytest.fixture
def tested(kit):
    """A task with a relative and an absolute guardrail, and a round of three arms, of which the second breaks
    the first of them by half. What was measured is the truth."""
    task = kit.task(guardrails={"returns": ">= -1%", "watch": "<= 1.5"})
    configs = [Config(dict(task.production) | {"a_click": value}) for value in (1.1, 1.2, 1.3)]
    truths = [{"watch": 0.02}, {"watch": 0.05, "returns": -0.015}, {"watch": -0.01}]
    return task, kit.round_of(task, 1, arms(configs), truths, ERRORS)


def test_an_optimiser_is_told_u_and_what_each_guardrail_lacks_in_its_margins(kit, tested):
    task, result = tested
    production, *found = outcomes(kit.context(task, [result]))
    assert (production.gain, production.error) == (0.0, 0.0)
    assert [lack.value for lack in production.lacks] == pytest.approx([-1.0, -1 / 3])
    assert [outcome.gain for outcome in found] == pytest.approx([0.02, 0.05, -0.01])
    assert [outcome.error for outcome in found] == pytest.approx([0.01] * 3)
    assert [lack.value for lack in found[1].lacks] == pytest.approx([0.5, (1.05 - 1.5) / 1.5])
    assert [lack.error for lack in found[1].lacks] == pytest.approx([0.2, 1e-3 / 1.5])


def test_production_is_not_told_while_its_level_is_not_known(kit, tested):
    assert outcomes(kit.context(tested[0])) == ()


def test_frozen_rounds_and_arms_with_missing_numbers_are_not_told(kit, tested):
    task, result = tested
    frozen = replace(result, round=2, frozen="sample-ratio mismatch")
    assert len(outcomes(kit.context(task, [result, frozen]))) == 1 + 3
    first, *others = result.estimates.lift
    lost = replace(result.estimates, lift=((first[0], None), *others))
    assert len(outcomes(kit.context(task, [replace(result, estimates=lost)]))) == 1 + 2


def test_what_cannot_be_served_is_made_up_for_by_random_points(kit):
    context = kit.context(kit.task())
    found = Corners().propose(context)
    assert len(found) == 2 * context.budget.arms
    assert len({tuple(p.config.values.values()) for p in found}) == len(found)
    corner = kit.world(context.task).space.from_unit(Corners.asked.high)
    assert dict(found[0].config.values) == corner


def test_arms_outside_the_box_are_not_told(kit):
    """A step that was made shorter since leaves some out."""
    far = Config(dict(kit.task().production) | {"a_click": 2.9})
    task = kit.task(step=0.1)
    history = [kit.round_of(task, 1, arms([far]), [{"watch": 0.1}], ERRORS)]
    context = kit.context(task, history)
    assert len(outcomes(context)) == 2
    Corners().propose(context)
    assert len(Corners.asked.outcomes) == 1
