"""A change of the models."""

import numpy as np
import pytest

from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.world import build_world


def heads(task, day):
    world = build_world(task.simulator)
    requests = Requests(world, world.users(np.arange(300)), 3, day)
    return requests.signals("ranking", ["p_click"], None)["p_click"], requests.logits("click", None)


def test_drift_is_another_slope_and_bias_of_what_heads_see_and_of_nothing_else(on):
    drifting = on.task("drift = { day = 5, slope = 0.5, bias = 1.0 }")
    intercept = build_world(on.plain.simulator).file.responses["click"].intercept
    before, after, usual = heads(drifting, 4), heads(drifting, 5), heads(on.plain, 5)
    assert before[0].tobytes() == heads(on.plain, 4)[0].tobytes()
    assert after[1].tobytes() == usual[1].tobytes()  # what is true stays
    seen = np.log(usual[0] / (1 - usual[0]))
    expected = intercept + 0.5 * (seen - intercept) + 1.0
    assert np.log(after[0] / (1 - after[0])) == pytest.approx(expected, abs=1e-3)


def test_drift_costs_heads_their_calibration(on):
    def off(task):
        predicted, true = heads(task, 7)
        return abs(predicted.mean() / (1 / (1 + np.exp(-true))).mean() - 1)

    assert off(on.task("drift = { day = 7, bias = 1.0 }")) > 2 * off(on.plain)


def test_an_experiment_before_the_drift_knows_nothing_of_it(on):
    assert on.observe(on.task("drift = { day = 3, bias = 9.0 }"), 4).arms == on.observe(on.plain, 4).arms
    during = on.observe(on.task("drift = { day = 1, slope = 0.1 }"), 4)
    assert during.arms != on.observe(on.plain, 4).arms


def test_the_oracle_speaks_of_the_days_after_the_drift(on):
    """With a tenth of the slope a penalty on topics counts more."""
    flat = on.backend(on.task("drift = { day = 30, slope = 0.1 }")).oracle_lifts([on.other])
    assert flat["topics_shown"][0] != on.backend(on.plain).oracle_lifts([on.other])["topics_shown"][0]


def test_a_panel_is_from_before_the_drift(on):
    usual, before, after = (
        on.backend(task).panel(50).signals["ranking"]["p_click"].tobytes()
        for task in (
            on.plain,
            on.task("drift = { day = 9, bias = 1.0 }"),
            on.task("drift = { day = 0, bias = 1.0 }"),
        )
    )
    assert before == usual != after
