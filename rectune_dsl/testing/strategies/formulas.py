"""Formulas of every shape the grammar has."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import strategies as st

from rectune_dsl.dsl.formula import Binary, Call, Compare, Name, Node, Number, Unary, Vector, to_text
from rectune_dsl.dsl.formula.functions import FUNCTIONS, REQUEST_WIDE

OPERATORS = ("+", "-", "*", "/", "**")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_MOST_ARGUMENTS = 4
_MOST_KNOTS = 4

NUMBERS = st.one_of(
    st.integers(0, 10).map(float),
    st.sampled_from([0.1, 0.5, 1e-3, 1e3, 1e300]),
    st.floats(0, 1e6, allow_subnormal=False),
)


def formulas(heads: Sequence[str], params: Sequence[str] = ()) -> st.SearchStrategy[str]:
    """Text of formulas over heads (which differ from candidate to candidate) and params, with all operators
    and all built-in functions. They can be read, and every name has a meaning; whether they are finite
    anywhere is another matter. `rank` and `zscore` are of heads alone.
    """
    return trees(heads, params).map(to_text)


def trees(
    heads: Sequence[str],
    params: Sequence[str] = (),
    *,
    operators: Sequence[str] = OPERATORS,
    functions: Collection[str] = tuple(FUNCTIONS),
    numbers: st.SearchStrategy[float] = NUMBERS,
    max_leaves: int = 12,
) -> st.SearchStrategy[Node]:
    """The same as trees, with some of the operators and functions only."""
    leaves: list[st.SearchStrategy[Node]] = [
        st.sampled_from([*heads, *params]).map(Name),
        numbers.map(Number),
    ]
    if heads:
        wide = [st.builds(Call, st.just(f), _of_head(heads)) for f in functions if f in REQUEST_WIDE]
        leaves += wide
    plain = [f for f in functions if f not in REQUEST_WIDE]

    def grow(node: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        comparison = st.builds(Compare, st.sampled_from(COMPARISONS), node, node)
        options: list[st.SearchStrategy[Node]] = [
            st.builds(Unary, st.sampled_from(["-", "+"]), node),
            st.builds(Binary, st.sampled_from(list(operators)), node, node),
            comparison,
            *(_call(function, node, comparison) for function in plain),
        ]
        return st.one_of(options)

    return st.recursive(st.one_of(leaves), grow, max_leaves=max_leaves)


def _of_head(heads: Sequence[str]) -> st.SearchStrategy[tuple[Node, ...]]:
    return st.sampled_from(list(heads)).map(lambda head: (Name(head),))


def _call(
    function: str, node: st.SearchStrategy[Node], comparison: st.SearchStrategy[Node]
) -> st.SearchStrategy[Node]:
    if function == "curve":
        return st.integers(2, _MOST_KNOTS).flatmap(lambda count: _curve(node, count))
    signature = FUNCTIONS[function]
    if function == "where":
        return st.builds(Call, st.just(function), st.tuples(st.one_of(comparison, node), node, node))
    most = _MOST_ARGUMENTS if signature.most is None else signature.most
    arguments = st.lists(node, min_size=signature.least, max_size=most).map(tuple)
    return st.builds(Call, st.just(function), arguments)


def _curve(node: st.SearchStrategy[Node], count: int) -> st.SearchStrategy[Node]:
    places = st.lists(st.integers(0, 20), min_size=count, max_size=count, unique=True).map(sorted)
    knots = places.map(lambda found: Vector(tuple(Number(place / 4) for place in found)))
    values = st.lists(node, min_size=count, max_size=count).map(lambda items: Vector(tuple(items)))
    return st.builds(lambda x, k, v: Call("curve", (x, k, v)), node, knots, values)
