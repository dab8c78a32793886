"""Scale redundancy: what was planted is found, and what is said is true of random candidates."""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.check import Checked
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.redundancy import redundancies
from rectune_dsl.dsl.formula import evaluate, parse
from rectune_dsl.dsl.formula.degrees import Degrees, Meanings
from rectune_dsl.dsl.formula.nullspace import free_directions, plus
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.structure import Cuts

PARAMS = ("a", "b", "c", "d")
SIGNALS = ("p", "q", "r")


def make_task(
    *scores: str, bounds: Mapping[str, tuple[float, float]] | None = None, **further: object
) -> Task:
    """One stage per score; a param belongs to the first stage that reads it."""
    stages: dict[str, dict[str, object]] = {}
    known = dict.fromkeys(PARAMS, (0.5, 2.0)) | dict(bounds or {})
    left = dict(known)
    for i, score in enumerate(scores):
        words = set("".join(c if c.isalnum() or c == "_" else " " for c in score).split())
        params = {n: left.pop(n) for n in list(left) if n in words}
        stages[f"s{i}"] = {
            "keep": 10 - i,
            "score": score,
            "params": {n: {"production": 1.0, "low": lo, "high": hi} for n, (lo, hi) in params.items()},
        }
    stages[f"s{len(scores) - 1}"].update(further)
    table = {
        "dsl": 1,
        "task": {"name": "t", "surface": "s"},
        "signals": {name: {} for name in SIGNALS} | {"t": {"domain": [-1, 1]}, "age": {"kind": "user"}},
        "stages": stages,
        "metrics": {"m": {"goal": "maximize"}},
        "experiment": {"users_per_arm": 10, "days": 1},
        "confirm": {"users_per_arm": 10, "days": 1},
    }
    return Task.model_validate(table)


def found(environment, task: Task) -> list[dict[str, int]]:
    draft = Draft(Source("t.toml", ""), task, environment, Cuts())
    return [{n: int(d) for n, d in direction.items()} for direction in redundancies(draft, task)]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("a * p + b * q", [{"a": 1, "b": 1}]),
        ("a * p + b * q + r", []),
        ("a * p + b * q + c * r", [{"a": 1, "b": 1, "c": 1}]),
        ("a * b * p + q", [{"a": 1, "b": -1}]),
        ("a ** 2 * p + b * q", [{"a": 1, "b": 2}]),
        ("sqrt(a) * p + b ** 2 * q", [{"a": 4, "b": 1}]),
        ("(a * p + b * q) * (c * p + d * r)", [{"a": 1, "b": 1}, {"c": 1, "d": 1}]),
        ("(a * p + b * q) / c + r", [{"a": 1, "b": 1, "c": 1}]),
        ("a * (p > b) + c * q", [{"a": 1, "c": 1}]),
        ("a * (c * p > b * q) + d * r", [{"c": 1, "b": 1}, {"a": 1, "d": 1}]),
        ("min(a * p, b * q) + c * r", [{"a": 1, "b": 1, "c": 1}]),
        ("clip(a * p, 0, b)", [{"a": 1, "b": 1}]),
        ("clip(a * p, 0, 1) + b * q", []),
        ("where(age > 0.5, a, b) * p + c * q", [{"a": 1, "b": 1, "c": 1}]),
        ("where(a * age - b * p, p, q)", [{"a": 1, "b": 1}]),
        ("zscore(a * p + b * q) + c * r", [{"a": 1, "b": 1}]),
        ("rank(a * p + b * q) + c * r", [{"a": 1, "b": 1}]),
        ("a * log(p + 1) + b * log(q + 1)", [{"a": 1, "b": 1}]),
        ("p ** a * q ** b", [{"a": 1, "b": 1}]),
        ("p ** a / q ** b * 3", [{"a": 1, "b": 1}]),
        ("p ** (a + b * age) * q ** c", [{"a": 1, "b": 1, "c": 1}]),
        ("p ** a * t ** b", []),
        ("p ** a * (1 + c * q)", []),
        ("c * p ** a * q ** b", [{"c": 1}, {"a": 1, "b": 1}]),
        ("exp(a * p + b * q)", [{"a": 1, "b": 1}]),
        ("exp(a * p) + b * q", []),
        ("sigmoid(a * p - b * t)", [{"a": 1, "b": 1}]),
        ("log1p(a * p + b * q) + r", []),
        ("curve(p, [0, 0.5, 1], [a, b, c])", [{"a": 1, "b": 1, "c": 1}]),
        ("curve(p, [0, 0.5, 1], [0, b, c]) + d * q", [{"b": 1, "c": 1, "d": 1}]),
        ("curve(p, [0, 1], [a, 1]) + d * q", []),
        ("curve(a * p, [0, 1], [b, c])", [{"b": 1, "c": 1}]),
        ("0 * a + p * b + c * q", [{"b": 1, "c": 1}]),
    ],
)
def test_directions_of_one_stage(environment, score: str, expected: list[dict[str, int]]) -> None:
    directions = found(environment, make_task(score))
    assert [d for d in directions if d != {"a": 1} or "0 * a" not in score] == expected


def test_what_comes_after_a_stage_counts(environment) -> None:
    first = "a * p + b * q"
    both = [{"a": 1, "b": 1}]
    assert found(environment, make_task(first, "score + r")) == []
    assert found(environment, make_task(first, "score + c * r")) == [{"a": 1, "b": 1, "c": 1}]
    assert found(environment, make_task(first, "rank(score) + r")) == both
    assert found(environment, make_task(first, "zscore(score) + r")) == both
    assert found(environment, make_task(first, "r")) == both
    assert found(environment, make_task("p ** a * q ** b", "rank(score) + r")) == both
    assert found(environment, make_task("p ** a * q ** b", "score + r")) == []
    assert found(environment, make_task("p ** a * q ** b", "score")) == []


def test_penalties_and_filters_count(environment) -> None:
    def diverse(penalty: str) -> Task:
        return make_task("a * p + b * q", diversity={"by": "topic", "penalty": penalty}, params=with_c)

    spec = {"production": 1.0, "low": 0.5, "high": 2.0}
    with_c = dict.fromkeys("abc", spec)
    assert found(environment, diverse("0.5")) == []
    assert found(environment, diverse("0")) == [{"a": 1, "b": 1}]
    assert found(environment, diverse("c")) == [{"a": 1, "b": 1, "c": 1}]

    def filtered(condition: str) -> Task:
        return make_task("a * p + b * q", filters={"good": condition}, params=with_c)

    assert found(environment, filtered("a * p > 0.3")) == []
    assert found(environment, filtered("p > c")) == [{"a": 1, "b": 1}]
    assert found(environment, filtered("a * p > b * r")) == [{"a": 1, "b": 1}]


def test_vectors_and_segments_scale_as_they_are_meant(environment) -> None:
    curve = {"production": [0.0, 0.5, 1.0], "low": 0.0, "high": 2.0}
    task = make_task("curve(p, [0, 0.5, 1], u) + w * q", params={"u": curve, "w": 1.0})
    assert found(environment, task) == []
    spec = {"production": 1.0, "low": 0.5, "high": 2.0}
    task = make_task("curve(p, [0, 0.5, 1], u) + w * q", params={"u": curve, "w": spec})
    assert found(environment, task) == [{"u[0]": 1, "u[1]": 1, "u[2]": 1, "w": 1}]


# --- what is said is true ----------------------------------------------------------------------------


def scores() -> st.SearchStrategy[str]:
    leaves = st.sampled_from([*PARAMS, *PARAMS, *SIGNALS, "t", "age", "2", "0.5", "0"])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["+", "-", "*", "*", "/"]), inner, inner).map(
                lambda t: f"({t[1]} {t[0]} {t[2]})"
            ),
            st.tuples(inner, st.sampled_from(["2", "0.5", "a", "b"])).map(lambda t: f"({t[0]}) ** {t[1]}"),
            st.tuples(st.sampled_from(["exp", "sqrt", "abs", "rank", "zscore", "sigmoid", "log"]), inner).map(
                lambda t: f"{t[0]}({t[1]})"
            ),
            st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
            st.tuples(inner, inner, inner).map(lambda t: f"where({t[0]}, {t[1]}, {t[2]})"),
            st.tuples(inner, st.sampled_from(["<", ">="]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        ),
        max_leaves=10,
    )


@settings(max_examples=400)
@given(scores(), st.integers(0, 2**32), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_scaling_along_a_direction_keeps_every_order(environment, score: str, seed: int, x: float) -> None:
    directions = found(environment, make_task(score))
    assume(directions)
    rng = np.random.default_rng(seed)
    params = {n: rng.uniform(0.5, 2.0, (4, 1)) for n in PARAMS}
    signals = {n: rng.uniform(0, 1, (4, 6)) for n in SIGNALS}
    signals |= {"t": rng.uniform(-1, 1, (4, 6)), "age": rng.uniform(0, 1, (4, 1))}
    for direction in directions:
        moved = {n: v * x ** direction.get(n, 0) for n, v in params.items()}
        one, other = (values(score, {**signals, **at}) for at in (params, moved))
        with np.errstate(all="ignore"):
            order, tie = one[:, :, None] - one[:, None, :], 1e-9 * np.abs(one).max()
            again, same = other[:, :, None] - other[:, None, :], 1e-9 * np.abs(other).max()
        clear = np.isfinite(order) & np.isfinite(again) & (np.abs(order) > tie) & (np.abs(again) > same)
        assert np.all((order > 0)[clear] == (again > 0)[clear]), direction
        assert np.array_equal(np.isnan(one), np.isnan(other))


def values(score: str, at: Mapping[str, object]) -> np.ndarray:
    try:
        return np.broadcast_to(np.asarray(evaluate(parse(score), at)), (4, 6))
    except np.exceptions.AxisError:
        reject()  # the rank of a number


@given(
    parts=st.lists(
        st.sampled_from(
            [
                "{w} * p",
                "{w} * log1p(q)",
                "min({w} * p, {w} * r)",
                "abs({w} * t)",
                "where(age > 0.5, {w}, 2 * {w}) * q",
            ]
        ),
        min_size=2,
        max_size=4,
    ),
    outer=st.sampled_from(["{}", "zscore({})", "exp({})", "3 * ({})", "({}) / (1 + age)"]),
)
def test_a_planted_redundancy_is_found(environment, parts: list[str], outer: str) -> None:
    weighed = [part.format(w=name) for name, part in zip(PARAMS, parts, strict=False)]
    directions = found(environment, make_task(outer.format(" + ".join(weighed))))
    assert directions == [dict.fromkeys(PARAMS[: len(parts)], 1)]


def test_degrees_of_a_value() -> None:
    degrees = Degrees(Meanings(frozenset("ab"), {"k": 2.0}, {"part": parse("a * p")}), "s")
    assert degrees.of(parse("part ** (k + 1) / b")) == {"a": Fraction(3), "b": Fraction(-1)}
    assert degrees.equations == []


@given(st.lists(st.lists(st.integers(-2, 2), min_size=5, max_size=5), max_size=5))
def test_free_directions_are_a_basis_of_the_null_space(rows: list[list[int]]) -> None:
    unknowns = tuple("vwxyz")
    equations = [{n: Fraction(v) for n, v in zip(unknowns, row, strict=True) if v} for row in rows]
    basis = free_directions(equations, unknowns)
    for direction in basis:
        for equation in equations:
            assert sum(equation.get(n, Fraction(0)) * v for n, v in direction.items()) == 0
    rank = np.linalg.matrix_rank(np.array(rows, float)) if rows else 0
    assert len(basis) == 5 - rank
    assert plus({"v": Fraction(1)}, {"v": Fraction(1)}, Fraction(-1)) == {}


# --- what is said ------------------------------------------------------------------------------------


def said(checked: Checked) -> list[str]:
    assert not checked.errors, checked.problems
    return [f"{p.code} {p.message} ({p.help})" for p in checked.problems]


def test_the_warning_names_the_params_and_which_to_fix(check_text) -> None:
    score = ('"p_click + w_like * p_like"', '"w_click * p_click + w_like * p_like"')
    params = ("[metrics]", "w_click = { production = 2.0, low = 0.0, high = 10.0 }\n[metrics]")
    assert said(check_text(score, params)) == [
        "RT317 multiplying `w_like` and `w_click` by the same factor leaves the order of every slate "
        "as it is (only their ratios matter: write w_like = 1.0, a constant)"
    ]


def test_one_param_alone_is_said_once(check_text) -> None:
    factor = ('"p_click + w_like * p_like"', '"w_like * (p_click + p_like)"')
    assert [s[:5] for s in said(check_text(factor))] == ["RT314"]
    signed = ("low = 0.1", "low = -1.0")
    assert [s[:5] for s in said(check_text(factor, signed))] == ["RT317"]
