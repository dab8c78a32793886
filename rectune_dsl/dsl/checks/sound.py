"""What of a task under check can be searched, whatever else is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.formula import Call, Compare, names, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS, REQUEST_WIDE
from rectune_dsl.dsl.model import Param, Task
from rectune_dsl.dsl.table import Formula


def sound(draft: Draft) -> Task:
    """The task as far as it can be searched: params without proper bounds stay at production, and what
    is no proper constraint is left out."""
    task = draft.task
    stages = {}
    for stage_name, stage in task.stages.items():
        params = {n: p if _is_searchable(p) else served(p) for n, p in stage.params.items()}
        keep = stage.keep if _is_searchable(stage.keep) else round(served(stage.keep))
        stages[stage_name] = stage.model_copy(update={"params": params, "keep": keep})
    usable = {name: c for name, c in task.constraints.items() if _is_usable(draft, c)}
    return task.model_copy(update={"stages": stages, "constraints": usable})


def served(value: float | Param) -> float:
    """A param's value at production, or the constant."""
    return value.production if isinstance(value, Param) else value


def settings(task: Task) -> dict[str, float]:
    """What a constraint may read: params at production, constants, keep counts."""
    values: dict[str, float] = {}
    for stage_name, stage in task.stages.items():
        values |= {name: served(p) for name, p in stage.params.items()}
        values[f"{stage_name}.keep"] = served(stage.keep)
    return values


def foreign_calls(constraint: Formula) -> Iterator[Call]:
    """Calls that mean nothing in a constraint."""
    for node in walk(constraint.tree):
        if isinstance(node, Call) and (node.function in REQUEST_WIDE or node.function not in FUNCTIONS):
            yield node


def is_cut(draft: Draft, name: str) -> bool:
    """Whether a name that a constraint reads was cut from the file."""
    stage, _, keep = name.partition(".")
    return name in draft.cuts.keys or (keep == "keep" and draft.cuts.touch(("stages", stage, "keep")))


def _is_searchable(value: float | Param) -> bool:
    if not isinstance(value, Param):
        return True
    return 0 < value.high - value.low < math.inf and not (value.scale == "log" and value.low <= 0)


def _is_usable(draft: Draft, constraint: Formula) -> bool:
    read = {n.name for n in names(constraint.tree)}
    return (
        isinstance(constraint.tree, Compare)
        and read <= settings(draft.task).keys()
        and not any(is_cut(draft, name) for name in read)
        and not any(foreign_calls(constraint))
    )
