"""Vectors and curves: lists where lists belong, knots that rise, one value for each. And formulas that grow
too large when vectors and segments are spelt out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.expand import MOST_NODES, grown, meanings_in, overridden
from rectune_dsl.dsl.formula import Call, Name, Node, Number, Unary, Vector, names, walk
from rectune_dsl.dsl.params import Param, Value, VectorParam
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.table import Formula


def check(draft: Draft) -> Iterator[Diagnostic]:
    for stage_name, stage in draft.task.stages.items():
        for name in stage.params:
            place = ("stages", stage_name, "params", name)
            yield from _size(draft, place, overridden(stage, draft.task.segments, name))
        formulas = list(draft.formulas(stage_name))
        if stage.diversity is not None:
            formulas.append((("stages", stage_name, "diversity", "penalty"), stage.diversity.penalty))
        meanings = meanings_in(stage, draft.task.segments)
        for path, formula in formulas:
            yield from _size(draft, path, grown(formula, meanings) if meanings else 0)
            yield from _formula(draft, stage.params, path, formula)


def _size(draft: Draft, path: KeyPath, nodes: int) -> Iterator[Diagnostic]:
    if nodes > MOST_NODES:
        message = (
            f"with vectors and segments spelt out the formula has {nodes:,} parts, {MOST_NODES:,} are allowed"
        )
        help = "name its parts with `terms`, override fewer params, or shorten the segments' `when`"
        yield draft.problem("RT219", path, message, help)


def fits(tree: Node) -> bool:
    """Whether all vectors of a formula's meaning stand where they can be computed."""
    in_place: set[int] = set()
    for node in walk(tree):
        if isinstance(node, Call) and node.function == "curve":
            _, knots, values = node.arguments
            if not (isinstance(knots, Vector) and isinstance(values, Vector)):
                return False
            if len(knots.items) != len(values.items):
                return False
            in_place |= {id(knots), id(values)}
        elif isinstance(node, Vector) and id(node) not in in_place:
            return False
    return True


def _formula(
    draft: Draft, params: Mapping[str, Value], path: KeyPath, formula: Formula
) -> Iterator[Diagnostic]:
    in_place: set[int] = set()
    for node in walk(formula.written):
        if isinstance(node, Call) and node.function == "curve":
            in_place |= {id(a) for a in node.arguments[1:]}
            yield from _curve(draft, params, path, node)
        elif isinstance(node, Name) and id(node) not in in_place and _is_vector(params.get(node.name)):
            message = f"`{node.name}` is a vector, and one number is needed"
            help = f"write `{node.name}[0]` for its first number; whole vectors belong into curve(...)"
            yield draft.problem("RT214", path, message, help, span=node.span)


def _curve(draft: Draft, params: Mapping[str, Value], path: KeyPath, curve: Call) -> Iterator[Diagnostic]:
    _, knots, values = curve.arguments
    counts = []
    for what, node in (("knots", knots), ("values", values)):
        count = _count(params, node)
        if count is None and not (isinstance(node, Name) and _is_unknown(draft, params, node)):
            message = f"the {what} of a curve are a list or a vector"
            help = "write curve(x, [0, 0.5, 1], u) with u = { production = [..], low = .., high = .. }"
            yield draft.problem("RT214", path, message, help, span=node.span)
        counts.append(count)
    if None not in counts:
        if counts[0] != counts[1]:
            message = f"the curve has {counts[0]} knots and {counts[1]} values"
            help = "give one value for each knot"
            yield draft.problem("RT215", path, message, help, span=curve.span)
        yield from _knots(draft, params, path, knots)


def _knots(draft: Draft, params: Mapping[str, Value], path: KeyPath, knots: Node) -> Iterator[Diagnostic]:
    yield from _of_segments(draft, knots)
    items = knots.items if isinstance(knots, Vector) else ()
    value = params.get(knots.name) if isinstance(knots, Name) else None
    numbers = value if isinstance(value, tuple) else [_constant(params, item) for item in items]
    known = [n for n in numbers if n is not None]
    if isinstance(value, VectorParam) or len(known) < len(numbers):
        help = "write numbers, and tune the values at them"
        yield draft.problem("RT215", path, "the knots of a curve are constants", help, span=knots.span)
    elif len(known) < 2 or any(a >= b for a, b in pairwise(known)):
        message = "the knots of a curve must rise, and be two or more"
        rising = sorted(set(known))
        listed = ", ".join(f"{n:g}" for n in rising)
        help = f"write [{listed}], and each value with its knot" if len(rising) > 1 else "add a knot"
        yield draft.problem("RT215", path, message, help, span=knots.span)


def _of_segments(draft: Draft, knots: Node) -> Iterator[Diagnostic]:
    """Knots have to rise for everybody, and proofs are about one curve."""
    read = {name.name.partition("[")[0] for name in names(knots)}
    for segment_name, segment in draft.task.segments.items():
        for name in sorted(read & segment.params.keys()):
            path = ("segments", segment_name, "params", name)
            message = f"`{name}` is where a curve has its knots, which are the same for everybody"
            help = "give the segment values of its own at the same knots"
            yield draft.problem("RT215", path, message, help, part="key")


def _count(params: Mapping[str, Value], node: Node) -> int | None:
    """The length of a list or vector; None for anything else."""
    if isinstance(node, Vector):
        return len(node.items)
    value = params.get(node.name) if isinstance(node, Name) else None
    if isinstance(value, VectorParam):
        return len(value.production)
    return len(value) if isinstance(value, tuple) else None


def _constant(params: Mapping[str, Value], node: Node) -> float | None:
    match node:
        case Number(value):
            return value
        case Unary("-", Number(value)):
            return -value
        case Name(name) if isinstance(constant := params.get(name), int | float):
            return float(constant)
    return None


def _is_vector(value: Value | None) -> bool:
    return isinstance(value, tuple | VectorParam)


def _is_unknown(draft: Draft, params: Mapping[str, Value], name: Name) -> bool:
    """Names that were cut, or that mean nothing, are reported elsewhere."""
    is_number = isinstance(params.get(name.name), int | float | Param)
    signals = draft.task.signals.keys() | draft.task.stages.keys()
    return not is_number and name.name not in signals
