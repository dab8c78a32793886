"""What is wrong with a task or its log is said before a campaign starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import BackendContext
from rectune_dsl.hooks.errors import UsageError

Make = Callable[..., ReplayBackend]
Rows = Callable[..., Any]


def test_a_good_task_has_no_problems(task_table: dict[str, Any], impressions: Rows, replay: Make) -> None:
    assert replay(task_table, impressions(400)).check() == []


def test_a_task_without_replay_table_is_a_usage_error(task_table: dict[str, Any]) -> None:
    del task_table["replay"]
    with pytest.raises(UsageError, match="needs to know its log") as caught:
        ReplayBackend(BackendContext(Task.model_validate(task_table), 1))
    assert "your-own-logs" in caught.value.help


def drop_column(rows: Any, name: str) -> Any:
    return [{key: value for key, value in row.items() if key != name} for row in rows]


def two_stages(table: dict[str, Any]) -> None:
    table["stages"] = {"first": {"keep": 5, "score": "quality"}, **table["stages"]}


def add_covariate(table: dict[str, Any]) -> None:
    table["metrics"]["click_rate"]["covariate"] = "click_before"


def tight_domain(table: dict[str, Any]) -> None:
    table["signals"]["taste"]["domain"] = [0, 1]


def cold_production(table: dict[str, Any]) -> None:
    table["stages"]["ranking"]["params"]["temperature"]["production"] = 0.1
    table["stages"]["ranking"]["params"]["w_quality"]["production"] = 2
    table["replay"]["min_ess"] = 100


def no_source(table: dict[str, Any]) -> None:
    del table["replay"]["signals"]["taste"]


def wrong_kind(table: dict[str, Any]) -> None:
    table["signals"]["evening"]["kind"] = "item"


def unmapped_metric(table: dict[str, Any]) -> None:
    table["guardrails"] = {"latency_ms": "<= 100"}


def diverse(table: dict[str, Any]) -> None:
    table["stages"]["ranking"]["diversity"] = {"by": "topic"}


def tuned_keep(table: dict[str, Any]) -> None:
    table["stages"]["ranking"]["keep"] = {"production": 2, "low": 1, "high": 3}


def short_slate(table: dict[str, Any]) -> None:
    table["replay"]["policy"] = "top"
    table["stages"]["ranking"]["keep"] = 2


def minutes_as_proportion(table: dict[str, Any]) -> None:
    table["metrics"]["minutes"] = {"kind": "proportion"}


def no_such_file(table: dict[str, Any]) -> None:
    table["replay"]["log"] = "nowhere.csv"


def no_such_item_column(table: dict[str, Any]) -> None:
    table["replay"]["signals"]["quality"]["item_column"] = "price"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (two_stages, "needs exactly one stage, and the task has 2"),
        (diverse, "has no slate to diversify"),
        (tuned_keep, "ranking.keep changes nothing"),
        (add_covariate, "names a covariate"),
        (no_source, "signal taste has no source: write replay.signals.taste"),
        (wrong_kind, "signal evening is of kind item: its source is item_column, sparse or rate"),
        (unmapped_metric, "no column 'latency_ms'.*say which one is latency_ms under .replay.outcomes."),
        (no_such_file, "there is no file .*nowhere.csv: paths in .replay. start at the folder"),
        (no_such_item_column, "items file items.csv has no column 'price': its columns are item, pool"),
        (tight_domain, r"signal taste ranges over \[0, 3\] in the log, beyond its domain \[0, 1\]"),
        (minutes_as_proportion, "metric minutes is a proportion.*make it a mean"),
        (short_slate, "the log has position 3, and ranking may keep only 2 items: keep at least 3"),
        (cold_production, "production's effective sample size on the tune part is .* below min_ess = 100"),
    ],
)
def test_what_would_stop_a_campaign_is_said_before_it_starts(
    task_table: dict[str, Any], impressions: Rows, replay: Make, spoil: Callable[..., None], says: str
) -> None:
    spoil(task_table)
    found = replay(task_table, impressions(400, uniform=True)).check()
    assert found
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(" | ".join(found))


def test_missing_columns_are_all_listed(task_table: dict[str, Any], impressions: Rows, replay: Make) -> None:
    rows = drop_column(drop_column(impressions(50), "propensity"), "click")
    found = " | ".join(replay(task_table, rows).check())
    assert "no column 'propensity'" in found
    assert "no column 'click'" in found
    assert "say which one is click_rate under [replay.outcomes]" in found
