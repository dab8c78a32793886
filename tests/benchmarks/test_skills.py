"""The studies of the Skillhub: a tuner that learns, and what is made of what it found."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

from hubs.figures import reported
from hubs.lies import UNDERSTATED, active, poisoned
from hubs.studies import IDLE, IDLE_PRODUCTION, _deaf, _with_idle_param
from hubs.tuner import SkilledTuner, empty_hub
from tuning.bundled import TASKS
from tuning.campaign import run
from tuning.founding import world_problem

from rectune_dsl.dsl.params import Param
from rectune_dsl.hooks.api import Config, KnowledgeRecord, Scope, SkillRevision, TightBounds
from rectune_dsl.surrogate.told import told_by

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    found = world_problem(1000, 4, "plain", tmp_path_factory.mktemp("worlds"))
    info = found.task.task.model_copy(update={"skill": None})
    return replace(found, task=found.task.model_copy(update={"task": info}))


@pytest.fixture(scope="module")
def learnt(problem, tmp_path_factory):
    """A Skillhub after one campaign of four rounds."""
    hub = empty_hub(tmp_path_factory.mktemp("hub"))
    run(problem, lambda setup: SkilledTuner(setup, hub, 0), 0.1, 4, ())
    return hub


def test_a_campaign_makes_a_skill_whose_records_were_scored(problem, learnt):
    skill = learnt.load(problem.task.task.name)
    scored = [record for record in skill.knowledge if record.scored]
    assert scored
    assert all(s.experiment.startswith("creator-feed/") for record in scored for s in record.scored)


def test_the_next_campaign_is_told_and_a_repeated_one_is_not(problem, learnt):
    features = None

    def tuner(campaign):
        nonlocal features
        made = {}
        run(problem, lambda setup: made.setdefault("it", SkilledTuner(setup, learnt, campaign)), 0.1, 0, ())
        features = made["it"]._whatif.names
        return made["it"]

    assert told_by(tuner(1)._knowledge, features)
    assert not told_by(tuner(0)._knowledge, features)


def test_what_is_poisoned_says_the_opposite(problem, learnt):
    before = {record.id: record for record in active(learnt)}
    kinds = poisoned(learnt, problem.task.params)
    assert kinds.keys() == before.keys()
    assert set(kinds.values()) >= {"elasticities", "sizes"}
    for record in active(learnt):
        for response, old in zip(record.responses, before[record.id].responses, strict=True):
            assert response.mean == pytest.approx(tuple(-value for value in old.mean))
            smaller = 1.0 if old.causes else UNDERSTATED
            assert response.size == pytest.approx(old.size / smaller)


@pytest.mark.parametrize(("scale", "low", "high"), [("linear", 70.0, 91.0), ("log", 10.0, 50.0)])
def test_bounds_are_mirrored_on_the_scale_of_their_param(tmp_path, scale, low, high):
    hub = empty_hub(tmp_path)
    told = KnowledgeRecord("b", "It is low.", Scope(), "active", None, (), (), "me")
    bounds = TightBounds("w", 10.0, 31.0) if scale == "linear" else TightBounds("w", 2.0, 10.0)
    record = replace(told, bounds=bounds)
    hub.apply(SkillRevision("value-fusion", (record,), "known"), run="r", when=date(2026, 1, 1), judged=True)
    poisoned(hub, {"w": Param(production=5.0, low=1.0, high=100.0, scale=scale)})
    (found,) = (r.bounds for r in active(hub) if r.bounds)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("term", [f"{IDLE} * is_new_user", f"{IDLE} * p_like"])
def test_a_param_that_does_nothing_is_added_to_the_task(term):
    text = _with_idle_param((TASKS / "value_fusion.toml").read_text(), term)
    assert f"+ {term}" in text
    with pytest.raises(ValueError, match="not as it was"):
        _with_idle_param("", term)


def test_users_who_are_deaf_to_a_param_answer_as_if_it_had_not_moved():
    asked = _deaf(lambda configs: [config.values for config in configs])
    assert asked([Config({"a": 1.0, IDLE: 3.0})]) == [{"a": 1.0, IDLE: IDLE_PRODUCTION}]


def trial(task, hub, gains, violating=(0, 0, 0, 0)):
    return {"task": task, "hub": hub, "gains": gains, "violating": violating, "arms": (5, 5, 5, 5)}


def test_rounds_arms_and_goals_are_counted():
    worlds = [
        {
            "trials": [
                trial("value_fusion", "empty", (90, 90, 90, 90)),
                trial("joint", "empty", (10, 20, 30, 70)),
                trial("joint", "skilled", (10, 61, 90, 90)),
                trial("diversity", "empty", (0, 0, 0, 0), (1, 0, 0, 0)),
                trial("diversity", "skilled", (60, 0, 0, 0)),
            ]
        }
    ]
    found = {figure.name: figure for figure in reported({"transfer": worlds})}
    assert found["joint: rounds to 60 %, empty Skillhub"].value == 4
    assert found["joint: rounds to 60 %, after value_fusion"].value == 2
    assert found["joint: rounds to 60 %, after value_fusion"].ok
    assert found["joint: arms to 60 %, the first campaign's included"].value == 20 + 10
    assert found["diversity: rounds to 60 %, empty Skillhub"].value == 5  # never: one more than there are
    assert found["diversity: violating arms, skilled"].ok


def test_a_poison_study_that_planted_nothing_meets_no_goal():
    nothing = {"trials": [trial("joint", hub, (70,) * 4) for hub in ("empty", "poisoned")]}
    found = reported({"poison": [{**nothing, "poisonous": {}, "left": {}}]})
    assert not next(figure for figure in found if "worlds" in figure.name).ok


def test_what_is_left_of_a_poison_is_told_by_kind():
    trials = [trial("joint", hub, (70,) * 4) for hub in ("empty", "poisoned")]
    world = {"trials": trials, "poisonous": {"sizes": 1, "bounds": 2}, "left": {"bounds": 1}}
    found = {figure.name: figure for figure in reported({"poison": [world]})}
    assert found["poison: bounds retired by the end, of 2"].value == 50
    assert found["poison: sizes retired by the end, of 1"].value == 100
