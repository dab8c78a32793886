"""The actor keeps the contract, runs a campaign, and is told what was measured."""

import io
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
    assert "(ax)" in rectune_project.run("show", "last", "--full").stdout


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


class Talking(tuple):
    """Outcomes: as often as they are looked through, Ax and others have something to log."""

    def __iter__(self):
        logging.getLogger("ax.core.trial").warning("A trial is added.")
        logging.getLogger("elsewhere").info("A round goes on.")
        return super().__iter__()


@pytest.fixture
def written():
    """What the loggers of Ax and of others write."""
    out = io.StringIO()
    handlers = {name: logging.StreamHandler(out) for name in ("ax", "elsewhere")}
    for name, handler in handlers.items():
        logging.getLogger(name).addHandler(handler)
    logging.getLogger("elsewhere").setLevel(logging.INFO)
    yield out
    for name, handler in handlers.items():
        logging.getLogger(name).removeHandler(handler)


def test_others_are_heard_while_ax_thinks_and_ax_is_heard_again_after(written):
    AxActor().points(Asked(("a",), np.zeros(1), np.ones(1), Talking(), count=2, seed=1))
    assert set(written.getvalue().splitlines()) == {"A round goes on."}
    logging.getLogger("ax.core.trial").warning("A trial is added.")
    assert written.getvalue().endswith("A trial is added.\n")
