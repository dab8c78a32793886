"""The truth, and the search for the best config."""

import numpy as np
import pytest

from rectune_dsl.dsl.space import Space
from rectune_dsl.simulator.cma import evolve
from rectune_dsl.simulator.oracle import oracle_config, paired_lifts


def test_production_lifts_nothing(task, world, changed):
    lifts = paired_lifts(task, world, [changed()], users=500)
    assert all(lifts[name] == (0.0,) for name in task.judged)
    assert lifts["=latency_ms"][0] > 0


def test_the_truth_is_the_same_alone_and_in_company(task, world, changed):
    one, two = changed(a_long=2.0), changed(w_bait=0.5)
    both = paired_lifts(task, world, [one, two], users=500)
    assert both == {
        name: (paired_lifts(task, world, [one], users=500)[name][0], values[1])
        for name, values in both.items()
    }


def test_pure_clicks_hurt(task, world, changed):
    content = changed(a_click=1.0, a_long=1.0, w_bait=0.0)
    clicks = changed(a_click=3.0, a_long=0.0, w_bait=0.0, w_early=0.0)
    lifts = paired_lifts(task, world, [content, clicks], users=8_000)
    assert lifts["hate_rate"][1] > lifts["hate_rate"][0] + 0.1
    assert lifts["next_day_return"][1] < lifts["next_day_return"][0] - 0.004
    assert lifts["watch_minutes"][1] < lifts["watch_minutes"][0] - 0.03


def test_satisfaction_brings_users_back_moderately(task, world, changed):
    """About +0.1 to +0.3 % active days for +1 % watch time, where ranking gets better."""
    better = changed(a_click=1.0, a_long=1.0)
    lifts = paired_lifts(task, world, [better], users=20_000, days=7)
    assert 0.1 < lifts["sessions"][0] / lifts["watch_minutes"][0] < 0.3


def test_more_candidates_cost_time(task, world, changed):
    levels = paired_lifts(task, world, [changed(**{"ranking.keep": k}) for k in (12, 40)], users=300)
    few, many = levels["=latency_ms"]
    assert many > few + 5


def test_too_much_and_too_little_diversity_both_lose(task, world, changed):
    penalties = (0.0, 0.1, 1.0)
    lifts = paired_lifts(task, world, [changed(topic_penalty=p) for p in penalties], users=3_000)
    none, some, much = lifts["watch_minutes"]
    assert some > max(none, much)
    assert list(lifts["topics_shown"]) == sorted(lifts["topics_shown"])


def test_the_oracle_improves_on_production_within_the_guardrails(task, world):
    found = oracle_config(task, world, users=150, days=1)
    assert Space(task).feasible(found.values)
    lifts = {name: values[0] for name, values in paired_lifts(task, world, [found]).items()}
    assert lifts["watch_minutes"] > 0.015
    assert lifts["next_day_return"] > -0.01
    assert lifts["hate_rate"] < 0.15
    assert lifts["=latency_ms"] < 120


@pytest.mark.parametrize("target", [(0.3, 0.7, 0.5), (1.0, 0.0, 0.4)])
def test_the_search_finds_optima_inside_and_at_the_faces(target):
    scales = np.array([1.0, 10.0, 3.0])

    def merits(points):
        return -(((points - target) * scales) ** 2).sum(axis=1)

    found = evolve(np.full(3, 0.5), merits, np.random.default_rng(1))
    assert found == pytest.approx(np.array(target), abs=0.03)
