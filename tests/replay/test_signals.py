from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.log import Log
from rectune_dsl.backends.replaylog.signals import shrunken_rates


def catalogue_of(sizes: list[int]) -> Catalogue:
    valid = np.arange(max(sizes))[None, :] < np.array(sizes)[:, None]
    places = tuple({str(n): n for n in range(size)} for size in sizes)
    return Catalogue(tuple(map(str, sizes)), places, np.where(valid, 0, -1), valid, {}, {}, {})


def log_of(pool: Any, item: Any, y: Any, propensity: Any = None) -> Log:
    pool, item, y = np.asarray(pool), np.asarray(item), np.asarray(y, float)
    chance = np.full(len(y), 0.25) if propensity is None else np.asarray(propensity, float)
    return Log(np.arange(len(y)), pool, item, chance, None, {"click": y}, {}, {})


def test_a_rate_is_the_items_mean_pulled_to_its_pools_mean() -> None:
    log = log_of([0] * 6 + [1] * 4, [0, 0, 0, 0, 1, 1, 0, 0, 2, 2], [1, 1, 1, 0, 0, 1, 0, 0, 1, 1])
    rates = shrunken_rates(log, "click", catalogue_of([2, 3]), smoothing=4)
    pool_a, pool_b = 4 / 6, 2 / 4
    expected = [
        [(4 * 0.75 + 4 * pool_a) / 8, (2 * 0.5 + 4 * pool_a) / 6],
        [(2 * 0 + 4 * pool_b) / 6, pool_b, (2 * 1 + 4 * pool_b) / 6],  # the second was never shown
    ]
    assert rates[0, :2] == pytest.approx(expected[0])
    assert rates[1] == pytest.approx(expected[1])


def test_a_rate_stands_for_all_contexts_when_the_log_chose_by_context() -> None:
    # two contexts, equally frequent, in which item 0 pleases 100 % and 0 %; the log showed it 90 % and 10 %
    generator = np.random.default_rng(5)
    context = generator.integers(0, 2, 40_000)
    chance = np.where(context == 0, 0.9, 0.1)
    item = (generator.random(40_000) >= chance).astype(int)
    chosen = np.where(item == 0, chance, 1 - chance)
    log = log_of(context * 0, item, (context == 0) & (item == 0), chosen)
    rates = shrunken_rates(log, "click", catalogue_of([2]), smoothing=1e-9)
    assert rates[0, 0] == pytest.approx(0.5, abs=0.03)  # the plain mean would be .9


def test_the_estimated_shrinkage_is_near_the_best_one() -> None:
    generator = np.random.default_rng(2)
    truth = generator.beta(4, 16, 400)
    item = generator.integers(0, 400, 12_000)
    log = log_of(item * 0, item, generator.random(12_000) < truth[item])
    catalogue = catalogue_of([400])

    def error(smoothing: float | None) -> float:
        return float(np.mean((shrunken_rates(log, "click", catalogue, smoothing)[0] - truth) ** 2))

    best = min(error(k) for k in (1, 5, 10, 15, 20, 25, 30, 50, 100))  # beta(4, 16) is worth 20
    assert error(None) < 1.1 * best
    assert error(None) < 0.7 * error(1e-9)


def test_items_that_do_not_differ_get_their_pools_mean() -> None:
    item = np.arange(4_000) % 40
    log = log_of(item * 0, item, (np.arange(4_000) // 40) % 5 == 0)
    assert shrunken_rates(log, "click", catalogue_of([40]))[0] == pytest.approx(np.full(40, 0.2))


def test_rates_are_fitted_on_the_fit_part_only(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Callable[..., ReplayBackend]
) -> None:
    task_table["replay"]["signals"]["quality"] = {"rate": "click_rate", "smoothing": 10, "standardize": True}
    rows = impressions(400)
    before = replay(task_table, rows).panel(50).signals["ranking"]["quality"]
    for row in rows[120:]:
        row["click"] = 1 - row["click"]
    assert np.array_equal(replay(task_table, rows).panel(50).signals["ranking"]["quality"], before)
    for row in rows[:120]:
        row["click"] = int(row["item"].endswith("2"))
    assert not np.array_equal(replay(task_table, rows).panel(50).signals["ranking"]["quality"], before)


def test_standardized_signals_have_mean_0_and_deviation_1_over_each_pools_items(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Callable[..., ReplayBackend]
) -> None:
    task_table["replay"]["signals"]["quality"]["standardize"] = True
    panel = replay(task_table, impressions(400)).panel(100)
    assert panel.valid is not None
    for values, valid in zip(panel.signals["ranking"]["quality"], panel.valid, strict=True):
        assert values[valid].mean() == pytest.approx(0, abs=1e-6)
        assert values[valid].std() == pytest.approx(1, abs=1e-6)
        assert not values[~valid].any()


def test_the_panel_shows_each_context_as_it_was_logged(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Callable[..., ReplayBackend]
) -> None:
    rows = impressions(300)
    backend = replay(task_table, rows)
    panel = backend.panel(10_000)  # more than there are: all of them, in order
    tune = rows[90:195]
    assert panel.items.shape == (105, 5)
    places = {pool: [f"{pool}{n}" for n in range(size)] for pool, size in {"a": 5, "b": 3}.items()}
    for n, row in enumerate(tune):
        listed = dict(entry.split(":") for entry in row["tastes"].split(";") if entry)
        expected = [float(listed.get(item, 0)) for item in places[row["pool"]]]
        assert panel.signals["ranking"]["taste"][n, : len(expected)].tolist() == expected
        assert panel.signals["ranking"]["evening"][n] == row["evening"]
        assert panel.valid is not None
        assert panel.valid[n].sum() == len(expected)


def test_a_panel_is_a_sample_of_the_tune_part_that_the_seed_fixes(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Callable[..., ReplayBackend]
) -> None:
    rows = impressions(300)
    first, again = replay(task_table, rows).panel(20), replay(task_table).panel(20)
    assert np.array_equal(first.signals["ranking"]["evening"], again.signals["ranking"]["evening"])
    assert np.array_equal(first.items, again.items)
    assert first.items.shape == (20, 5)


def test_only_the_policy_that_shows_the_best_items_can_be_replayed(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Callable[..., ReplayBackend]
) -> None:
    rows = impressions(300)
    assert replay(task_table, rows).panel(20).is_drawn
    task_table["replay"]["policy"] = "top"
    assert not replay(task_table, rows).panel(20).is_drawn


def test_a_list_that_cannot_be_read_is_a_problem(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Callable[..., ReplayBackend]
) -> None:
    rows = impressions(300)
    rows[200]["tastes"] = "a1=3"
    (problem,) = replay(task_table, rows).check()
    assert "'a1=3' is no list of item values" in problem
    assert "item:value;item:value" in problem
