"""Whole tasks that `rectune check` finds no error in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import tomli_w
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from rectune_dsl.dsl.check import Environment, check
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.testing.strategies.stages import Names, StageMaker

_METRICS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("likes", {}, ">= -1%"),
    ("return", {"kind": "proportion", "matures_after_days": 1}, ">= -0.5%"),
    ("hide_rate", {"kind": "ratio", "numerator": "hides", "denominator": "views"}, "<= +15%"),
    ("latency_ms", {}, "<= 120"),
    ("wait_p90", {"kind": "quantile", "column": "wait", "quantile": 0.9}, "<= +9%"),
)
"""Metrics with a guardrail that suits each."""


@dataclass(frozen=True)
class WrittenTask:
    """A task and the TOML text it was read from. Shown as that text when a test fails."""

    text: str
    task: Task

    def __repr__(self) -> str:
        return f"a task written as\n{self.text}"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """What Hypothesis prints of a failing example: the file."""
        for line in repr(self).splitlines():
            printer.text(line)
            printer.break_()


def tasks() -> st.SearchStrategy[WrittenTask]:
    """Tasks without errors, of every table of the language: one to three stages with terms, filters, boosts,
    curves, contracts and diversity; segments, sources, constraints; means, proportions and ratios under
    relative and absolute guardrails. Shrinks to one stage with one param.
    """
    return tables().map(tomli_w.dumps).map(_checked).filter(lambda written: written is not None).map(_known)


def _checked(text: str) -> WrittenTask | None:
    task = check(Source("task.toml", text), Environment()).task
    return None if task is None else WrittenTask(text, task)


def _known(written: WrittenTask | None) -> WrittenTask:
    assert written is not None
    return written


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """The tables that `tasks` are written from; a few of them have errors."""
    names = Names()
    count = draw(st.integers(1, 3))
    stages = {}
    for place, name in enumerate(("ranking", "re_ranking", "last")[:count]):
        stages[name] = StageMaker(draw, names, place, is_last=place == count - 1).table()
    segments: dict[str, Any] = draw(_segments(names)) if _coin(draw) else {}
    metrics, guardrails = draw(_metrics())
    found = {
        "dsl": 1,
        "task": {"name": "generated", "surface": "feed"},
        "signals": names.signals,
        "segments": segments,
        "sources": draw(_sources()),
        "stages": stages,
        "metrics": metrics,
        "guardrails": guardrails,
        "constraints": draw(_constraints(names)),
        **draw(_traffic()),
    }
    return {key: value for key, value in found.items() if value != {}}


@st.composite
def _segments(draw: st.DrawFn, names: Names) -> dict[str, Any]:
    names.signals["is_new"] = {"kind": "user", "domain": [0, 1]}
    table: dict[str, Any] = {"when": "is_new > 0.5"}
    if names.scalars and _coin(draw):
        name = draw(st.sampled_from(sorted(names.scalars)))
        param = names.scalars[name]
        table["params"] = {name: draw(st.sampled_from([param["production"], dict(param)]))}
    if "params" not in table or _coin(draw):
        table["guardrails"] = {"likes": draw(st.sampled_from([">= -5%", ">= -2.5%"]))}
    return {"new_users": table}


@st.composite
def _sources(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if _coin(draw):
        least = {"production": 1, "low": 0, "high": 2, "type": "int"}
        found["fresh"] = {"min": draw(st.sampled_from([1, least]))}
        if _coin(draw):
            found["fresh"] |= {"max": 3, "slots": [draw(st.integers(1, 4))]}
    if found and _coin(draw):
        found["followed"] = {"max": 4}
    return found


@st.composite
def _metrics(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str]]:
    star: dict[str, Any] = {"goal": "maximize"}
    if _coin(draw):
        star |= {"weight": 2.0, "covariate": "watch_minutes_before"}
    metrics: dict[str, Any] = {"watch_minutes": star}
    guardrails = {}
    for name, metric, limit in _subset(draw, _METRICS):
        metrics[name] = dict(metric)
        if _coin(draw):
            guardrails[name] = limit
    if _coin(draw):
        metrics["reports"] = {"goal": "minimize", "weight": 0.5}
    return metrics, guardrails


@st.composite
def _constraints(draw: st.DrawFn, names: Names) -> dict[str, str]:
    """A bound on the sum of two params that cuts the box and leaves production inside."""
    if len(names.scalars) < 2 or not _coin(draw):
        return {}
    (first, one), (second, other) = list(names.scalars.items())[:2]
    served, most = (one[key] + other[key] for key in ("production", "high"))
    if served >= most:
        return {}
    return {"strength": f"{first} + {second} <= {(served + 3 * most) / 4:g}"}


@st.composite
def _traffic(draw: st.DrawFn) -> dict[str, Any]:
    users = st.sampled_from([1000, 20_000])
    experiment: dict[str, Any] = {"users_per_arm": draw(users), "days": draw(st.integers(1, 7))}
    if _coin(draw):
        experiment |= {"rounds": draw(st.integers(1, 3)), "arms": draw(st.integers(1, 3)), "alpha": 0.1}
    found: dict[str, Any] = {
        "experiment": experiment,
        "confirm": {"users_per_arm": draw(users), "days": draw(st.integers(1, 7))},
    }
    if _coin(draw):
        found["holdout"] = {"share": 0.05}
    if _coin(draw):
        found["limits"] = {"traffic_share": 0.5, "step": 0.5}
    if _coin(draw):
        found["ramp"] = {"steps": [0.05, 0.5], "days": draw(st.integers(1, 2))}
    if _coin(draw):
        found["freeze"] = {"holidays": {"first": date(2026, 12, 20), "last": date(2027, 1, 3)}}
    if _coin(draw):
        found["exclusion"] = {"layer": "feed", "share": [0.0, 0.5]}
    return found


def _subset(draw: st.DrawFn, items: Iterable[Any]) -> list[Any]:
    return [item for item in items if _coin(draw)]


def _coin(draw: st.DrawFn) -> bool:
    return draw(st.booleans())
