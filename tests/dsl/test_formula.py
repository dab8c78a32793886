"""Formulas mean what Python and numexpr say they mean, and no formula exhausts the machine."""

import math
import time

import numexpr
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, zscore

from rectune_dsl.dsl.formula import (
    Binary,
    Call,
    Compare,
    FormulaError,
    Name,
    Node,
    Number,
    evaluate,
    names,
    parse,
    to_text,
    walk,
)
from rectune_dsl.testing import strategies

VARIABLES = ("a", "b", "c")
NUMBERS = st.floats(0, 1e6, allow_nan=False).map(Number)
NAMES = st.sampled_from(VARIABLES).map(Name)


def binary(operators: str) -> st.SearchStrategy[str]:
    return st.sampled_from(operators.split())


def trees(leaf: st.SearchStrategy[Node], operators: str, calls: dict[str, int]) -> st.SearchStrategy[Node]:
    """Trees of binary operators, and calls of functions by their number of arguments."""

    def grow(node: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        comparison = st.builds(Compare, binary("< <= > >= == !="), node, node)
        options = [st.builds(Binary, binary(operators), node, node)]
        for function, count in calls.items():
            arguments = [comparison, node, node] if function == "where" else [node] * count
            options.append(st.builds(Call, st.just(function), st.tuples(*arguments)))
        return st.one_of(options)

    return st.recursive(leaf, grow, max_leaves=12)


# --- reading ---------------------------------------------------------------------------------------


@given(strategies.trees((*VARIABLES, "u[0]"), ("ranking.keep",), max_leaves=25))
def test_a_tree_written_and_parsed_is_the_same_tree(tree: Node) -> None:
    assert parse(to_text(tree)) == tree


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("-a ** 2", "-(a ** 2)"),
        ("2 ** 3 ** 2", "2 ** (3 ** 2)"),
        ("2 ** -a", "2 ** (-a)"),
        ("a - b - c", "(a - b) - c"),
        ("a / b * c", "(a / b) * c"),
        ("-a * b", "(-a) * b"),
        ("a + b < c * 2", "(a + b) < (c * 2)"),
        ("1_000.5e-3 * .5", "1.0005 * 0.5"),
        ("a\n  + b\t", "a + b"),
        ("- - a", "-(-a)"),
        ("(a > b) == (b > c)", "((a > b) == (b > c))"),
    ],
)
def test_operators_bind_as_in_python(text: str, meaning: str) -> None:
    assert parse(text) == parse(meaning)


@given(st.text("ab12.+-*/<>=!(),e_ \n^%", max_size=30))
def test_any_text_parses_or_says_where_it_does_not(text: str) -> None:
    try:
        tree = parse(text)
    except FormulaError as caught:
        error = caught
    else:
        for node in walk(tree):
            part = text[node.span.start : node.span.end]
            assert parse(part) == node or isinstance(node, Name | Number)
        assert all(text[n.span.start : n.span.end] == n.name for n in names(tree))
        return
    assert 0 <= error.span.start <= error.span.end <= len(text)
    assert error.message


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a + ^ b", "^"),
        ("a + logg(b)", "logg"),
        ("a + clip(b, 1)", "clip(b, 1)"),
        ("(a + b", "("),
        ("a b", "b"),
        ("a and b", "and"),
        ("min(a, b] ", "]"),
        ("a < b < c", "<"),
        ("a < (b < c) < 3", "<"),
        ("1e999 + a", "1e999"),
        ("a + ", ""),
        ("", ""),
        ("a + 2 b", "b"),
        ("a == b == c", "=="),
    ],
)
def test_an_error_points_at_the_token(text: str, marked: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    span = caught.value.span
    assert text[span.start : span.end] == marked
    assert span.end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "a" + ")" * 5_000,
        "-" * 5_000 + "a",
        "abs(" * 2_000 + "a" + ")" * 2_000,
        "a" + " + a" * 2_400,
        "a ** " * 1_900 + "a",
        "a" * 10_001,
        "(" * 9_999,
    ],
)
def test_deep_and_long_formulas_are_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(FormulaError):
        parse(text)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("wrap", ["(-{})", "({} + a)", "(a ** {})", "max(a, {})", "({})"])
def test_what_the_depth_allows_can_also_be_walked(wrap: str) -> None:
    text, last = "a", "a"
    while True:
        text = wrap.format(text)
        try:
            tree = parse(text)
        except FormulaError:
            break
        last = text
    tree = parse(last)
    assert math.isfinite(float(evaluate(tree, {"a": 0.5})))
    assert tree == parse(last)
    assert len(names(tree)) == last.count("a") - last.count("max")


# --- computing -------------------------------------------------------------------------------------

PYTHON = {
    "where": lambda condition, yes, no: yes if condition else no,
    "clip": lambda x, low, high: min(max(x, low), high),
    "min": min,
    "max": max,
    "abs": abs,
}
ARITHMETIC = trees(
    st.one_of(NUMBERS, NAMES), "+ - * /", {"where": 3, "min": 2, "max": 3, "abs": 1, "clip": 3}
)
FLOATS = st.floats(-1e3, 1e3, allow_nan=False, allow_subnormal=False)


@given(ARITHMETIC, st.tuples(FLOATS, FLOATS, FLOATS))
@settings(max_examples=200)
def test_arithmetic_is_pythons_to_the_last_bit(tree: Node, values: tuple[float, ...]) -> None:
    at = dict(zip(VARIABLES, values, strict=True))
    try:
        expected = eval(to_text(tree), {"__builtins__": {}}, {**PYTHON, **at})
    except ZeroDivisionError:
        assume(False)
    assume(math.isfinite(expected))
    assert evaluate(tree, at) == expected
    arrays = {n: np.full((2, 3), v) for n, v in at.items()}
    assert np.all(np.broadcast_to(np.asarray(evaluate(tree, arrays)), (2, 3)) == expected)


TRANSCENDENTAL = trees(
    st.one_of(st.floats(0.1, 5).map(Number), NAMES),
    "+ - * / **",
    {"log": 1, "log1p": 1, "exp": 1, "sqrt": 1, "tanh": 1, "where": 3},
)


@given(TRANSCENDENTAL, st.integers(0, 2**32))
@settings(max_examples=200)
def test_functions_and_powers_agree_with_numexpr(tree: Node, seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = {n: rng.uniform(0.1, 3.0, 16) for n in VARIABLES}
    ours = np.broadcast_to(np.asarray(evaluate(tree, at), np.float64), 16)
    wide = evaluate(tree, {n: v.astype(np.longdouble) for n, v in at.items()})
    with np.errstate(all="ignore"):
        theirs = np.broadcast_to(numexpr.evaluate(to_text(tree), at, optimization="none"), 16)
        finite = np.isfinite(ours) & np.isfinite(theirs)
        # where more digits change the result, cancellation has eaten them, and no two libraries agree
        stable = finite & (np.abs(ours - wide) <= 1e-12 * np.abs(ours))
    np.testing.assert_allclose(ours[stable], theirs[stable], rtol=1e-9)


def test_nothing_raises_and_nothing_hangs() -> None:
    assert evaluate(parse("9**9**9**9"), {}) == math.inf
    assert evaluate(parse("1 / (0 * -1)"), {}) == -math.inf
    assert math.isnan(float(evaluate(parse("log(0 - 1)"), {})))
    assert evaluate(parse("a / 0"), {"a": np.array([[1.0, -1.0]])}).tolist() == [[math.inf, -math.inf]]


@given(ARITHMETIC)
def test_float32_signals_give_float32_scores(tree: Node) -> None:
    result = evaluate(tree, {n: np.full((1, 2), 0.5, np.float32) for n in VARIABLES})
    if isinstance(result, np.ndarray):
        assert result.dtype == np.float32


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(value=st.floats(-1e6, 1e6, width=32), count=st.integers(1, 400))
def test_equal_values_have_no_zscore(kind: type, value: float, count: int) -> None:
    x = np.full((1, count), value, kind)
    assert not np.asarray(evaluate(parse("zscore(x)"), {"x": x})).any()


@given(st.lists(st.lists(st.integers(-3, 3), min_size=5, max_size=5), min_size=1, max_size=4), st.data())
def test_rank_and_zscore_range_over_valid_candidates_of_a_request(
    rows: list[list[int]], data: st.DataObject
) -> None:
    x = np.array(rows, np.float64)
    counts = [data.draw(st.integers(1, 5)) for _ in rows]
    valid = np.arange(5) < np.array(counts)[:, np.newaxis]
    ranks = np.asarray(evaluate(parse("rank(x)"), {"x": x}, valid=valid))
    scores = np.asarray(evaluate(parse("zscore(x)"), {"x": x}, valid=valid))
    for row, count in enumerate(counts):
        own = x[row, :count]
        np.testing.assert_array_equal(ranks[row, :count], rankdata(-own))
        expected = zscore(own) if np.ptp(own) else np.zeros(count)
        np.testing.assert_allclose(scores[row, :count], expected, atol=1e-12)


def test_plugin_functions_are_called_elementwise() -> None:
    from rectune_dsl.dsl.formula.functions import Signature

    tree = parse("2 * softplus(x)", {"softplus": Signature(1, 1, "log(1 + exp(x))")})
    result = evaluate(tree, {"x": np.zeros((1, 1))}, functions={"softplus": lambda x: np.log1p(np.exp(x))})
    np.testing.assert_allclose(result, [[2 * math.log(2)]])
