"""What of a task under check can be searched, whatever else is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.formula import Call, Compare, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS, REQUEST_WIDE
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param, Value, VectorParam
from rectune_dsl.dsl.table import Formula


def sound(draft: Draft) -> Task:
    """The task as far as it can be searched: params without proper bounds stay at production, and what
    is no proper constraint is left out."""
    task = draft.task
    stages = {}
    for stage_name, stage in task.stages.items():
        params = _served_unless_searchable(stage.params)
        keep = stage.keep if _is_searchable(stage.keep) else round(served(stage.keep))
        stages[stage_name] = stage.model_copy(update={"params": params, "keep": keep})
    segments = {
        name: segment.model_copy(update={"params": _served_unless_searchable(segment.params)})
        for name, segment in task.segments.items()
    }
    sources = {}
    for name, source in task.sources.items():
        quotas = {"min": source.min, "max": source.max}
        unfit = {
            k: round(q.production)
            for k, q in quotas.items()
            if isinstance(q, Param) and not _is_searchable(q)
        }
        sources[name] = source.model_copy(update=unfit)
    usable = {name: c for name, c in task.constraints.items() if _is_usable(draft, c)}
    changes = {"stages": stages, "segments": segments, "sources": sources, "constraints": usable}
    return task.model_copy(update=changes)


def served(count: int | Param) -> float:
    """A count at production."""
    return count.production if isinstance(count, Param) else count


def settings(task: Task) -> dict[str, float]:
    """What a constraint may read: params at production, constants, keep counts."""
    return task.production | task.constants


def foreign_calls(constraint: Formula) -> Iterator[Call]:
    """Calls that mean nothing in a constraint."""
    for node in walk(constraint.tree):
        if isinstance(node, Call) and (node.function in REQUEST_WIDE or node.function not in FUNCTIONS):
            yield node


def is_cut(draft: Draft, name: str) -> bool:
    """Whether a name that a constraint reads was cut from the file."""
    owner, _, key = name.partition(".")
    own = key if key and key not in ("keep", "min", "max") else owner
    if own.partition("[")[0] in draft.cuts.keys:
        return True
    return bool(key) and any(draft.cuts.touch((table, owner, key)) for table in ("stages", "sources"))


def _served_unless_searchable(params: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name: value.production
        if isinstance(value, Param | VectorParam) and not _is_searchable(value)
        else value
        for name, value in params.items()
    }


def _is_searchable(value: Value) -> bool:
    if isinstance(value, VectorParam):
        return all(map(_is_searchable, value.elements("").values()))
    if not isinstance(value, Param):
        return True
    return 0 < value.high - value.low < math.inf and not (value.scale == "log" and value.low <= 0)


def _is_usable(draft: Draft, constraint: Formula) -> bool:
    read = set(constraint.reads)
    return (
        isinstance(constraint.tree, Compare)
        and read <= settings(draft.task).keys()
        and not any(is_cut(draft, name) for name in read)
        and not any(foreign_calls(constraint))
    )
