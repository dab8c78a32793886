"""Columns of a task's segments: what their users bring, and 0 for everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import Node, evaluate
from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.stage import Functions
from rectune_dsl.hooks.api import USERS
from rectune_dsl.simulator.population import Users
from rectune_dsl.simulator.signals import USER_SIGNALS


@dataclass(frozen=True)
class SegmentColumns:
    """`names` are the columns `NAME@SEGMENT`; `users@SEGMENT` is 1 for the segment's users. A user belongs to
    the first segment whose condition is not 0."""

    names: tuple[str, ...]
    conditions: tuple[tuple[str, Node], ...]
    functions: Functions

    def of(self, users: Users, columns: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float64]]:
        """The columns in the order of `names`, each (users,). `columns` are all users', by name, with `users`
        1 for those who are counted."""
        members = self._members(users) if self.names else {}
        found = []
        for name in self.names:
            base, _, segment = name.partition("@")
            found.append(columns[base] * members[segment])
        return found

    def _members(self, users: Users) -> dict[str, NDArray[np.bool_]]:
        signals = {name: getattr(users, column) for name, column in USER_SIGNALS.items()}
        left, members = np.ones(len(users), np.bool_), {}
        for segment, condition in self.conditions:
            holds = np.asarray(evaluate(condition, signals, functions=self.functions)) != 0
            members[segment] = left & holds
            left = left & ~holds
        return members


NO_SEGMENTS = SegmentColumns((), (), {})


def segment_columns(
    task: Task, columns: tuple[str, ...], functions: Functions | None = None
) -> SegmentColumns:
    """The columns that the guardrails of the task's segments need, as far as they are made from `columns`."""
    needed = [c for name, metric in task.judged.items() for c in metric.columns(name) if "@" in c]
    names = tuple(n for n in dict.fromkeys(needed) if n.partition("@")[0] in (*columns, USERS))
    conditions = tuple((name, segment.when.tree) for name, segment in task.segments.items())
    return SegmentColumns(names, conditions, functions or {})
