from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rectune_dsl.backends.replaylog.log import Log, load, split
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.replay import Split
from rectune_dsl.hooks.errors import BackendError


def log_at(times: list[int]) -> Log:
    rows = np.arange(len(times))
    ones = np.ones(len(times))
    return Log(np.array(times), rows * 0, rows, ones, None, {"click": ones}, {}, {})


@given(
    times=st.lists(st.integers(0, 40), min_size=3, max_size=200).map(sorted),
    fit=st.floats(0.05, 0.9),
    tune=st.floats(0.05, 0.9),
)
def test_parts_are_disjoint_ordered_in_time_and_lose_nothing(
    times: list[int], fit: float, tune: float
) -> None:
    total = fit + tune + 0.5
    shares = Split(fit=fit / total, tune=tune / total, confirm=1 - (fit + tune) / total)
    try:
        parts = split(log_at(times), shares)
    except BackendError:
        assume(False)
    assert np.concatenate([part.item for part in parts.values()]).tolist() == list(range(len(times)))
    assert parts["fit"].time.max() < parts["tune"].time.min()
    assert parts["tune"].time.max() < parts["confirm"].time.min()


def test_a_part_without_a_moment_of_its_own_is_an_error() -> None:
    with pytest.raises(
        BackendError, match="the fit part of the log is empty: 9 rows are too few, or share one"
    ):
        split(log_at([5] * 9), Split())


def test_parts_have_their_shares() -> None:
    parts = split(log_at(list(range(200))), Split(fit=0.3, tune=0.5, confirm=0.2))
    assert [part.rows for part in parts.values()] == [60, 100, 40]


def test_the_order_of_the_file_does_not_matter(
    task_table: dict[str, Any], impressions: Callable[..., Any], write_log: Callable[..., Path]
) -> None:
    rows = impressions(200)
    task = Task.model_validate(task_table)
    ordered, catalogue = load(task, write_log(rows))
    mixed = [rows[n] for n in np.random.default_rng(0).permutation(200)]
    shuffled, _ = load(task, write_log(mixed))
    # pools are numbered as they appear, so compare by name
    assert catalogue.pools == ("a", "b") or catalogue.pools == ("b", "a")
    assert np.array_equal(ordered.time, shuffled.time)
    assert np.array_equal(ordered.propensity, shuffled.propensity)
    assert np.array_equal(ordered.item, shuffled.item)


def test_each_impression_points_at_its_item_in_its_pool(
    task_table: dict[str, Any], impressions: Callable[..., Any], write_log: Callable[..., Path]
) -> None:
    rows = impressions(50)
    log, catalogue = load(Task.model_validate(task_table), write_log(rows))
    named = [list(catalogue.places[p])[i] for p, i in zip(log.pool, log.item, strict=True)]
    assert named == [row["item"] for row in rows]
    assert catalogue.valid.sum(axis=1).tolist() == [{"a": 5, "b": 3}[p] for p in catalogue.pools]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"propensity": 0}, "a propensity lies in"),
        ({"propensity": 1.5}, "a propensity lies in"),
        ({"position": 0}, "must count positions from 1"),
        ({"position": 1.5}, "must count positions from 1"),
        ({"item": ""}, r"line 22: '' is no label for column 'item'"),
        ({"pool": " "}, r"line 22: ' ' is no label for column 'pool'"),
        ({"item": "a77"}, "1 logged items of pool 'a' are not in the items file, such as 'a77'"),
    ],
)
def test_values_that_would_spoil_the_estimates_are_refused(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    write_log: Callable[..., Path],
    change: dict[str, Any],
    says: str,
) -> None:
    rows = impressions(50)
    rows[20] |= {"pool": "a"} | change
    if "item" not in change:
        rows[20]["item"] = "a1"
    with pytest.raises(BackendError, match=says) as caught:
        load(Task.model_validate(task_table), write_log(rows))
    assert caught.value.help
