"""What a stage computes, part by part: terms, filters, boosts, the penalty, the score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rectune_dsl.dsl.checks import plugins, vectors
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.formula import Call, Node, Vector, evaluate, names, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.stages import Stage
from rectune_dsl.dsl.table import Formula
from rectune_dsl.dsl.terms import CircularTermsError, ordered


@dataclass(frozen=True)
class Part:
    """A formula and what it is called in messages."""

    title: str
    path: KeyPath
    formula: Formula

    @property
    def tree(self) -> Node:
        return self.formula.tree


def parts(task: Task, stage_name: str) -> Iterator[Part]:
    """Everything a stage computes, what is read before what reads it; the score last. Raises
    CircularTermsError."""
    stage, path = task.stages[stage_name], ("stages", stage_name)
    for term in ordered(stage.terms):
        yield Part(f"term `{term}`", (*path, "terms", term), stage.terms[term])
    for name, formula in stage.filters.items():
        yield Part(f"filter `{name}`", (*path, "filters", name), formula)
    for name, boost in stage.boosts.items():
        for key in ("when", "multiply", "add"):
            if (formula := getattr(boost, key)) is not None:
                yield Part(f"`{key}` of boost `{name}`", (*path, "boosts", name, key), formula)
    if stage.diversity is not None:
        yield Part("the penalty", (*path, "diversity", "penalty"), stage.diversity.penalty)
    yield Part(f"the score of stage `{stage_name}`", (*path, "score"), stage.score)


def readable(draft: Draft, task: Task, stage_name: str, has_score: bool) -> list[Part]:
    """The parts whose names and functions are all known, also through terms, so that they can be enclosed."""
    stage = task.stages[stage_name]
    known = {*draft.signals_of(stage_name), *stage.constants, *stage.tunable}
    known |= {name for name in task.params if "." in name}
    known |= {"score"} if has_score else set()
    known -= stage.terms.keys()  # a term of a signal's name stands for itself
    functions = FUNCTIONS.keys() | plugins.enclosed(draft.environment)
    found = []
    try:
        for part in parts(task, stage_name):
            called = {n.function for n in walk(part.tree) if isinstance(n, Call)}
            read = {n.name for n in names(part.tree)}
            is_known = read <= known and called <= functions and _is_sound(stage, part.tree)
            if is_known and not draft.cuts.touch(part.path):
                found.append(part)
                known |= {str(part.path[-1])} if part.path[2] == "terms" else set()
    except CircularTermsError:
        return []
    return found


def _is_sound(stage: Stage, tree: Node) -> bool:
    """Whether its curves can be computed."""
    curves = [n for n in walk(tree) if isinstance(n, Call) and n.function == "curve"]
    return vectors.fits(tree) and all(_rises(stage, curve.arguments[1]) for curve in curves)


def _rises(stage: Stage, knots: Node) -> bool:
    constants = stage.constants
    if any(isinstance(node, Call) for node in walk(knots)):
        return False
    if not isinstance(knots, Vector) or {n.name for n in names(knots)} - constants.keys():
        return False
    places = [float(evaluate(knot, constants)) for knot in knots.items]
    return all(left < right for left, right in pairwise(places))


def is_score(part: Part) -> bool:
    return part.path[-1] == "score" and len(part.path) == 3


def words(formula: Formula, node: Node) -> str:
    """A part of a formula as it is written; a span leaves out the parentheses at its ends."""
    text = formula.text[node.span.start : node.span.end]
    depth = lowest = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        lowest = min(lowest, depth)
    return "(" * -lowest + text + ")" * (depth - lowest)


def read_through_terms(stage: Stage, tree: Node) -> frozenset[str]:
    """Every name that a formula reads, also through terms; the terms themselves included."""
    found: set[str] = set()
    todo = [tree]
    while todo:
        for name in names(todo.pop()):
            if name.name not in found and name.name in stage.terms:
                todo.append(stage.terms[name.name].tree)
            found.add(name.name)
    return frozenset(found)
