from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.backends.replaylog.policy import SlatePolicy, SoftmaxPolicy, examined_until, softmax
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, Panel

SCORES = st.lists(st.floats(-300, 300), min_size=1, max_size=8)


def small_task(table: dict[str, Any], **changes: Any) -> Task:
    table["signals"] = {"quality": {"kind": "item", "domain": [-10, 10]}}
    table["stages"] = {
        "ranking": {
            "keep": 2,
            "score": "w * quality",
            "params": {"w": {"production": 1, "low": -5, "high": 5}},
            **changes,
        }
    }
    return Task.model_validate(table)


def panel_of(quality: list[list[float]], keys: list[list[int]] | None = None) -> Panel:
    values = np.array(quality, np.float32)
    items = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    valid = ~np.isnan(values)
    known = {} if keys is None else {"topic": np.array(keys, np.int32)}
    return Panel({"ranking": {"quality": np.nan_to_num(values)}}, known, items, valid)


@given(SCORES)
def test_softmax_is_what_the_definition_says(scores: list[float]) -> None:
    total = sum(math.exp(s - max(scores)) for s in scores)
    slow = [math.exp(s - max(scores)) / total for s in scores]
    assert softmax(np.array([scores]), np.ones((1, len(scores)), bool))[0] == pytest.approx(slow)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([math.nan, 0.0, 0.0], [0, 0.5, 0.5]),
        ([-math.inf, 1.0, 1.0], [0, 0.5, 0.5]),
        ([math.inf, 1.0, math.inf], [0.5, 0, 0.5]),
        ([math.nan, math.nan, math.nan], [1 / 3, 1 / 3, 1 / 3]),
        ([1e308, -1e308, 0.0], [1, 0, 0]),
    ],
)
def test_scores_that_are_no_numbers_still_give_a_policy(scores: list[float], expected: list[float]) -> None:
    assert softmax(np.array([scores]), np.ones((1, 3), bool))[0] == pytest.approx(expected)


def test_the_softmax_policy_scores_every_candidate_whatever_the_stage_keeps(
    task_table: dict[str, Any],
) -> None:
    policy = SoftmaxPolicy(small_task(task_table), width=3)
    chosen = policy.probabilities(
        panel_of([[0.0, 1.0, 2.0], [1.0, -1.0, math.nan]]), None, Config({"w": 0.5})
    )
    weights = np.exp([0.0, 0.5, 1.0])
    assert chosen[0] == pytest.approx(weights / weights.sum(), rel=1e-6)
    assert chosen[1] == pytest.approx([math.e / (math.e + 1), 1 / (math.e + 1), 0])


def test_what_a_filter_drops_is_never_drawn(task_table: dict[str, Any]) -> None:
    task = small_task(task_table, filters={"good": "quality > 0.5"})
    policy = SoftmaxPolicy(task, width=3)
    panel = panel_of([[0.0, 1.0, 1.0], [0.0, 0.1, 0.2], [0.6, 0.0, math.nan]])
    chosen = policy.probabilities(panel, None, Config({"w": 0.5}))
    assert chosen.tolist() == [[0, 0.5, 0.5], [0, 0, 0], [1, 0, 0]]


def test_boosts_and_segments_move_a_policy(task_table: dict[str, Any]) -> None:
    task_table["segments"] = {"fans": {"when": "fan", "params": {"w": 0.0}}}
    boosts = {"best": {"when": "quality == 1", "add": "2"}}
    table = small_task(task_table, boosts=boosts).model_dump(mode="json", exclude_none=True)
    table["signals"]["fan"] = {"kind": "user"}
    panel = panel_of([[0.0, 1.0]] * 2)
    panel.signals["ranking"]["fan"] = np.array([0, 1], np.float32)
    chosen = SoftmaxPolicy(Task.model_validate(table), 2).probabilities(panel, None, Config({"w": 0.5}))
    expected = [math.exp(b) / (1 + math.exp(b)) for b in (2.5, 2.0)]
    assert chosen[:, 1] == pytest.approx(expected, rel=1e-6)


def test_the_slate_policy_shows_the_item_at_the_position(task_table: dict[str, Any]) -> None:
    policy = SlatePolicy(small_task(task_table))
    panel = panel_of([[0.1, 0.9, 0.5]] * 3)
    chosen = policy.probabilities(panel, np.array([1, 2, 3]), Config({"w": 1.0}))
    assert chosen.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]  # the slate has two items


def test_without_positions_the_slate_policy_shows_its_items_alike(task_table: dict[str, Any]) -> None:
    policy = SlatePolicy(small_task(task_table))
    panel = panel_of([[0.1, 0.9, 0.5], [0.3, math.nan, math.nan]])
    chosen = policy.probabilities(panel, None, Config({"w": 1.0}))
    assert chosen.tolist() == [[0, 0.5, 0.5], [1, 0, 0]]


def test_the_slate_policy_re_ranks(task_table: dict[str, Any]) -> None:
    task = small_task(task_table, diversity={"by": "topic", "max_per_key": 1})
    panel = panel_of([[0.9, 0.8, 0.1]], keys=[[4, 4, 5]])
    chosen = SlatePolicy(task).probabilities(panel, np.array([2]), Config({"w": 1.0}))
    assert chosen.tolist() == [[0, 0, 1]]


@given(
    st.lists(st.floats(0.01, 10), min_size=1, max_size=6),
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.integers(1, 8),
)
def test_looks_are_shared_among_the_positions_that_are_shown(
    examination: list[float], last: list[int], width: int
) -> None:
    ends = np.minimum(np.array(last), len(examination))
    shares = examined_until(ends, np.array(examination), width)
    for end, row in zip(ends, shares, strict=True):
        given = np.array(examination[:end])
        expected = np.zeros(width)
        expected[: min(end, width)] = (given / given.sum())[:width]
        assert row == pytest.approx(expected)
