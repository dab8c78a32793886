"""What is recommended after the rounds, and what is said where production stays."""

from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.agents.actor_bayes import BayesActor
from rectune_dsl.agents.actor_random import RandomActor
from rectune_dsl.agents.critic_numeric import NumericCritic
from rectune_dsl.agents.region import Region
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Arm, Config

ERRORS = {"watch": 0.01, "returns": 0.002}


def campaign(kit, world, seed, actor, rounds=6):
    history = []
    for number in range(1, rounds + 1):
        proposals = actor.propose(kit.context(world.task, history, seed=seed))
        context = kit.context(world.task, history, seed=seed + 1000)
        reviews = NumericCritic().review(context, proposals)
        taken = {review.proposal for review in reviews if review.taken}
        configs = [p.config for p in proposals if p.name in taken]
        if configs:
            history.append(world.measure(number, configs, seed))
    return actor.recommend(kit.context(world.task, history, seed=seed + 2000)), history


@pytest.mark.slow
def test_six_rounds_find_a_better_and_safe_config_in_most_seeds(kit):
    world = kit.world(kit.task())
    best = world.lifts(Config(world.space.from_unit(world.best)))["watch"]
    found = [campaign(kit, world, seed, BayesActor())[0] for seed in range(6)]
    gains = [world.lifts(r.config)["watch"] for r in found]
    assert sum(gain > 0 for gain in gains) >= 5
    assert np.median(gains) > 0.4 * best
    assert sum(world.violates(r.config) for r in found) <= 1


def test_the_recommendation_says_what_to_expect_and_with_which_chance(kit):
    world = kit.world(kit.task())
    found, history = campaign(kit, world, 1, BayesActor())
    assert not found.is_production
    assert found.p_feasible >= 0.9
    assert 0 < found.chance_to_ship <= 1
    assert found.objective.low < found.objective.lift < found.objective.high
    assert f"{found.objective.lift * 100:+.2f} %" in found.why
    assert f"{found.objective.low * 100:+.2f} %" in found.why
    assert "At 6,000 users per arm it would ship with " in found.why
    assert [p.metric for p in found.predictions] == ["watch", "returns"]
    again = RandomActor().recommend(kit.context(world.task, history, seed=2001))
    assert again == BayesActor().recommend(kit.context(world.task, history, seed=2001))


def test_without_any_measurement_production_is_recommended(kit):
    task = kit.task()
    found = BayesActor().recommend(kit.context(task))
    assert found.is_production
    assert found.config.values == task.production
    assert found.why == (
        "Keep production. No arm was tested in any round, so nothing has been measured. "
        "Changes that are safe enough were found; each round says what was refused, and why."
    )


def test_where_there_is_nothing_else_to_serve_that_is_said(kit, monkeypatch):
    monkeypatch.setattr(Region, "configs", lambda self, points: [])
    context = kit.context(kit.task())
    assert BayesActor().propose(context) == []
    why = BayesActor().recommend(context).why
    assert "Within bounds, constraints and the allowed step no config but production was found." in why


def test_where_no_step_is_safe_enough_it_is_said_what_would_be(kit):
    """The next whole number is half of the range away, and the margin is tight."""
    task = kit.task({"n": {"production": 1, "low": 0, "high": 2, "type": "int"}})
    assert BayesActor().propose(kit.context(task)) == []
    why = BayesActor().recommend(kit.context(task)).why
    assert "The safest change keeps all guardrails with" in why
    assert "80 % are needed" in why
    assert "returns" in why


def test_what_was_frozen_or_stopped_is_said_to_be_so(kit):
    task = kit.task()
    arm = Arm("a", Config({**task.production, "a_click": 1.2}))
    frozen = kit.round_of(task, 1, [arm], [{}], ERRORS, frozen="sample-ratio mismatch")
    assert "No experiment that can be trusted" in BayesActor().recommend(kit.context(task, [frozen])).why
    stopped = kit.round_of(task, 1, [arm], [{}], ERRORS, stopped={"a": "harm"})
    found = BayesActor().recommend(kit.context(task, [stopped]))
    assert found.is_production
    assert "Every arm that was tested was stopped for harm" in found.why


def test_where_everything_tested_was_worse_production_is_kept(kit):
    """In every direction from production watch falls."""
    task = kit.task()
    space = Space(task)
    rng = np.random.default_rng(0)
    points = space.production + 0.2 * np.vstack([np.eye(4), -np.eye(4), rng.uniform(-1, 1, (8, 4))])
    arms = [Arm(f"a{i}", Config(space.from_unit(p))) for i, p in enumerate(np.clip(points, 0, 1))]
    falls = [
        {"watch": -float(((space.to_unit(a.config.values) - space.production) ** 2).sum())} for a in arms
    ]
    result = kit.round_of(task, 1, arms, falls, {"watch": 0.002, "returns": 0.002})
    found = BayesActor().recommend(kit.context(task, [result]))
    assert found.is_production
    assert "too little to use a confirmation on" in found.why


def test_a_metric_that_was_never_measured_keeps_production(kit):
    task = kit.task(guardrails={"returns": ">= -1%", "complaints": "<= +5%"})
    arm = Arm("a", Config({**task.production, "a_click": 1.3}))
    result = kit.round_of(task, 1, [arm], [{"watch": 0.1}], ERRORS)
    unknown = replace(
        result.estimates,
        lift=((0.1, 0.0, None),),
        level=((1.0, 1.0, None), (1.1, 1.0, None)),
        missing={"complaints": "the backend does not measure complaints"},
    )
    found = BayesActor().recommend(kit.context(task, [replace(result, estimates=unknown)]))
    assert found.is_production
    assert "the backend does not measure complaints" in found.why
