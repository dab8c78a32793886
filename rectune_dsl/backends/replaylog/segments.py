"""Outcomes of a task's segments: an impression's own where its user is in the segment, else 0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import evaluate
from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.stage import Functions

USERS = "users"
"""`users@SEGMENT` is 1 for impressions of the segment's users."""

_Columns = Mapping[str, NDArray[np.float64]]


def needed(task: Task) -> tuple[str, ...]:
    """The columns `NAME@SEGMENT` that the guardrails of segments are computed from."""
    found = [c for name, metric in task.judged.items() for c in metric.columns(name) if "@" in c]
    # who is a member is known to every metric of a segment, whatever it is divided by
    found += [f"{USERS}@{c.partition('@')[2]}" for c in found]
    return tuple(dict.fromkeys(found))


def outcomes(
    task: Task, own: _Columns, numbers: _Columns, rows: int, functions: Functions
) -> dict[str, NDArray[np.float64]]:
    """Those columns, each (rows,). `own` are the outcomes of all impressions, `numbers` the log's columns of
    user signals. An impression belongs to the first segment whose condition is not 0."""
    names = needed(task)
    members = _members(task, numbers, rows, functions) if names else {}
    found = {}
    for name in names:
        base, _, segment = name.partition("@")
        member = members[segment].astype(np.float64)
        found[name] = member if base == USERS else own[base] * member
    return found


def _members(task: Task, numbers: _Columns, rows: int, functions: Functions) -> dict[str, NDArray[np.bool_]]:
    assert task.replay is not None
    signals = {
        name: numbers[signal.column].astype(np.float32)
        for name, signal in task.replay.signals.items()
        if signal.column is not None
    }
    left, members = np.ones(rows, np.bool_), {}
    for segment, table in task.segments.items():
        holds = np.asarray(evaluate(table.when.tree, signals, functions=functions)) != 0
        members[segment] = left & holds
        left = left & ~holds
    return members
