from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.agents.critic_numeric import NumericCritic
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Arm, Budget, Config, Hypothesis, Panel, Proposal

ERRORS = {"watch": 0.01, "returns": 0.002}


def proposed(configs):
    return [
        Proposal(f"r1p{i}", Config(values), Hypothesis("", ()), "test") for i, values in enumerate(configs, 1)
    ]


def review(context, *configs):
    return NumericCritic().review(context, proposed(configs))


def failed(found):
    return [check.name for check in found.checks if not check.passed]


@pytest.fixture
def task(kit):
    return kit.task()


def spread(task, count, radius=0.2, seed=0):
    space = Space(task)
    points = space.sample(np.random.default_rng(seed), count, radius=radius)
    return [space.from_unit(point) for point in points]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"a_click": 7.0}, "`a_click` = 7 lies outside [0.2, 3]"),
        ({"a_click": float("nan")}, "a_click is not a finite number"),
        ({"a_clik": 1.0}, "a_clik is no param of the task"),
        ({"a_click": 1.9, "a_long": 2.9}, "constraint `strength` does not hold"),
    ],
)
def test_an_invalid_config_is_refused_with_the_reason(kit, values, words):
    task = kit.task(constraints={"strength": "a_click + a_long <= 4"})
    (found,) = review(kit.context(task), {**task.production, **values})
    assert not found.taken
    assert failed(found) == ["validity"]
    assert words in found.justification


def test_a_config_without_all_params_is_refused(kit, task):
    (found,) = review(kit.context(task), {"a_click": 1.1})
    assert failed(found) == ["validity"]
    assert "w_like has no value" in found.justification


def test_a_step_beyond_the_limit_is_refused(kit):
    task = kit.task(step=0.1)
    (found,) = review(kit.context(task), {**task.production, "a_click": 2.0})
    assert "step" in failed(found)
    assert "a_click moves by 36% of its range; 10% is allowed" in found.justification


def test_a_risky_config_is_refused_and_the_weakest_guardrail_named(kit, task):
    config = {**task.production, "a_long": 2.0}
    world = kit.world(task)
    history = [
        world.measure(n, [Config({**task.production, "a_long": v}) for v in (1.2, 1.8, 2.2)]) for n in (1, 2)
    ]
    (found,) = review(kit.context(task, history), config)
    assert "risk" in failed(found)
    assert "80 % are needed; the weakest: returns is expected at" in found.justification
    assert "against >= -1%" in found.justification


def test_a_risk_that_is_the_prior_alone_is_said_to_be_so(kit):
    task = kit.task(guardrails={"returns": ">= -1%", "latency": "<= 120"})
    config = {**task.production, "a_click": 1.2}
    (found,) = review(kit.context(task), config)
    assert "(nothing measured yet)" in next(c.detail for c in found.checks if c.name == "risk")
    measured = kit.round_of(task, 1, [Arm("a", Config(config))], [{"latency": 0.01}], ERRORS)
    (found,) = review(kit.context(task, [measured]), {**task.production, "a_long": 0.7})
    assert "nothing measured yet" not in found.justification


def test_the_headroom_that_is_assumed_is_named(kit):
    task = kit.task(guardrails={"latency": "<= 120"})
    (found,) = review(kit.context(task), {**task.production, "a_click": 1.2})
    risk = next(c.detail for c in found.checks if c.name == "risk")
    assert "nothing measured yet; production is taken to keep it by 10% of the limit" in risk


def test_among_many_params_one_that_moves_is_a_change(kit):
    task = kit.task({f"x{i}": {"production": 0.5, "low": 0.0, "high": 1.0} for i in range(30)}, guardrails={})
    one, other, near = ({**task.production, "x0": v} for v in (0.6, 0.7, 0.61))
    found = review(kit.context(task), one, other, near)
    assert sum(r.taken for r in found) == 2
    assert found[1].taken
    result = kit.round_of(task, 1, [Arm("r1p3", Config(one))], [{}], ERRORS, stopped={"r1p3": "harm"})
    far, again = review(kit.context(task, [result]), {**task.production, "x0": 0.65}, near)
    assert "failures" not in failed(far)
    assert "failures" in failed(again)


def test_a_config_without_hope_is_refused(kit, task):
    arms = [Arm(f"a{i}", Config({**task.production, "a_click": v})) for i, v in enumerate((1.4, 1.5, 1.6))]
    result = kit.round_of(task, 1, arms, [{"watch": -0.2}] * 3, {"watch": 0.002, "returns": 0.002})
    (found,) = review(kit.context(task, [result]), {**task.production, "a_click": 1.55})
    assert "goal" in failed(found)
    assert "even its upper end is no gain" in found.justification


def test_what_repeats_an_arm_that_was_stopped_is_refused(kit, task):
    config = {**task.production, "a_click": 1.3, "w_like": 4.0}
    result = kit.round_of(
        task, 1, [Arm("r1p3", Config(config))], [{}], ERRORS, stopped={"r1p3": "returns breaks its guardrail"}
    )
    near, far = review(
        kit.context(task, [result]), {**config, "a_click": 1.31}, {**task.production, "w_hate": 9.0}
    )
    assert "failures" in failed(near)
    assert "; r1p3 was stopped: returns breaks its guardrail." in near.justification
    assert far.taken


def test_what_repeats_an_arm_that_showed_a_violation_is_refused(kit, task):
    config = {**task.production, "a_click": 1.3}
    bad = kit.round_of(task, 1, [Arm("r1p3", Config(config))], [{"returns": -0.03}], ERRORS)
    (found,) = review(kit.context(task, [bad]), config)
    assert "failures" in failed(found)
    assert "showed returns at -3.00 % against >= -1%" in found.justification


def test_duplicates_are_taken_once(kit, task):
    first, second = spread(task, 2)
    again = {**first, "a_click": first["a_click"] + 1e-3}
    found = review(kit.context(task), first, again, second)
    assert sorted(r.taken for r in found) == [False, True, True]
    (refused,) = [r for r in found if not r.taken]
    assert failed(refused) == ["diversity"]
    assert "a duplicate of r1p" in refused.justification


def test_production_is_no_proposal(kit, task):
    (found,) = review(kit.context(task), task.production)
    assert failed(found)[-1] == "change"
    assert "shows the same as production" in found.justification


def test_no_more_than_the_budget_is_taken_and_every_refusal_says_why(kit, task):
    context = kit.context(task, budget=Budget(6, 3, 1000, 3))
    found = review(context, *spread(task, 9, radius=0.15))
    taken = [r for r in found if r.taken]
    assert len(taken) == 3
    assert [r.proposal for r in found] == [f"r1p{i}" for i in range(1, 10)]
    for r in found:
        assert r.justification.startswith("Taken as choice" if r.taken else "Refused: ")
        if not r.taken and not failed(r):
            assert "but the budget is 3 arms and r1p" in r.justification


def test_reviews_are_deterministic(kit, task):
    configs = spread(task, 8)
    assert review(kit.context(task), *configs) == review(kit.context(task), *configs)


def test_nothing_proposed_gives_no_reviews(kit, task):
    assert review(kit.context(task)) == []


def test_the_best_known_config_is_taken_first(kit, task):
    world = kit.world(task)
    space = world.space
    history = [world.measure(n, [Config(v) for v in spread(task, 8, 0.3, n)]) for n in (1, 2, 3)]
    towards = Config(space.from_unit(space.production + 0.5 * (world.best - space.production)))
    away = Config(space.from_unit(np.clip(space.production - 0.2 * (world.best - space.production), 0, 1)))
    context = kit.context(task, history, budget=Budget(1, 1, 1000, 3))
    found = review(context, away.values, towards.values)
    assert [r.taken for r in found] == [False, True]


# --- with a panel ---


def panel(kit):
    """Two heads; only their ratio of weights orders items."""
    params = {
        "w_a": {"production": 1.0, "low": 0.5, "high": 2.0},
        "w_b": {"production": 1.0, "low": 0.5, "high": 2.0},
    }
    base = kit.task(params, guardrails={}).model_dump(mode="json")
    base["signals"] = {"a": {}, "b": {}}
    base["stages"]["rank"]["score"] = "w_a * a + w_b * b"
    task = type(kit.task()).model_validate(base)
    rng = np.random.default_rng(0)
    heads = {name: rng.random((400, 30)).astype(np.float32) for name in ("a", "b")}
    items = np.arange(400 * 30).reshape(400, 30)
    return task, Panel({"rank": heads}, {}, items)


def test_configs_that_show_the_same_count_as_one(kit):
    """Far apart in params, but the same ratio of weights: every slate is production's."""
    task, requests = panel(kit)
    same, other = {"w_a": 1.25, "w_b": 1.25}, {"w_a": 1.2, "w_b": 0.8}
    found = review(kit.context(task, panel=requests), same, other, {"w_a": 1.05, "w_b": 0.7})
    assert failed(found[0]) == ["change"]
    assert "100 % of the items shown are the same" in found[0].justification
    assert {r.proposal for r in found if r.taken} <= {"r1p2", "r1p3"}
    no_panel = review(kit.context(task), same)
    assert no_panel[0].taken


def test_two_configs_with_equal_slates_are_duplicates(kit):
    task, requests = panel(kit)
    twice = {"w_a": 1.2, "w_b": 0.8}, {"w_a": 0.9, "w_b": 0.6}
    found = review(kit.context(task, panel=requests), *twice)
    assert sorted(r.taken for r in found) == [False, True]
    assert "a duplicate of" in next(r.justification for r in found if not r.taken)


def test_with_a_panel_slates_decide_what_is_near(kit):
    """Scores are sharp: a hundredth of a param's range shows other items, so it is another config."""
    task, requests = panel(kit)
    sharp = task.model_dump(mode="json")
    sharp["stages"]["rank"]["score"] = "a + (w_a * 100 - w_b * 100) * b"
    task = type(task).model_validate(sharp)
    near = {"w_a": 1.015, "w_b": 1.0}, {"w_a": 1.025, "w_b": 1.0}
    found = review(kit.context(task, panel=requests), *near)
    shown = [c.detail for r in found for c in r.checks if c.name == "diversity"]
    assert all(r.taken for r in found), shown
    assert sum(r.taken for r in review(kit.context(task), *near)) < 2


def test_a_panel_may_be_ragged_and_small(kit):
    task, requests = panel(kit)
    ragged = replace(requests, valid=np.arange(30)[None, :] < np.arange(400)[:, None] % 30 + 1)
    (found,) = review(kit.context(task, panel=ragged), {"w_a": 1.2, "w_b": 0.8})
    assert found.taken
