"""Worlds for tuners: the same for a seed, bound by guardrails, and seen by tuners on other requests."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

from tuning.founding import world_problem
from tuning.functions import FUNCTIONS, function_problem
from tuning.problem import Judge, objective
from worlds import world as worlds
from worlds.catalogue import draw_catalogue, draw_requests
from worlds.heads import area_under_curve
from worlds.responses import METRICS
from worlds.setting import SETTINGS, Setting
from worlds.taskfile import DIMENSIONS, read_task, task_text
from worlds.world import World

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config

pytestmark = pytest.mark.slow

SEED = 1000


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("worlds")


@pytest.fixture(scope="module")
def problem(cache):
    return world_problem(SEED, 4, "plain", cache)


def sampled(task, count, seed=0):
    space = Space(task)
    return [Config(space.from_unit(p)) for p in space.sample(np.random.default_rng(seed), count)]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_task_has_as_many_params_as_asked_and_metrics_that_the_world_measures(dimension):
    task = read_task(task_text(dimension))
    assert len(task.params) == dimension
    assert tuple(task.judged) == METRICS
    assert len(task.guarded) == 3


def test_a_world_is_the_same_for_the_same_seed_and_another_for_another(problem):
    configs = sampled(problem.task, 3)
    again = World(SEED, SETTINGS["plain"])
    assert np.array_equal(again.truth(problem.task)(configs), problem.truth(configs))
    assert np.array_equal(again.panel().items, problem.panel.items)
    other = World(SEED + 1, SETTINGS["plain"]).truth(problem.task)(configs)
    assert not np.allclose(other, problem.truth(configs))


def test_production_changes_nothing(problem):
    assert np.array_equal(problem.truth([Config(problem.task.production)]), np.zeros((1, len(METRICS))))


def test_no_sampled_config_that_keeps_the_guardrails_beats_the_oracle(problem):
    judge = Judge(problem, problem.noise(0.25))
    best = problem.truth([problem.oracle.config])
    assert not judge.violates(best).any()
    assert objective(problem.task, best)[0] == pytest.approx(problem.oracle.gain)
    assert max(problem.oracle.others) > 0.9 * problem.oracle.gain  # another search came nearly as far
    lifts = problem.truth(sampled(problem.task, 150))
    safe = ~judge.violates(lifts)
    assert 0.2 < safe.mean() < 0.8
    assert objective(problem.task, lifts)[safe].max() <= problem.oracle.gain


def test_the_oracle_is_found_once(problem, cache, monkeypatch):
    monkeypatch.setattr("tuning.founding.best_of", None)
    assert world_problem(SEED, 4, "plain", cache).oracle == problem.oracle


def test_panel_and_truth_share_no_requests():
    catalogue = draw_catalogue(SEED)
    panel, truth = (draw_requests(SEED, catalogue, what, 256) for what in ("panel", "truth"))
    assert not set(map(tuple, panel.items.tolist())) & set(map(tuple, truth.items.tolist()))
    assert not set(panel.patience.tolist()) & set(truth.patience.tolist())


def test_a_stale_panel_has_other_scores_in_its_share_of_requests():
    panel = World(SEED, SETTINGS["plain"]).panel()
    stale = World(SEED, SETTINGS["stale-30"]).panel()
    scores, others = (p.signals["ranking"]["p_click"] for p in (panel, stale))
    differs = (scores != others).any(axis=1)
    assert 0.2 < differs.mean() < 0.4
    assert np.array_equal(scores[~differs], others[~differs])


def test_noisy_heads_reach_the_area_under_the_curve_that_was_asked_for():
    world = World(SEED, Setting("noisy", auc=0.6))
    panel, people = world._asked("models again", 64, 0.0)
    for action in ("click", "like", "share"):
        reached = area_under_curve(panel.signals["ranking"][f"p_{action}"], people.chances[action])
        assert reached == pytest.approx(0.6, abs=0.03)


def test_the_area_under_a_curve_is_the_share_of_pairs_in_order():
    scores, happens = np.array([0.9, 0.4, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])
    assert area_under_curve(scores, happens) == pytest.approx(3 / 4)


def test_nothing_of_the_bundled_simulator_is_in_a_world():
    folder = Path(worlds.__file__).parent
    assert not [file.name for file in folder.glob("*.py") if "rectune_dsl.simulator" in file.read_text()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gains_most_at_its_oracle(name):
    problem = function_problem(name, SEED, None)
    judge = Judge(problem, problem.noise(0.25))
    best = problem.truth([problem.oracle.config, Config(problem.task.production)])
    assert not judge.violates(best).any()
    assert objective(problem.task, best) == pytest.approx([problem.oracle.gain, 0.0])
    lifts = problem.truth(sampled(problem.task, 2000))
    assert objective(problem.task, lifts)[~judge.violates(lifts)].max() <= problem.oracle.gain
