"""Params and keep counts: bounds that hold production, and stages that can keep what they are to keep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from rectune_dsl.dsl.checks.draft import Draft, Tuned
from rectune_dsl.dsl.checks.sound import served
from rectune_dsl.dsl.diagnostics import Diagnostic, Fix
from rectune_dsl.dsl.edits import number
from rectune_dsl.dsl.params import Param, VectorParam
from rectune_dsl.dsl.positions import KeyPath


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _tunable(draft)
    for tuned in draft.params():
        yield from _bounds(draft, tuned)
    for path, name, value in draft.tables():
        if isinstance(value, VectorParam):
            yield from _vector(draft, path, name, value)
    yield from _candidates(draft)
    yield from _keeps(draft)


# --- params ----------------------------------------------------------------------------------------


def _tunable(draft: Draft) -> Iterator[Diagnostic]:
    if not draft.task.params and not draft.cuts.touch(("stages",)):
        help = "give a param bounds: name = { production = 1.0, low = 0.1, high = 10.0 }"
        yield draft.problem("RT308", ("stages",), "no param has bounds to search in", help)


def _bounds(draft: Draft, tuned: Tuned) -> Iterator[Diagnostic]:
    name, path, param = tuned.name, tuned.path, tuned.param
    low, high, production = param.low, param.high, param.production
    if not 0 < high - low < math.inf:
        message = f"`{name}` goes from {low:g} to {high:g}"
        help = "low must be below high; for a constant write the number alone"
        yield draft.problem("RT301", tuned.at("low"), message, help, fix=_swapped(draft, tuned))
    elif not low <= production <= high:
        message = f"`{name}` serves {production:g}, outside [{low:g}, {high:g}]"
        side = "low" if production < low else "high"
        help, fix = (
            f"write {side} = {production:g} to hold it",
            draft.mend.value(tuned.at(side), number(production)),
        )
        yield draft.problem("RT302", tuned.at("production"), message, help, fix=fix)
    if param.scale == "log" and low <= 0:
        message = f"`{name}` has a log scale from {low:g} on"
        help = 'raise low above 0, or write scale = "linear"'
        yield draft.problem("RT303", tuned.at("low"), message, help)
    if param.type == "int":
        for key in ("production", "low", "high"):
            if (value := getattr(param, key)) != round(value):
                message = f"{key} of `{name}` is {value:g}, and its type is int"
                inward = {"low": math.ceil, "high": math.floor}.get(key)
                is_count = path[-1] in ("keep", "min", "max")
                help = "write the whole number that is served" + ("" if is_count else ', or type = "float"')
                fix = draft.mend.value((*path, key), inward(value)) if inward else None
                help = f"write {inward(value)}" if inward else help
                yield draft.problem("RT304", (*path, key), message, help, fix=fix)
    if path[-1] == "keep" and len(path) == 3 and low < 1:
        message, fix = f"`{name}` could fall to {low:g}", draft.mend.value((*path, "low"), 1)
        yield draft.problem("RT305", (*path, "low"), message, "write low = 1", fix=fix)


def _swapped(draft: Draft, tuned: Tuned) -> Fix | None:
    """The ends the other way round, where production lies between them."""
    low, high = tuned.param.low, tuned.param.high
    if not high < low or not high <= tuned.param.production <= low or high - low == -math.inf:
        return None
    one = draft.mend.value(tuned.at("low"), number(high))
    other = draft.mend.value(tuned.at("high"), number(low))
    return (*one, *other) if one and other else None


# --- keep counts -----------------------------------------------------------------------------------


def _vector(draft: Draft, path: KeyPath, name: str, vector: VectorParam) -> Iterator[Diagnostic]:
    """Bounds of the vector's length, and of its order where it has one."""
    count = len(vector.production)
    for key in ("low", "high"):
        ends = getattr(vector, key)
        if isinstance(ends, tuple) and len(ends) != count:
            message = f"`{name}` has {count} numbers, and {key} has {len(ends)}"
            help = f"write one {key} for all of them, or {count}"
            yield draft.problem("RT318", (*path, key), message, help)
            return
    if vector.order is None:
        return
    sign = -1 if vector.order == "nonincreasing" else 1
    for key in ("production", "low", "high"):
        numbers = getattr(vector, key)
        if isinstance(numbers, tuple) and any(sign * a > sign * b for a, b in pairwise(numbers)):
            message = f"`{name}` is to be {vector.order}, and its {key} is not"
            inward = sorted(numbers, reverse=sign < 0)
            help = f"write {key} = [{', '.join(f'{n:g}' for n in inward)}], or drop the order"
            # what serves today is a fact, and no edit makes it another
            fix = draft.mend.value((*path, key), inward) if key != "production" else None
            yield draft.problem("RT318", (*path, key), message, help, fix=fix)


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
        fix = _lowered(draft, ("stages", first, "keep"), keep, candidates)
        yield draft.problem("RT306", ("stages", first, "keep"), message, help, fix=fix)


def _keeps(draft: Draft) -> Iterator[Diagnostic]:
    constrained = {name for c in draft.task.constraints.values() for name in c.reads}
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
            fix = _lowered(draft, ("stages", here, "keep"), two, fewest)
            yield draft.problem("RT306", ("stages", here, "keep"), message, help, fix=fix)


def _lowered(draft: Draft, path: KeyPath, keep: int | Param, most: float) -> Fix | None:
    """A count, or the upper end of its range, lowered to `most`, where production serves no more."""
    if not isinstance(keep, Param):
        return draft.mend.value(path, number(most))
    fits = keep.low < most and keep.production <= most
    return draft.mend.value((*path, "high"), number(most)) if fits else None
