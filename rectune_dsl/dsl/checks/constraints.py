"""Constraints: comparisons of params that production keeps, that leave something, and that say something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks import room
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.sound import foreign_calls, is_cut, settings, sound
from rectune_dsl.dsl.diagnostics import Diagnostic, Fix
from rectune_dsl.dsl.formula import Binary, Compare, Node, evaluate, names
from rectune_dsl.dsl.formula.intervals import Enclosure
from rectune_dsl.dsl.formula.rounding import interval
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.space import Space
from rectune_dsl.dsl.suggest import did_you_mean, misspelt
from rectune_dsl.dsl.table import Formula

Array = NDArray[Any]

_POINTS = 256


def check(draft: Draft) -> Iterator[Diagnostic]:
    for name, constraint in draft.task.constraints.items():
        yield from _comparison(draft, ("constraints", name), constraint)
    task = sound(draft)
    broken = list(_production(draft, task))
    yield from broken
    yield from _empty(draft, task)
    if task.constraints and not broken and not len(room.feasible(task, Space(task))):
        message = "sampling found no config but production that keeps all constraints"
        help = "loosen a constraint; an equality leaves next to no room: make one param of it a constant"
        yield draft.problem("RT320", ("constraints",), message, help, part="key")
    if task.constraints and not draft.cuts.paths:
        yield from _idle(draft, task)


# --- what a constraint may be ----------------------------------------------------------------------


def _comparison(draft: Draft, path: KeyPath, constraint: Formula) -> Iterator[Diagnostic]:
    tree, read = constraint.tree, names(constraint.tree)
    params, known = draft.task.params, settings(draft.task)
    if not isinstance(tree, Compare):
        message, help = "a constraint must be a comparison", 'write it like "a + b <= 4"'
        if _is_product(tree):
            help = "write two constraints: all of them have to hold"
        yield draft.problem(
            "RT309", path, message, help, span=tree.span, fix=_halves(draft, path, constraint)
        )
    for call in foreign_calls(constraint):
        message = f"a constraint cannot call `{call.function}`"
        help = "only functions of params that are built in can be called here"
        yield draft.problem("RT309", path, message, help, span=call.span)
    for name in read:
        if name.name not in known and not is_cut(draft, name.name):
            message = f"`{name.name}` is not a param"
            help, guess = did_you_mean(name.name, known), misspelt(name.name, known)
            if name.name in draft.task.signals:
                guess, help = None, f"constraints compare params: {did_you_mean('', known)}"
            fix = draft.mend.within(path, name.span.start, name.span.end, guess) if guess else None
            yield draft.problem("RT309", path, message, help, span=name.span, fix=fix)
    if all(n.name in known and n.name not in params and not is_cut(draft, n.name) for n in read):
        message = "the constraint reads no param with bounds"
        help = f"remove it, or read a param; {did_you_mean('', params)}"
        yield draft.problem("RT309", path, message, help, span=tree.span)


def _is_product(tree: Node) -> bool:
    """Whether comparisons are multiplied, as a score may do to require several."""
    if isinstance(tree, Binary) and tree.op == "*":
        return all(isinstance(side, Compare) or _is_product(side) for side in (tree.left, tree.right))
    return False


def _halves(draft: Draft, path: KeyPath, constraint: Formula) -> Fix | None:
    """Two constraints for the product of two comparisons."""
    tree = constraint.written
    if not isinstance(tree, Binary) or not all(isinstance(s, Compare) for s in (tree.left, tree.right)):
        return None
    one, other = (constraint.text[s.span.start : s.span.end] for s in (tree.left, tree.right))
    from rectune_dsl.dsl.faultfixes import two_constraints

    return two_constraints(draft.mend, path, one, other)


# --- what it leaves --------------------------------------------------------------------------------


def _production(draft: Draft, task: Task) -> Iterator[Diagnostic]:
    values = settings(task)
    for name, constraint in task.constraints.items():
        if not evaluate(constraint.tree, values):
            read = constraint.reads
            served = ", ".join(f"{n} = {values[n]:g}" for n in read)
            help = f"production has {served}: loosen the constraint, or correct production"
            message = f"production breaks `{name}`: {constraint.text}"
            yield draft.problem("RT310", ("constraints", name), message, help)


def _empty(draft: Draft, task: Task) -> Iterator[Diagnostic]:
    """Constraints that no config within the bounds keeps, by interval arithmetic."""
    known = {name: interval([value], [value]) for name, value in settings(task).items()}
    known |= {name: interval([param.low], [param.high]) for name, param in task.params.items()}
    for name, constraint in task.constraints.items():
        found = Enclosure(known).value(constraint.tree)
        if not np.any(found.low) and not np.any(found.high):
            message = f"no config within the bounds keeps `{name}`: {constraint.text}"
            yield draft.problem("RT311", ("constraints", name), message, "loosen it, or widen the bounds")


# --- what it keeps out -----------------------------------------------------------------------------


def _idle(draft: Draft, task: Task) -> Iterator[Diagnostic]:
    space = Space(task)
    generator = np.random.Generator(np.random.Philox(key=1))
    inside = generator.random((_POINTS, space.dimension))
    points = np.concatenate([inside, np.round(inside), space.production[np.newaxis]])
    values = room.columns(task, space, points)
    for name, constraint in task.constraints.items():
        read = set(constraint.reads)
        is_unequal = isinstance(constraint.tree, Compare) and constraint.tree.op == "!="
        if is_unequal or read.isdisjoint(task.params) or not np.all(evaluate(constraint.tree, values)):
            continue
        nearest = points[int(np.argmin(_slack(constraint, values)))]
        if evaluate(constraint.tree, _worst(task, space, constraint, nearest)):
            message = f"every config within the bounds keeps `{name}`: {constraint.text}"
            path, fix = ("constraints", name), draft.mend.remove(("constraints", name))
            yield draft.problem("RT316", path, message, "remove it, or tighten it", fix=fix)


def _worst(task: Task, space: Space, constraint: Formula, point: Array) -> Mapping[str, float]:
    """What a constraint reads where it is nearest to breaking: one param after the other goes to its worst
    end. Exact where each param pulls one way only, whatever the others are."""
    read = set(constraint.reads)
    for i in [i for i, param in enumerate(space.names) if param in read]:
        tried = np.repeat(point[np.newaxis], 3, axis=0)
        tried[1:, i] = 0.0, 1.0
        point = tried[int(np.argmin(_slack(constraint, room.columns(task, space, tried))))]
    return settings(task) | space.from_unit(point)


def _slack(constraint: Formula, columns: Mapping[str, Any]) -> Array:
    """How far each point is from breaking a comparison, (count,)."""
    tree = constraint.tree
    assert isinstance(tree, Compare)
    gap = np.asarray(evaluate(tree.right, columns)) - np.asarray(evaluate(tree.left, columns))
    if tree.op == "==":
        gap = -np.abs(gap)
    slack: Array = -gap if tree.op in (">", ">=") else gap
    return slack
