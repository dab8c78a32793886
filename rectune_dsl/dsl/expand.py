"""From what is written to what it means: vectors spelt out, segments' own params, boosts in the score.

Every reader of a formula's `tree` then meets signals, numbers and scalar params only. What does not fit
(a vector of another length, a segment without a param to override) is left as it is, and so is what would
grow beyond MOST_NODES: the checks say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rectune_dsl.dsl.formula import Binary, Call, Compare, Name, Node, Number, Span, Unary, Vector, walk

if TYPE_CHECKING:
    from rectune_dsl.dsl.params import Value
    from rectune_dsl.dsl.stages import Boost, Segment, Stage
    from rectune_dsl.dsl.table import Formula

Meanings = Mapping[str, Node]

MOST_NODES = 5_000
"""Of one formula's meaning. A person reads some tens."""


def expand(stage: Stage, segments: Mapping[str, Segment]) -> Stage:
    """A stage whose formulas mean what they say in a task with these segments."""
    meanings = meanings_in(stage, segments)
    score = _boosted(_with(stage.score, meanings), [_boost(b, meanings) for b in stage.boosts.values()])
    changes: dict[str, object] = {
        "score": score,
        "terms": {name: _with(f, meanings) for name, f in stage.terms.items()},
        "filters": {name: _with(f, meanings) for name, f in stage.filters.items()},
        "boosts": {name: _boost(b, meanings) for name, b in stage.boosts.items()},
    }
    if stage.diversity is not None and "penalty" in stage.diversity.model_fields_set:
        penalty = _with(stage.diversity.penalty, meanings)
        changes["diversity"] = stage.diversity.model_copy(update={"penalty": penalty})
    return stage.model_copy(update=changes)


def grown(formula: Formula, meanings: Meanings) -> int:
    """How many nodes a formula's meaning has."""
    sizes = {name: _size(node) for name, node in meanings.items()}
    return sum(sizes.get(n.name, 1) if isinstance(n, Name) else 1 for n in walk(formula.written))


def overridden(stage: Stage, segments: Mapping[str, Segment], name: str) -> int:
    """How many nodes a param stands for where segments override it."""
    value = _node(name, stage.params[name])
    tests = sum(_size(segments[s].when.written) + 2 for s in _deciding(segments, name))
    return tests * len(value.items) if isinstance(value, Vector) else tests


def _deciding(segments: Mapping[str, Segment], name: str) -> list[str]:
    """The segments that decide on a param: all up to the last that overrides it. One without a value of its
    own takes its members from those that follow: a user belongs to the first segment that matches."""
    last = max((i for i, s in enumerate(segments.values(), 1) if name in s.params), default=0)
    return list(segments)[:last]


def _size(node: Node) -> int:
    return sum(1 for _ in walk(node))


def meanings_in(stage: Stage, segments: Mapping[str, Segment]) -> Meanings:
    """What the names of a stage's params stand for, where that is not the name itself."""
    found: dict[str, Node] = {}
    for name, value in stage.params.items():
        node = _node(name, value)
        fits = overridden(stage, segments, name) <= MOST_NODES
        others = node
        for segment_name in reversed(_deciding(segments, name) if fits else []):  # the first that matches
            segment = segments[segment_name]
            has_own = name in segment.params
            own = _own(segment_name, name, segment.params[name]) if has_own else others
            node = _chosen(segment.when.written, own, node)
        if isinstance(node, Vector):
            found |= {f"{name}[{i}]": item for i, item in enumerate(node.items)}
        if node != Name(name):
            found[name] = node
    return {name: node for name, node in found.items() if node != Name(name)}


def _node(name: str, value: Value) -> Node:
    from rectune_dsl.dsl.params import VectorParam

    if isinstance(value, VectorParam):
        items = tuple(Name(f"{name}[{i}]") for i in range(len(value.production)))
        return Vector(items, value.order)
    if isinstance(value, tuple):
        return Vector(tuple(Number(v) for v in value))
    return Name(name)


def _own(segment: str, name: str, value: Value) -> Node:
    """A segment's param, or its number where that is a constant."""
    return Number(value) if isinstance(value, float | int) else _node(f"{segment}.{name}", value)


def _chosen(when: Node, own: Node, others: Node) -> Node:
    """The segment's own value where `when` holds; element by element for vectors of one length."""
    if isinstance(own, Vector) and isinstance(others, Vector):
        if len(own.items) != len(others.items):
            return others
        items = tuple(_chosen(when, a, b) for a, b in zip(own.items, others.items, strict=True))
        return Vector(items, own.order if own.order == others.order else None)
    if isinstance(own, Vector) or isinstance(others, Vector):
        return others
    return Call("where", (when, own, others))


def _boost(boost: Boost, meanings: Meanings) -> Boost:
    changes = {"when": _with(boost.when, meanings)}
    for key in ("multiply", "add"):
        formula = getattr(boost, key)
        if formula is not None:
            changes[key] = _with(formula, meanings)
    return boost.model_copy(update=changes)


def _boosted(score: Formula, boosts: list[Boost]) -> Formula:
    """The score, boosted in the order of the file."""
    span, tree = score.written.span, score.tree
    for boost in boosts:
        when = at(boost.when.tree, span)
        if boost.multiply is not None:
            factor = Call("where", (when, at(boost.multiply.tree, span), Number(1.0, span)), span)
            tree = Binary("*", tree, factor, span)
        if boost.add is not None:
            amount = Call("where", (when, at(boost.add.tree, span), Number(0.0, span)), span)
            tree = Binary("+", tree, amount, span)
    return score.meaning(tree)


def _with(formula: Formula, meanings: Meanings) -> Formula:
    if not meanings or grown(formula, meanings) > MOST_NODES:
        return formula
    return formula.meaning(_replaced(formula.written, meanings))


def _replaced(node: Node, meanings: Meanings) -> Node:
    match node:
        case Number():
            return node
        case Name(name):
            return at(meanings[name], node.span) if name in meanings else node
        case Unary():
            return replace(node, operand=_replaced(node.operand, meanings))
        case Binary() | Compare():
            left, right = _replaced(node.left, meanings), _replaced(node.right, meanings)
            return replace(node, left=left, right=right)
        case Call():
            return replace(node, arguments=tuple(_replaced(a, meanings) for a in node.arguments))
        case Vector():
            return replace(node, items=tuple(_replaced(i, meanings) for i in node.items))


def at(node: Node, span: Span) -> Node:
    """A tree from elsewhere, as if it stood at `span`, where the reader's eyes are."""
    match node:
        case Number() | Name():
            return replace(node, span=span)
        case Unary():
            return replace(node, operand=at(node.operand, span), span=span)
        case Binary() | Compare():
            return replace(node, left=at(node.left, span), right=at(node.right, span), span=span)
        case Call():
            return replace(node, arguments=tuple(at(a, span) for a in node.arguments), span=span)
        case Vector():
            return replace(node, items=tuple(at(i, span) for i in node.items), span=span)
