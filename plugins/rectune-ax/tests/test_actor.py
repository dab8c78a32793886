"""The actor keeps the contract, runs a campaign, and is told what was measured."""

import logging

import numpy as np
import pytest
from rectune_ax.actor import AxActor

from rectune_dsl.agents.blackbox import Asked, Lack, Outcome
from rectune_dsl.testing import ActorContract


class TestAx(ActorContract):
    @pytest.fixture
    def make(self):
        return AxActor


def test_a_campaign_runs_with_it(rectune_project):
    rectune_project.task(agents={"actor": "ax"})
    done = rectune_project.run("run", "task.toml")
    assert done.exit_code == 0, done.stderr
    assert "(ax)" in rectune_project.run("show", "last").stdout


def test_it_goes_to_where_it_is_good_and_no_guardrail_breaks():
    """U rises with the first param; above .6 a guardrail breaks."""
    rng = np.random.default_rng(3)
    seen = [rng.uniform(0, 1, 2) for _ in range(20)]
    outcomes = tuple(Outcome(p, float(p[0]), 0.02, (Lack(10 * float(p[0] - 0.6), 0.2),)) for p in seen)
    asked = Asked(("a", "b"), np.zeros(2), np.ones(2), outcomes, count=6, seed=1)
    found = np.array(AxActor().points(asked))
    assert found.shape == (6, 2)
    assert 0.4 < np.median(found[:, 0]) < 0.75
    assert np.array_equal(found, np.array(AxActor().points(asked)))


def test_logging_is_left_as_it_was():
    AxActor().points(Asked(("a",), np.zeros(1), np.ones(1), (), count=2, seed=1))
    assert logging.root.manager.disable == logging.NOTSET
