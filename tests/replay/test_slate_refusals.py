"""Slates that cannot be, or cannot be weighed, end with an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from slate_world import log, task_of

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.hooks.errors import BackendError


@pytest.mark.parametrize(
    ("model", "row", "change", "message"),
    [
        ("item-position", 1, {"position": 1}, "slate 's0' does not have each of its positions once"),
        ("item-position", 2, {"position": 4}, "slate 's0' does not have each of its positions once"),
        ("item-position", 2, {"slate": "other"}, "slate 's0' does not have|slate 'other' does not have"),
        ("standard", 1, {"whole": 0.5}, "slate 's0' has slate_propensity 0.5"),
        ("position-based", 1, {"each": "0.2;x"}, "'0.2;x' is no list of propensities"),
        ("position-based", 0, {"each": "0.9;0.1;0.1"}, "say 0.9 of position 1, and the propensity there is"),
        ("position-based", 2, {"each": "0.9;0.1"}, "say 0 of position 3"),
    ],
)
def test_slates_that_cannot_be_are_refused(
    replayed: Callable[..., ReplayBackend], model: str, row: int, change: dict[str, Any], message: str
) -> None:
    rows = log(11, 60)
    rows[row] |= change
    with pytest.raises(BackendError, match=message) as error:
        replayed(task_of(model), rows).baseline(1)
    assert error.value.help


def test_a_slate_of_two_pools_is_refused(replayed: Callable[..., ReplayBackend]) -> None:
    table, rows = task_of("item-position"), [row | {"pool": "x"} for row in log(11, 60)]
    table["replay"] = {**table["replay"], "columns": {**table["replay"]["columns"], "pool": "pool"}}
    rows[4]["pool"] = "y"
    with pytest.raises(BackendError, match="slate 's1' has items of several pools"):
        replayed(table, rows).baseline(1)


def test_examination_must_reach_as_deep_as_the_slates(replayed: Callable[..., ReplayBackend]) -> None:
    table = task_of("position-based", slates={"model": "position-based", "examination": [1.0, 0.5]})
    with pytest.raises(BackendError, match="slates have 3 positions, and examination is known of 2"):
        replayed(table, log(12, 60)).baseline(1)


def test_examination_without_clicks_cannot_be_estimated(replayed: Callable[..., ReplayBackend]) -> None:
    table = task_of("position-based", slates={"model": "position-based", "clicks": "click"})
    rows = [row | {"click": int(row["position"] == 1)} for row in log(12, 200)]
    with pytest.raises(BackendError, match="the fit part has no click at position 2") as error:
        replayed(table, rows).baseline(1)
    assert "write examination" in str(error.value.help)
