"""Both actors keep the contract, run campaigns, and are told what was measured."""

import numpy as np
import optuna
import pytest
from rectune_optuna.actors import GPActor, TPEActor

from rectune_dsl.agents.blackbox import Asked, Lack, Outcome
from rectune_dsl.testing import ActorContract

ACTORS = [TPEActor, GPActor]


class TestTPE(ActorContract):
    @pytest.fixture
    def make(self):
        return TPEActor


class TestGP(ActorContract):
    @pytest.fixture
    def make(self):
        return GPActor


@pytest.mark.parametrize("actor", ACTORS)
def test_a_campaign_runs_with_it(rectune_project, actor):
    rectune_project.task(agents={"actor": actor.name})
    done = rectune_project.run("run", "task.toml")
    assert done.exit_code == 0, done.stderr
    assert f"({actor.name})" in rectune_project.run("show", "last", "--full").stdout


@pytest.mark.parametrize("actor", ACTORS)
def test_it_goes_to_where_it_is_good_and_no_guardrail_breaks(actor):
    """U rises with the first param; above .6 a guardrail breaks."""
    rng = np.random.default_rng(3)
    seen = [rng.uniform(0, 1, 2) for _ in range(16)]
    outcomes = tuple(Outcome(p, float(p[0]), 0.02, (Lack(10 * float(p[0] - 0.6), 0.2),)) for p in seen)
    asked = Asked(("a", "b"), np.zeros(2), np.ones(2), outcomes, count=6, seed=1)
    found = np.array(actor().points(asked))
    assert found.shape == (6, 2)
    assert 0.4 < np.median(found[:, 0]) < 0.75
    again = np.array(actor().points(asked))
    assert np.array_equal(found, again)


def test_optuna_is_left_as_talkative_as_it_was():
    optuna.logging.set_verbosity(optuna.logging.INFO)
    TPEActor().points(Asked(("a",), np.zeros(1), np.ones(1), (), count=2, seed=1))
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
