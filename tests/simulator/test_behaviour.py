"""Each behaviour of users on its own: with its number at 0 it is not there, with a large one it shows."""

import numpy as np
import pytest

from rectune_dsl.hooks.api import Slates
from rectune_dsl.simulator.days import Block, Setting
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.responses import MOST_EARLIER, expect, shown

USERS, DAYS = 3_000, 3
WORTH = {"long_view": 1.0, "like": 3.0, "hate": -20.0}


@pytest.fixture(scope="module")
def lived(task, funnel, changed):
    """Per-user columns, summed over users, after some days in a world."""

    def run(world, days=DAYS, **values):
        block = Block(Setting(world, funnel, changed(**values), 3, 0, days, expect), np.arange(USERS))
        block.advance(days + 1)
        return dict(zip(world.columns, block.columns().sum(axis=1).tolist(), strict=False))

    return run


@pytest.fixture(scope="module")
def slates(funnel, changed):
    """What is true of the slates of a day of requests."""

    def make(world):
        requests = Requests(world, world.users(np.arange(400, dtype=np.int64)), 3, 0)
        return shown(requests, funnel.run(requests, changed()))

    return make


# --- position ------------------------------------------------------------------------------------


def test_what_stands_lower_is_looked_at_less(slates, world):
    seen = slates(world)
    assert (seen.looks[:, 0] == 1).all()
    assert (np.diff(seen.looks, axis=1) <= 0).all()
    assert (np.diff(seen.looks.mean(axis=0)) < 0).all()


@pytest.mark.parametrize(("depth", "looked"), [(1.001, 1.0), (4.0, 3.775), (10_000.0, 10.0)])
def test_users_look_as_deep_as_the_world_says(lived, changed_world, depth, looked):
    """A chance of 1 - 1 / depth to go on after each of 10 items: 1 + q + q^2 + ... + q^9. Some slates have
    fewer."""
    found = lived(changed_world("users", depth=depth, depth_spread=0.0))
    assert found["impressions"] / found["sessions"] == pytest.approx(looked, rel=0.02)


def test_the_same_items_in_lower_places_get_fewer_responses(world):
    requests = Requests(world, world.users(np.arange(400, dtype=np.int64)), 3, 0)
    places = np.arange(10, dtype=np.int32) + np.zeros((400, 1), np.int32)
    clicks = []
    for order in (places, places[:, ::-1]):
        slate = Slates(np.ascontiguousarray(order), np.zeros(order.shape, np.float32))
        clicks.append(expect(requests, shown(requests, slate)).happened["click"])
    first_on_top, first_below = clicks[0][:, 0], clicks[1][:, -1]
    assert (first_below < first_on_top).all()
    assert first_below.mean() < first_on_top.mean() / 2


# --- fatigue -------------------------------------------------------------------------------------


def test_a_repeated_topic_tires_within_a_slate(slates, changed_world):
    fresh, tired = (slates(changed_world("fatigue", within=within)) for within in (0.0, 0.7))
    assert (fresh.candidates == tired.candidates).all()
    logit = [np.log(s.chances["click"] / (1 - s.chances["click"])) for s in (fresh, tired)]
    assert logit[0] - logit[1] == pytest.approx(0.7 * np.minimum(fresh.earlier, MOST_EARLIER), abs=1e-3)
    assert (fresh.earlier > 0).any()
    assert (fresh.chances["like"] == tired.chances["like"]).all()


def test_a_topic_tires_across_days_and_is_forgotten(lived, changed_world):
    def clicks(days=DAYS, **fatigue):
        return lived(changed_world("fatigue", **fatigue), days)["clicks"]

    assert clicks(across=0.2) < 0.9 * clicks(across=0.0)
    by_memory = [clicks(across=0.2, memory=memory) for memory in (0.0, 0.5, 0.9)]
    assert by_memory == sorted(by_memory, reverse=True)
    # with nothing remembered a second day is like a first
    assert clicks(across=0.2, memory=0.0) == pytest.approx(clicks(across=0.0), rel=1e-6)


# --- what brings users back ------------------------------------------------------------------------


def test_waiting_keeps_users_away(lived, changed_world):
    patient, hurried = (changed_world("habits", wait=wait) for wait in (0.0, 1.0))
    assert lived(hurried)["sessions"] < 0.98 * lived(patient)["sessions"]
    more, fewer = {"ranking.keep": 40}, {"ranking.keep": 12}
    assert lived(hurried, **more)["latency_ms"] > lived(hurried, **fewer)["latency_ms"]
    loss = [lived(w, **more)["sessions"] / lived(w, **fewer)["sessions"] for w in (patient, hurried)]
    assert loss[1] < loss[0] - 0.005


def test_hates_keep_users_away_on_their_own(lived, changed_world):
    without, much = (
        lived(changed_world("habits", worth={**WORTH, "hate": worth})) for worth in (0.0, -400.0)
    )
    assert much["sessions"] < 0.99 * without["sessions"]
    assert much["next_day_return"] < without["next_day_return"]


def test_repetition_keeps_users_away_on_its_own(lived, changed_world):
    without, much = (lived(changed_world("habits", repeated=repeated)) for repeated in (0.0, 0.5))
    assert much["sessions"] < 0.99 * without["sessions"]
    assert much["next_day_return"] < without["next_day_return"]


def test_satisfaction_pulls_only_as_the_world_says(lived, changed_world):
    """Without a pull, days do not depend on what was shown."""
    still = changed_world("habits", pull=0.0, wait=0.0)
    assert lived(still)["sessions"] == lived(still, a_long=2.0)["sessions"]
    pulled = changed_world("habits", pull=1.0, wait=0.0)
    assert lived(pulled, a_click=1.0, a_long=1.0)["sessions"] > 1.005 * lived(pulled)["sessions"]
