"""Tightened bounds: where the best of what is safe lies by the posterior, and looking there first."""

from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.agents.actor_funnel import FunnelActor
from rectune_dsl.agents.bounds import OUTSIDE, narrowed, tightened
from rectune_dsl.agents.trust import looked_at
from rectune_dsl.hooks.api import Config, KnowledgeRecord, Scope, Skill, TightBounds


@pytest.fixture(scope="module")
def world(kit):
    return kit.world(kit.task())


@pytest.fixture(scope="module")
def campaigns(kit, world):
    return {seed: rounds_of(kit, world, seed) for seed in range(4)}


def rounds_of(kit, world, seed):
    """Five rounds of what an Actor proposes."""
    history = []
    for number in range(1, 6):
        proposed = FunnelActor().propose(kit.context(world.task, history, seed))
        history.append(world.measure(number, [p.config for p in proposed][:4], seed))
    return history


def optimum(world):
    """The unit point of the best config that keeps the guardrail, of many near the best without it."""
    near = world.best + np.random.default_rng(0).normal(0, 0.08, (4000, 4))
    values = world.space.from_units(np.clip(near, 0, 1))
    configs = [config for config in map(Config, values) if not world.violates(config)]
    return max(configs, key=lambda config: world.lifts(config)["watch"])


def bounds_of(kit, world, history, seed):
    context = kit.context(world.task, history, seed)
    return tightened(context, looked_at(context))


def test_tightened_bounds_hold_the_true_optimum_nearly_always(kit, world, campaigns):
    best = optimum(world)
    found = [b for seed, history in campaigns.items() for b in bounds_of(kit, world, history, seed)]
    assert len(found) >= 12
    assert np.mean([b.low <= best[b.param] <= b.high for b in found]) >= 0.85


def test_tightened_bounds_lie_inside_the_tasks_and_leave_some_proposals_outside(kit, world, campaigns):
    for seed, history in campaigns.items():
        for bounds in bounds_of(kit, world, history, seed):
            param = world.task.params[bounds.param]
            assert param.low <= bounds.low < bounds.high <= param.high
            assert bounds.outside == OUTSIDE


def test_the_more_is_known_the_tighter_they_are(kit, world, campaigns):
    def widths(rounds):
        found = (bounds_of(kit, world, history[:rounds], seed) for seed, history in campaigns.items())
        return [np.subtract(*world.space.unit_of(b.param, b.high, b.low)) for each in found for b in each]

    assert np.mean(widths(5)) < np.mean(widths(3))
    assert len(widths(5)) > len(widths(1))


def test_an_optimum_in_a_corner_is_in_them(kit):
    world = kit.world(kit.task(guardrails={"returns": ">= -50%"}))
    world.best = np.array([1.0, 1.0, 0.0, 1.0])
    (best,) = world.space.from_units(world.best[None])
    found = bounds_of(kit, world, rounds_of(kit, world, 0), 0)
    assert len(found) >= 3
    assert all(bounds.low <= best[bounds.param] <= bounds.high for bounds in found)


def test_most_proposals_lie_inside_learnt_bounds_and_some_do_not(kit, feed, history):
    record = KnowledgeRecord(
        "b", "", Scope(), "active", None, (), (), "a test", bounds=TightBounds("w_like", 0.9, 1.4)
    )
    skill = Skill("fusion", "", "", "", "", "", "", "", knowledge=(record,))
    context = replace(kit.slated(feed, history, skill=skill), knowledge=(record,))
    configs = [proposal.config for proposal in FunnelActor().propose(context)]
    inside = [0.9 - 1e-9 <= config["w_like"] <= 1.4 + 1e-9 for config in configs]
    assert 0.5 <= np.mean(inside) < 1.0


def test_bounds_of_other_skills_and_of_params_that_are_gone_narrow_nothing(kit, feed):
    of_others = KnowledgeRecord(
        "b", "", Scope(), "active", None, (), (), "", bounds=TightBounds("w_like", 1.0, 2.0)
    )
    gone = replace(of_others, id="g", bounds=TightBounds("w_gone", 1.0, 2.0))
    wide = replace(of_others, id="w", bounds=TightBounds("w_like", 30.0, 50.0))
    skill = Skill("fusion", "", "", "", "", "", "", "", knowledge=(gone, wide))
    context = replace(kit.slated(feed, skill=skill), knowledge=(of_others, gone, wide))
    assert narrowed(context, looked_at(context)) is None
