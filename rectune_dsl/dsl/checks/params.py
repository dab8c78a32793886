"""Params and keep counts: bounds that hold production, and stages that can keep what they are to keep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.sound import served
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import names
from rectune_dsl.dsl.model import Param
from rectune_dsl.dsl.positions import KeyPath


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _tunable(draft)
    for name, path, param in draft.params():
        yield from _bounds(draft, name, path, param)
    yield from _candidates(draft)
    yield from _keeps(draft)


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


def _candidates(draft: Draft) -> Iterator[Diagnostic]:
    """Of a backend that says in the task how many candidates a request has."""
    first = next(iter(draft.task.stages))
    if draft.task.experiment.backend != "simulator" or draft.cuts.touch(("stages",)):
        return
    keep, candidates = draft.task.stages[first].keep, draft.task.simulator.candidates
    most = keep.high if isinstance(keep, Param) else keep
    if most > candidates and not draft.cuts.touch(("simulator", "candidates")):
        message = f"stage `{first}` keeps {most:g} of the {candidates} candidates that [simulator] gives it"
        help = f"keep at most {candidates}, or write candidates = {most:g} under [simulator]"
        yield draft.problem("RT306", ("stages", first, "keep"), message, help)


def _keeps(draft: Draft) -> Iterator[Diagnostic]:
    constrained = {n.name for c in draft.task.constraints.values() for n in names(c.tree)}
    for before, here in pairwise(draft.task.stages):
        if any(draft.cuts.touch(("stages", name, "keep")) for name in (before, here)):
            continue
        one, two = (draft.task.stages[name].keep for name in (before, here))
        if not constrained.isdisjoint({f"{before}.keep", f"{here}.keep"}):
            fewest, most = served(one), served(two)
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
