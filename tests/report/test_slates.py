"""What a config changes in real slates, counted again by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.hooks.api import Config
from rectune_dsl.report.facts.slates import PLACES, REQUESTS, replayed
from rectune_dsl.report.pages.tuned import slates as section
from rectune_dsl.report.words import percent
from rectune_dsl.workflow.prepare import reload


@pytest.fixture(scope="module")
def showing(simulated):
    return replayed(simulated.journal, simulated.run, simulated.host)


def test_production_changes_nothing(simulated, showing):
    found = showing(Config(simulated.task.production), "production")
    assert (found.overlap, found.unchanged) == (1.0, 1.0)
    assert found.requests == REQUESTS == sum(found.overlaps) == found.overlaps[PLACES]
    assert all(f.before == f.after for f in found.features)


def test_the_sentence_names_the_largest_change(simulated, showing):
    facts = replace(simulated.facts(), slates=showing(Config({"w_long": 10.0}), "a config"))
    largest = max(facts.slates.features, key=lambda f: abs(f.change or 0.0))
    assert f"The largest change is {percent(largest.change)} {largest.words}." in section(facts)[0].text


def test_overlap_counts_common_items_and_means_weigh_places(simulated, showing):
    config = Config({"w_long": 10.0})
    found = showing(config, "a config")
    loaded = reload(simulated.journal, simulated.run, simulated.host)
    panel = loaded.backend.panel(REQUESTS)
    signals = panel.signals["ranking"]
    both = {}
    for name, weight in (("before", 1.0), ("after", 10.0)):
        scores = signals["p_click"].astype(float) + weight * signals["p_long_view"].astype(float)
        order = np.argsort(-scores, axis=1, kind="stable")
        topics = panel.keys["topic"]
        both[name] = [_first(row, topics[i]) for i, row in enumerate(order)]
    kept = [len(set(a) & set(b)) for a, b in zip(both["before"], both["after"], strict=True)]
    assert found.overlap == pytest.approx(np.mean(kept) / PLACES)
    assert found.overlaps == tuple(np.bincount(kept, minlength=PLACES + 1))
    assert found.unchanged == pytest.approx(np.mean(np.array(kept) == PLACES))
    weights = 1 / np.log2(np.arange(PLACES) + 2)
    click = next(f for f in found.features if f.name == "mean:p_click")
    for value, slates in ((click.before, both["before"]), (click.after, both["after"])):
        rows = [signals["p_click"][i][slate] @ weights / weights.sum() for i, slate in enumerate(slates)]
        assert value == pytest.approx(np.mean(rows), rel=1e-4)


def _first(order, topics, most=4):
    """The first PLACES candidates, of each topic at most so many."""
    taken, counts = [], {}
    for candidate in order:
        topic = topics[candidate]
        if counts.get(topic, 0) < most:
            counts[topic] = counts.get(topic, 0) + 1
            taken.append(int(candidate))
        if len(taken) == PLACES:
            return taken
    return taken


def test_a_backend_without_logged_requests_is_told(planted):
    report = planted.facts(slates=True)
    assert report.slates is None
    assert "has no panel of logged requests" in report.no_slates


def test_slates_that_a_backend_draws_at_random_are_not_replayed(plant):
    assert plant(panel=True).facts(slates=True).slates is not None
    drawn = plant(panel="drawn", seed=1).facts(slates=True)
    assert drawn.slates is None
    assert "draws what it shows at random" in drawn.no_slates
