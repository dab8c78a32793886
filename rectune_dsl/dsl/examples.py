"""Examples of what stands in a task file, by table and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[tuple[str, str], list[Any]] = {
    ("Task", "extends"): ["base.toml"],
    ("Task", "signals"): [{"p_click": {}, "clickbait": {"kind": "item", "domain": [0.0, 1.0]}}],
    ("Task", "guardrails"): [{"next_day_return": ">= -1%", "latency_ms": "<= 120"}],
    ("Task", "constraints"): [{"strength": "a_click + a_long <= 4"}],
    ("TaskInfo", "name"): ["value-fusion"],
    ("TaskInfo", "surface"): ["home-feed"],
    ("TaskInfo", "skill"): ["value-fusion"],
    ("Signal", "stages"): [["pre_ranking", "ranking"]],
    ("Signal", "domain"): [[0.0, 1.0], [-10.0, 10.0]],
    ("Stage", "keep"): [200, {"production": 10, "low": 8, "high": 12, "type": "int"}],
    ("Stage", "score"): ["p_click ** a_click * p_long_view ** a_long", "score - w_bait * clickbait"],
    ("Stage", "terms"): [{"value": "p_click * p_long_view"}],
    ("Stage", "filters"): [{"enough": "p_click > 0.01"}],
    ("Stage", "boosts"): [{"fresh": {"when": "freshness > 0.9", "multiply": "w_fresh"}}],
    ("Stage", "expect"): [{"p_long_view": "nondecreasing", "p_hate": "nonincreasing"}],
    ("Stage", "params"): [
        {
            "w_long": 1.5,
            "w_like": {"production": 2.0, "low": 0.1, "high": 50.0, "scale": "log"},
            "knots": [0.0, 0.2, 1.0],
            "utility": {"production": [0.0, 0.5, 1.0], "low": 0.0, "high": 2.0, "order": "nondecreasing"},
        }
    ],
    ("Diversity", "by"): ["topic"],
    ("Diversity", "penalty"): ["topic_penalty"],
    ("Diversity", "max_per_key"): [4],
    ("Boost", "when"): ["freshness > 0.9"],
    ("Boost", "multiply"): ["w_fresh"],
    ("Boost", "add"): ["0.1"],
    ("Segment", "when"): ["is_new_user"],
    ("Segment", "params"): [{"w_hate": {"production": 5.0, "low": 0.1, "high": 100.0, "scale": "log"}}],
    ("CandidateSource", "min"): [1],
    ("CandidateSource", "max"): [3],
    ("CandidateSource", "slots"): [[3, 8]],
    ("Metric", "numerator"): ["hates"],
    ("Metric", "denominator"): ["impressions"],
    ("Metric", "column"): ["latency_ms"],
    ("Metric", "quantile"): [0.95],
    ("Metric", "winsorize"): [0.99],
    ("Metric", "covariate"): ["watch_minutes_before"],
    ("Experiment", "unit"): ["user", "household"],
    ("Experiment", "users_per_arm"): [20_000],
    ("Experiment", "days"): [3],
    ("Confirm", "users_per_arm"): [60_000],
    ("Confirm", "days"): [7],
    ("Holdout", "share"): [0.02],
    ("Faults", "delays"): [{"next_day_return": 2}],
    ("Faults", "missing"): [["hates"]],
    ("Replay", "log"): ["data/log.csv.gz", "data/log-*.parquet"],
    ("Replay", "outcomes"): [{"click_rate": "click"}],
    ("ReplaySignal", "sparse"): ["affinity"],
}
