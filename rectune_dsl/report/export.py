"""A recommended configuration as TOML: where it comes from, and values in the task's own tables."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import tomli_w

from rectune_dsl.dsl.model import Param, Task
from rectune_dsl.report.view import RunView


def config_toml(task: Task, view: RunView) -> str:
    """The config with its provenance. The tables under `stages` are named as in the task file."""
    assert view.recommendation is not None
    return tomli_w.dumps(
        {"provenance": _provenance(task, view), **_tables(task, view.recommendation.config.values)}
    )


def config_diff(task: Task, view: RunView) -> str:
    """A unified diff from production's values to the recommended ones; empty when they are the same."""
    assert view.recommendation is not None
    before = tomli_w.dumps(_tables(task, task.production)).splitlines(keepends=True)
    after = tomli_w.dumps(_tables(task, view.recommendation.config.values)).splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, "production", "recommended", n=1))


def _provenance(task: Task, view: RunView) -> dict[str, Any]:
    recommendation, verdict = view.recommendation, view.verdict
    assert recommendation is not None
    return {
        "run": view.run,
        "task": task.task.name,
        "surface": task.task.surface,
        "seed": view.header.seed,
        "backend": view.header.backend,
        "rectune": view.header.version,
        "started": view.started,
        "verdict": verdict.decision if verdict else "not confirmed",
        "is_production": recommendation.is_production,
        "expected": {
            p.metric: {"lift": p.lift, "low": p.low, "high": p.high} for p in recommendation.predictions
        },
        "reasons": list(verdict.reasons) if verdict else [recommendation.why],
    }


def _tables(task: Task, values: Mapping[str, float]) -> dict[str, Any]:
    stages: dict[str, Any] = {}
    for name, stage in task.stages.items():
        table: dict[str, Any] = {}
        if isinstance(stage.keep, Param):
            table["keep"] = int(values[f"{name}.keep"])
        params = {p: _number(spec, values[p]) for p, spec in stage.params.items() if isinstance(spec, Param)}
        if params:
            table["params"] = params
        if table:
            stages[name] = table
    return {"stages": stages}


def _number(param: Param, value: float) -> int | float:
    return int(value) if param.type == "int" else value
