"""Sources and segments on a log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.backends.replaylog.reach import reference_configs
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config

Make = Callable[..., ReplayBackend]
Table = dict[str, Any]


@pytest.fixture
def segmented(task_table: Table) -> Table:
    guardrails = {"click_rate": ">= -50%", "minutes_per_click": ">= -90%"}
    task_table["segments"] = {
        "late": {"when": "evening > 0.5", "guardrails": guardrails},
        "rest": {"when": "1", "guardrails": {"click_rate": ">= -50%"}},
    }
    return task_table


def test_a_segments_metrics_are_those_of_a_log_of_its_impressions(
    segmented: Table, task_table: Table, impressions: Any, replay: Make, observe: Any
) -> None:
    rows = impressions(3_000)
    change = {"w_taste": 0.5}
    backend = replay(segmented, rows)
    assert list(backend.check()) == []
    found = observe(backend, segmented, change)
    # the same parts of the log, and in each the impressions of the segment alone
    part = backend._loaded.parts["tune"]
    late = part.log.numbers["evening"] > 0.5
    (control, treated) = backend._played(
        [arm.config for arm in backend._spec(f"explore-{(change,)}").arms], "tune"
    )
    clicks = part.log.outcomes["click_rate"]
    for name, own in (("late.click_rate", late), ("rest.click_rate", ~late)):
        rates = []
        for played in (control, treated):
            weight = (played.chosen / part.log.propensity)[own]
            rates.append(float((weight * clicks[own]).sum() / weight.sum()))
            ess = weight.sum() ** 2 / (weight**2).sum()
        at = found.metrics.index(name)
        assert found.level[0][at] == pytest.approx(rates[0])
        assert found.lift[0][at] == pytest.approx(rates[1] / rates[0] - 1)
        assert found.effective_n[0][at] <= ess + 1e-6
    assert {"users@late", "click_rate@rest"} <= set(backend.capabilities().metrics)


def test_what_a_segment_cannot_have_on_a_log_is_said(
    segmented: Table, impressions: Any, replay: Make
) -> None:
    segmented["segments"]["late"]["guardrails"] = {"coverage": ">= -10%"}
    del segmented["replay"]["signals"]["evening"]
    problems = list(replay(segmented, impressions(300)).check())
    assert "guardrail late.coverage: coverage is known for all users together only: remove it" in problems
    assert any(p.startswith("signal evening has no source") for p in problems)


def test_sources_are_a_column_of_the_items_file(
    task_table: Table, impressions: Any, replay: Make, tmp_path: Any
) -> None:
    task_table["replay"]["policy"] = "top"
    task_table["sources"] = {"odd": {"slots": [1], "max": 1}}
    backend = replay(task_table, impressions(300))
    lines = (tmp_path / "items.csv").read_text().splitlines()
    named = [f"{line},{'odd' if i % 2 else 'even'}" for i, line in enumerate(lines)]
    (tmp_path / "items.csv").write_text("\n".join([f"{lines[0]},source", *named[1:]]) + "\n")
    assert list(backend.check()) == []
    assert backend.capabilities().sources == ("odd",)
    panel = backend.panel(100)
    names = np.array(panel.labels["source"])[panel.keys["source"]]
    policy = backend._loaded.policy
    config = Config(Task.model_validate(task_table).production)
    for position, odd in ((1, True), (2, False), (3, False)):
        chosen = policy.probabilities(panel, np.full(100, position), config)
        shown = chosen.sum(axis=1) > 0
        assert (((chosen * (names == "odd")).sum(axis=1) > 0)[shown] == odd).all()
    assert shown.any()


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ("softmax", "policy softmax has no slate to blend"),
        ("top", "the items file items.csv has no column 'source'"),
    ],
)
def test_sources_that_a_log_cannot_blend_are_problems(
    task_table: Table, impressions: Any, replay: Make, policy: str, problem: str
) -> None:
    task_table["replay"]["policy"] = policy
    task_table["sources"] = {"odd": {"min": 1}}
    assert any(p.startswith(problem) for p in replay(task_table, impressions(300)).check())


def test_references_keep_the_order_of_vectors(task_table: Table) -> None:
    params = task_table["stages"]["ranking"]["params"]
    params["u"] = {"production": [0.4, 0.5, 0.5], "low": 0.0, "high": 1.0, "order": "nondecreasing"}
    configs = reference_configs(Task.model_validate(task_table))
    vectors = [[config[f"u[{i}]"] for i in range(3)] for config in configs]
    assert all(vector == sorted(vector) for vector in vectors)
    assert [0.2, 0.5, 0.5] in [pytest.approx(v) for v in vectors]
    assert [0.5, 0.5, 0.6] in [pytest.approx(v) for v in vectors]
