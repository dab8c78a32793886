"""Params, keep counts and constraints: a search space that holds production and something else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Call, Compare, evaluate, names, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS, REQUEST_WIDE
from rectune_dsl.dsl.model import Param, Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.space import Space
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.table import Formula

ENOUGH = 16
"""Feasible configs that sampling must find; one may be luck, even where an equality leaves no room."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _tunable(draft)
    for name, path, param in draft.params():
        yield from _bounds(draft, name, path, param)
    yield from _keeps(draft)
    for name, constraint in draft.task.constraints.items():
        yield from _constraint(draft, ("constraints", name), constraint)
    yield from _room(draft)


def sound(draft: Draft) -> Task:
    """The task as far as it can be searched: params without proper bounds stay at production, and what
    is no proper constraint is left out."""
    task = draft.task
    stages = {}
    for stage_name, stage in task.stages.items():
        params = {n: p if _is_searchable(p) else _served(p) for n, p in stage.params.items()}
        keep = stage.keep if _is_searchable(stage.keep) else round(_served(stage.keep))
        stages[stage_name] = stage.model_copy(update={"params": params, "keep": keep})
    usable = {name: c for name, c in task.constraints.items() if _is_usable(draft, c)}
    return task.model_copy(update={"stages": stages, "constraints": usable})


def _served(value: float | Param) -> float:
    return value.production if isinstance(value, Param) else value


def _is_searchable(value: float | Param) -> bool:
    if not isinstance(value, Param):
        return True
    return 0 < value.high - value.low < math.inf and not (value.scale == "log" and value.low <= 0)


# --- params ----------------------------------------------------------------------------------------


def _tunable(draft: Draft) -> Iterator[Diagnostic]:
    if not draft.task.params and not draft.cuts.touch(("stages",)):
        help = "give a param bounds: name = { production = 1.0, low = 0.1, high = 10.0 }"
        yield draft.problem("RT308", ("stages",), "no param has bounds to search in", help)


def _bounds(draft: Draft, name: str, path: KeyPath, param: Param) -> Iterator[Diagnostic]:
    low, high, production = param.low, param.high, param.production
    if not 0 < high - low < math.inf:
        message = f"`{name}` goes from {low:g} to {high:g}"
        help = "low must be below high; for a constant write the number alone"
        yield draft.problem("RT301", (*path, "low"), message, help)
    elif not low <= production <= high:
        message = f"`{name}` serves {production:g}, outside [{low:g}, {high:g}]"
        yield draft.problem("RT302", (*path, "production"), message, "widen the bounds to hold it")
    if param.scale == "log" and low <= 0:
        help = 'raise low above 0, or write scale = "linear"'
        yield draft.problem("RT303", (*path, "low"), f"`{name}` has a log scale from {low:g} on", help)
    if param.type == "int":
        for key in ("production", "low", "high"):
            if (value := getattr(param, key)) != round(value):
                message = f"{key} of `{name}` is {value:g}, and its type is int"
                yield draft.problem("RT304", (*path, key), message, "write a whole number")
    if path[-1] == "keep" and len(path) == 3 and low < 1:
        yield draft.problem("RT305", (*path, "low"), f"`{name}` could fall to {low:g}", "keep at least 1")


# --- keep counts -----------------------------------------------------------------------------------


def _keeps(draft: Draft) -> Iterator[Diagnostic]:
    constrained = {n.name for c in draft.task.constraints.values() for n in names(c.tree)}
    for before, here in pairwise(draft.task.stages):
        if any(draft.cuts.touch(("stages", name, "keep")) for name in (before, here)):
            continue
        one, two = (draft.task.stages[name].keep for name in (before, here))
        if not constrained.isdisjoint({f"{before}.keep", f"{here}.keep"}):
            fewest, most = _served(one), _served(two)
        else:  # no constraint keeps them in order, so every pair of values may be served
            fewest = one.low if isinstance(one, Param) else one
            most = two.high if isinstance(two, Param) else two
        if most > fewest:
            message = f"stage `{here}` keeps {most:g} of the {fewest:g} that `{before}` passes on"
            help = f"keep at most {fewest:g}"
            if isinstance(one, Param) or isinstance(two, Param):
                message = message.replace("keeps", "may keep").replace("passes", "may pass")
                help += f', or add a constraint such as "{here}.keep <= {before}.keep"'
            yield draft.problem("RT306", ("stages", here, "keep"), message, help)


# --- constraints -----------------------------------------------------------------------------------


def _constraint(draft: Draft, path: KeyPath, constraint: Formula) -> Iterator[Diagnostic]:
    tree, read = constraint.tree, names(constraint.tree)
    params, known = draft.task.params, _values(draft.task)
    if not isinstance(tree, Compare):
        message = "a constraint must be a comparison"
        yield draft.problem("RT309", path, message, 'write it like "a + b <= 4"', span=tree.span)
    for call in _foreign_calls(constraint):
        message = f"a constraint cannot call `{call.function}`"
        help = "only functions of params that are built in can be called here"
        yield draft.problem("RT309", path, message, help, span=call.span)
    for name in read:
        if name.name not in known and not _is_cut(draft, name.name):
            message = f"`{name.name}` is not a param"
            yield draft.problem("RT309", path, message, did_you_mean(name.name, known), span=name.span)
    if all(n.name in known and n.name not in params and not _is_cut(draft, n.name) for n in read):
        message = "the constraint reads no param with bounds"
        yield draft.problem("RT309", path, message, did_you_mean("", params), span=tree.span)


def _room(draft: Draft) -> Iterator[Diagnostic]:
    """Production must keep the constraints, and they must leave something to search."""
    task = sound(draft)
    values = _values(task)
    for name, constraint in task.constraints.items():
        if not evaluate(constraint.tree, values):
            read = dict.fromkeys(n.name for n in names(constraint.tree))
            help = "production has " + ", ".join(f"{n} = {values[n]:g}" for n in read)
            yield draft.problem(
                "RT310", ("constraints", name), f"production breaks `{name}`: {constraint.text}", help
            )
    try:
        Space(task).sample(np.random.Generator(np.random.Philox(key=0)), ENOUGH)
    except ValueError:
        message = "sampling found no config inside the bounds that keeps all constraints"
        help = "loosen a constraint; an equality leaves no room at all: make one param of it a constant"
        yield draft.problem("RT311", ("constraints",), message, help, part="key")


def _is_usable(draft: Draft, constraint: Formula) -> bool:
    read = {n.name for n in names(constraint.tree)}
    return (
        isinstance(constraint.tree, Compare)
        and read <= _values(draft.task).keys()
        and not any(_is_cut(draft, name) for name in read)
        and not any(_foreign_calls(constraint))
    )


def _foreign_calls(constraint: Formula) -> Iterator[Call]:
    for node in walk(constraint.tree):
        if isinstance(node, Call) and (node.function in REQUEST_WIDE or node.function not in FUNCTIONS):
            yield node


def _is_cut(draft: Draft, name: str) -> bool:
    stage, _, keep = name.partition(".")
    return name in draft.cuts.keys or (keep == "keep" and draft.cuts.touch(("stages", stage, "keep")))


def _values(task: Task) -> dict[str, float]:
    """What a constraint may read: params at production, constants, keep counts."""
    values: dict[str, float] = {}
    for stage_name, stage in task.stages.items():
        values |= {name: _served(p) for name, p in stage.params.items()}
        values[f"{stage_name}.keep"] = _served(stage.keep)
    return values
