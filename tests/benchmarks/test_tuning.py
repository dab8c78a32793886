"""Tuners at equal traffic: the noise is what was said, scores are of the truth, and studies go on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

import optimiser
from tuning import unit as study
from tuning.campaign import ARMS, run
from tuning.figures import goals
from tuning.functions import function_problem
from tuning.plan import units
from tuning.problem import Judge
from tuning.registry import TUNERS, available, maker
from tuning.seen import seen
from tuning.tables import Table, safe_gain
from tuning.tuner import NEAR, Box

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Arm, Config

pytestmark = pytest.mark.slow

SEED = 1000


@pytest.fixture(scope="module")
def problem():
    return function_problem("hartmann-6", SEED, None)


def knows(config):
    """A tuner that tests and recommends one config."""

    class Knows:
        def __init__(self, setup):
            pass

        def propose(self, number, arms):
            return [config]

        def observe(self, result):
            pass

        def recommend(self):
            return config

    return Knows


def test_noise_has_the_covariance_it_says(problem):
    noise = problem.noise(0.25)
    arms = [Arm(name, Config(problem.task.production)) for name in ("a", "b")]
    truths, rng = np.zeros((2, len(noise.metrics))), np.random.default_rng(0)
    rounds = [noise.measure(1, arms, truths, rng).estimates for _ in range(4000)]
    said = np.array(rounds[0].covariance)
    measured = np.cov(np.array([np.ravel(one.lift) for one in rounds]).T)
    assert measured == pytest.approx(said, abs=0.06 * said.max())
    width = len(noise.metrics)
    assert said[:width, width:] == pytest.approx(0.5 * noise.covariance)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_the_error_of_u_is_the_share_of_the_oracles_gain(problem, share):
    noise = problem.noise(share)
    result = noise.measure(1, [Arm("a", problem.oracle.config)], np.zeros((1, 2)), np.random.default_rng(0))
    (one,) = seen(problem.task, noise, result)
    assert one.error == pytest.approx(share * problem.oracle.gain)
    assert one.errors == pytest.approx((share,))


def test_who_knows_the_oracle_gets_all_of_it(problem):
    campaign = run(problem, knows(problem.oracle.config), 0.25)
    judged = [one for one in campaign.rounds if one.safe_gain is not None]
    assert [one.number for one in judged] == [1, 2, 4, 8]
    assert [one.safe_gain for one in judged] == pytest.approx([100.0] * 4)
    assert sum(one.violating for one in campaign.rounds) == 0


def test_a_recommendation_that_violates_gains_nothing(problem):
    judge, space = Judge(problem, problem.noise(0.25)), Space(problem.task)
    points = space.sample(np.random.default_rng(0), 200)
    lifts = problem.truth([Config(space.from_unit(p)) for p in points])
    bad = Config(space.from_unit(points[int(judge.violates(lifts).argmax())]))
    campaign = run(problem, knows(bad), 0.25)
    assert {one.violating for one in campaign.rounds} == {1}
    assert [one.safe_gain for one in campaign.rounds if one.violates] == [0.0] * 4


def test_production_is_no_gain_and_does_not_ship(problem):
    campaign = run(problem, knows(Config(problem.task.production)), 0.25, rounds=1)
    (one,) = campaign.rounds
    assert (one.safe_gain, one.violates, one.chance_to_ship) == (0.0, False, 0.0)


def test_more_arms_than_allowed_are_refused(problem):
    class Greedy(knows(problem.oracle.config)):
        def propose(self, number, arms):
            return [problem.oracle.config] * (arms + 1)

    with pytest.raises(ValueError, match=f"{ARMS} are allowed"):
        run(problem, Greedy, 0.25, rounds=1)


@pytest.mark.parametrize("name", [n for n in TUNERS if not n.endswith("ax")])  # which takes minutes
def test_tuners_propose_allowed_configs_and_repeat_themselves(problem, name):
    if not available(name):
        pytest.skip(f"{name} needs what is not installed: pip install -e '.[bench]'")
    space, proposed = Space(problem.task), []

    def recording(setup):
        tuner = maker(name)(setup)
        propose = tuner.propose
        tuner.propose = lambda number, arms: proposed.append(propose(number, arms)) or proposed[-1]
        return tuner

    first = run(problem, recording, 0.25, rounds=2)
    assert all(space.feasible(config.values) for configs in proposed for config in configs)
    again = run(problem, maker(name), 0.25, rounds=2)
    assert [one.safe_gain for one in first.rounds] == [one.safe_gain for one in again.rounds]


def test_a_near_box_ends_at_its_share_of_each_range(problem):
    space = Space(problem.task)
    bounds = Box(space, NEAR).bounds()
    for name, production in zip(space.names, space.production, strict=True):
        low, high = bounds[name]
        assert low == pytest.approx(max(production - NEAR, 0.0), abs=1e-5)
        assert high == pytest.approx(min(production + NEAR, 1.0), abs=1e-5)


def test_report_seeds_are_no_development_seeds():
    report, development = (
        {unit.place.seed for unit in units(900, reported, True, False, {})} for reported in (True, False)
    )
    assert max(report) < min(development)
    with pytest.raises(ValueError, match="900 report seeds"):
        units(1001, True, True, False, {})


def test_filters_leave_what_they_name():
    found = units(2, False, False, True, {"tuner": "random,bayes", "dimension": "12", "noise": "0.25"})
    assert {unit.tuner for unit in found} == {"random", "bayes"}
    assert {unit.place.problem for unit in found} == {"world-12"}


def test_a_study_goes_on_where_it_ended(tmp_path, monkeypatch):
    planned = [
        study.Unit(study.Place("branin-2", "plain", SEED + i), 0.25, tuner)
        for i in range(2)
        for tuner in ("random", "bayes")
    ]
    first = list(study.finished(planned[:3], tmp_path, None, 1))
    asked = []
    monkeypatch.setattr(study, "run", lambda problem, *_: asked.append(problem.seed) or first[0].campaign)
    again = list(study.finished(planned, tmp_path, None, 1))
    assert asked == [planned[3].place.seed]
    assert sorted(r.unit for r in again) == sorted(planned)
    assert {r.unit: r.campaign for r in first}.items() <= {r.unit: r.campaign for r in again}.items()


def test_a_tuner_that_fails_takes_no_other_down(monkeypatch, capsys):
    def broken(setup):
        raise RuntimeError("no idea")

    monkeypatch.setattr(study, "maker", lambda name: broken if name == "bayes" else maker(name))
    place = study.Place("branin-2", "plain", SEED)
    planned = [study.Unit(place, 0.25, tuner) for tuner in ("bayes", "random")]
    assert [r.unit.tuner for r in study.finished(planned, None, None, 1)] == ["random"]
    assert "no idea" in capsys.readouterr().err


def test_differences_are_paired_by_world(problem):
    gains = {"rectune": (80.0, 60.0), "random": (50.0, 40.0)}
    results = []
    for tuner, values in gains.items():
        for i, value in enumerate(values):
            campaign = run(problem, knows(problem.oracle.config), 0.25, rounds=4)
            rounds = tuple(study.Round(r.number, 5, 0, 0.1, value, False, 0.5) for r in campaign.rounds)
            place = study.Place("world-12", "plain", SEED + i)
            results.append(study.Result(study.Unit(place, 0.25, tuner), study.Campaign(rounds, None)))
    table = Table.of(results)
    own, other = (("world-12", "plain", 0.25, tuner) for tuner in gains)
    mean = table.paired(own, other, safe_gain(4))
    assert (mean.value, mean.error, mean.count) == (25.0, pytest.approx(5.0), 2)


def test_it_says_what_it_found_in_the_form_of_all(monkeypatch, capsys):
    told = ["optimiser.py", "--json", "--quick", "--seeds", "1", "--only", "problem=branin-2"]
    monkeypatch.setattr(sys, "argv", told)
    optimiser.main()
    found = json.loads(capsys.readouterr().out)
    assert found["setup"]["failed"] == 0
    names = [figure["name"] for figure in found["figures"]]
    assert len(set(names)) == len(names)
    assert {"name", "value", "unit", "goal", "ok", "error"} <= set(found["figures"][0])
    goal = next(f for f in found["figures"] if f["name"].endswith("less bayes' after 8"))
    assert goal["goal"] == "not below 0 by more than 2 SE"
    assert list(goals(Table({}))) == []
