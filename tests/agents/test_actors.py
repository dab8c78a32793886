from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.agents.actor_bayes import BayesActor
from rectune_dsl.agents.actor_random import RandomActor
from rectune_dsl.agents.critic_numeric import NumericCritic
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Arm, Config, Skill

ACTORS = [BayesActor, RandomActor]
ERRORS = {"watch": 0.01, "returns": 0.002}


@st.composite
def params(draw):
    found = {}
    for i in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["linear", "log", "int"]))
        if kind == "int":
            low, high = draw(st.integers(1, 8)), draw(st.integers(20, 60))
            at = draw(st.integers(low, high))
            found[f"n{i}"] = {"production": at, "low": low, "high": high, "type": "int"}
        else:
            low = draw(st.floats(0.01, 1)) if kind == "log" else draw(st.floats(-5, 5))
            high = low + draw(st.floats(0.5, 50))
            at = low + draw(st.floats(0, 1)) * (high - low)
            found[f"x{i}"] = {"production": min(at, high), "low": low, "high": high, "scale": kind}
    return found


@pytest.mark.parametrize("actor", ACTORS)
@settings(max_examples=12)
@given(data=st.data())
def test_every_proposal_keeps_bounds_constraints_and_step(kit, actor, data):
    chosen = data.draw(params())
    first = next(iter(chosen))
    limit = chosen[first]["production"] + 0.3 * (chosen[first]["high"] - chosen[first]["low"])
    step = data.draw(st.sampled_from([0.15, 0.4, 1.0]))
    task = kit.task(chosen, constraints={"cap": f"{first} <= {limit!r}"}, step=step, arms=3)
    space = Space(task)
    history = []
    for number in (1, 2):
        proposals = actor().propose(kit.context(task, history, seed=number))
        for proposal in proposals:
            assert space.violations(proposal.config.values) == ()
            offset = np.abs(space.to_unit(proposal.config.values) - space.production).max()
            assert 0 < offset <= min(step, 0.2 if number == 1 else 0.35) + 1e-6
        assert len({tuple(p.config.values.values()) for p in proposals}) == len(proposals)
        if proposals:
            arms = [Arm(p.name, p.config) for p in proposals[:3]]
            history.append(kit.round_of(task, number, arms, [{}] * len(arms), ERRORS))


@pytest.mark.parametrize("actor", ACTORS)
def test_the_critic_has_a_choice(kit, actor):
    task = kit.task()
    proposals = actor().propose(kit.context(task))
    assert len(proposals) == 2 * task.experiment.arms
    assert [p.name for p in proposals] == [f"r1p{i}" for i in range(1, 9)]
    assert {p.author for p in proposals} == {actor.name}


@pytest.mark.parametrize("actor", ACTORS)
def test_the_same_generator_gives_the_same_proposals(kit, actor):
    task = kit.task()
    assert actor().propose(kit.context(task, seed=3)) == actor().propose(kit.context(task, seed=3))
    assert actor().propose(kit.context(task, seed=3)) != actor().propose(kit.context(task, seed=4))


def test_no_proposal_lies_below_the_floor(kit):
    world = kit.world(kit.task())
    history = []
    for number in range(1, 5):
        context = kit.context(world.task, history, seed=number)
        configs = [p.config for p in BayesActor().propose(context)]
        assert (context.surrogate.p_feasible(configs) >= 0.8).all()
        history.append(world.measure(number, configs[:4]))


def test_where_nothing_meets_the_floor_it_draws_towards_production(kit):
    """The prior's doubt is large against a margin of 0.05 %: only tiny steps are safe enough."""
    task = kit.task(guardrails={"returns": ">= -0.05%"})
    context = kit.context(task)
    proposals = BayesActor().propose(context)
    space = Space(task)
    for proposal in proposals:
        assert context.surrogate.p_feasible([proposal.config])[0] >= 0.8
        assert np.abs(space.to_unit(proposal.config.values) - space.production).max() < 0.1


def test_where_production_itself_breaks_a_guardrail_nothing_is_proposed(kit):
    task = kit.task(guardrails={"returns": ">= 2"})
    arm = Arm("a", Config({**task.production, "a_click": 1.2}))
    result = kit.round_of(task, 1, [arm], [{}], ERRORS)  # production's level is 1
    assert BayesActor().propose(kit.context(task, [result])) == []


def skill(values):
    return Skill("fusion", "", "", "", "", "", "", "", initial_values=values)


def test_the_skills_initial_values_come_first_in_the_first_round(kit):
    task = kit.task()
    start = {"a_click": 1.2, "w_like": 3.0}
    proposals = BayesActor().propose(kit.context(task, skill=skill(start)))
    assert proposals[0].config.values == {**task.production, **start}
    assert "as the skill fusion advises" in proposals[0].hypothesis.statement
    assert len(proposals) == 8


@pytest.mark.parametrize("start", [{"a_click": 2.9}, {"a_click": 99.0}, {"no_such_param": 1.0}])
def test_initial_values_outside_the_first_box_are_not_proposed(kit, start):
    task = kit.task()
    configs = [p.config.values for p in BayesActor().propose(kit.context(task, skill=skill(start)))]
    assert {**task.production, **start} not in configs
    assert len(configs) == 8


def test_a_frozen_round_does_not_widen_the_box(kit):
    world = kit.world(kit.task())
    proposals = BayesActor().propose(kit.context(world.task))
    arms = [Arm(p.name, p.config) for p in proposals[:4]]
    frozen = kit.round_of(world.task, 1, arms, [{}] * 4, ERRORS, frozen="sample-ratio mismatch")
    again = BayesActor().propose(kit.context(world.task, [frozen], seed=1))
    offsets = [world.space.to_unit(p.config.values) - world.space.production for p in again]
    assert np.abs(offsets).max() <= 0.2


def test_a_hypothesis_says_what_changes_why_and_what_to_expect(kit):
    world = kit.world(kit.task())
    first = BayesActor().propose(kit.context(world.task))
    assert "because nothing is measured yet" in first[0].hypothesis.statement
    history = [world.measure(n, [p.config for p in first[:8]], seed=n) for n in (1, 2)]
    context = kit.context(world.task, history)
    proposal = BayesActor().propose(context)[0]
    text = proposal.hypothesis.statement
    moved = {n: v for n, v in proposal.config.values.items() if v != world.task.production[n]}
    named = [n for n, v in moved.items() if f"{n} from {world.task.production[n]:.4g} to {v:.4g}" in text]
    assert len(named) == min(len(moved), 3)
    assert "went with watch" in text or "is not known yet" in text
    mean, sd = context.surrogate.objective([proposal.config])
    assert f"U {mean[0] * 100:+.2f} %" in text
    assert f"[{(mean[0] - 1.645 * sd[0]) * 100:+.2f} %" in text
    assert "returns is expected at" in text
    predicted = {p.metric: p for p in proposal.hypothesis.predictions}
    means, sds = context.surrogate.predict([proposal.config])
    assert list(predicted) == ["watch", "returns"]
    assert predicted["watch"].lift == pytest.approx(means[0, 0])
    assert predicted["watch"].high - predicted["watch"].low == pytest.approx(2 * 1.6449 * sds[0, 0], rel=1e-3)


def test_an_absolute_metric_is_predicted_as_a_lift(kit):
    task = kit.task(guardrails={"returns": ">= 0.5"})
    arm = Arm("a", Config({**task.production, "a_click": 1.5}))
    result = kit.round_of(task, 1, [arm], [{"returns": 0.04}], ERRORS)
    for proposal in BayesActor().propose(kit.context(task, [result])):
        assert abs(proposal.hypothesis.predictions[1].lift) < 0.2  # its level is near 1


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
    assert "to ship at 6,000 users per arm" in found.why
    assert [p.metric for p in found.predictions] == ["watch", "returns"]
    again = RandomActor().recommend(kit.context(world.task, history, seed=2001))
    assert again == BayesActor().recommend(kit.context(world.task, history, seed=2001))


def test_without_any_measurement_production_is_recommended(kit):
    task = kit.task()
    found = BayesActor().recommend(kit.context(task))
    assert found.is_production
    assert found.config.values == task.production
    assert found.why == "Keep production. No experiment that can be trusted has measured anything."


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
