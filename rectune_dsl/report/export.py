"""A recommended configuration as TOML: where it comes from, and values in the task's own tables."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import tomli_w

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param, Value, VectorParam
from rectune_dsl.dsl.stages import CandidateSource
from rectune_dsl.report.view import RunView


def config_toml(task: Task, view: RunView) -> str:
    """The config with its provenance. Its tables are named as in the task file."""
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
        **({"shipped": view.shipped} if view.shipped else {}),
        **_aborted(view),
        "is_production": recommendation.is_production,
        "expected": {
            p.metric: {"lift": p.lift, "low": p.low, "high": p.high} for p in recommendation.predictions
        },
        "reasons": list(verdict.reasons) if verdict else [recommendation.why],
    }


def _aborted(view: RunView) -> dict[str, Any]:
    """Who ended the run and why, and whether what it had shipped was taken back; nothing where nobody did."""
    order, done = view.abort, view.aborted
    if order is None:
        return {}
    told = {"by": order.by, "at": f"{order.at:%Y-%m-%dT%H:%M:%SZ}", "why": order.why}
    shipped = {"shipped_at": view.delivered_at} if view.delivered else {}
    kept = {"kept": done.kept} if done is not None and done.kept else {}
    return {"aborted": {**told, **shipped, "taken_back": done is not None and done.rolled_back, **kept}}


def _tables(task: Task, values: Mapping[str, float]) -> dict[str, Any]:
    stages: dict[str, Any] = {}
    for name, stage in task.stages.items():
        keep = {"keep": int(values[f"{name}.keep"])} if isinstance(stage.keep, Param) else {}
        params = _params(stage.params, values)
        stages[name] = {**keep, **({"params": params} if params else {})}
    segments = {name: _params(s.params, values, f"{name}.") for name, s in task.segments.items()}
    sources = {name: _quotas(name, source, values) for name, source in task.sources.items()}
    tables = {
        "stages": stages,
        "segments": {name: {"params": params} for name, params in segments.items() if params},
        "sources": sources,
    }
    kept = {key: {name: t for name, t in table.items() if t} for key, table in tables.items()}
    return {key: table for key, table in kept.items() if table or key == "stages"}


def _params(params: Mapping[str, Value], values: Mapping[str, float], prefix: str = "") -> dict[str, Any]:
    """The tuned ones, as a task file writes them: numbers in a row for vectors."""
    found: dict[str, Any] = {}
    for name, param in params.items():
        if isinstance(param, Param):
            found[name] = _number(param, values[prefix + name])
        elif isinstance(param, VectorParam):
            found[name] = [values[element] for element in param.elements(prefix + name)]
    return found


def _quotas(name: str, source: CandidateSource, values: Mapping[str, float]) -> dict[str, int]:
    quotas = {"min": source.min, "max": source.max}
    return {key: int(values[f"{name}.{key}"]) for key, quota in quotas.items() if isinstance(quota, Param)}


def _number(param: Param, value: float) -> int | float:
    return int(value) if param.type == "int" else value
