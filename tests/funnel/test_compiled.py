"""The compiled reader against NumPy's: the same values but for rounding, the same choices."""

import tomllib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

pytest.importorskip("numba")

from rectune_dsl.dsl.formula import (
    Binary,
    Call,
    Compare,
    Name,
    Number,
    Unary,
    Vector,
    evaluate,
    to_text,
    walk,
)
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.table import Formula
from rectune_dsl.funnel.alive import Alive
from rectune_dsl.funnel.compiled import opcodes, rows
from rectune_dsl.funnel.compiled.program import compile_program
from rectune_dsl.funnel.compiled.stage import KernelStage, kernel_stage, scores_of
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.source import PanelSource
from rectune_dsl.funnel.stage import CompiledStage
from rectune_dsl.hooks.api import Config, Panel
from rectune_dsl.testing import strategies

F = np.float32
REQUESTS, CANDIDATES = 3, 19
HEADS, PARAMS, USERS = ("p", "q"), ("w", "v"), ("u",)
ODD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-40, 1e30, float("inf"), float("-inf"), float("nan")]
EXACT = ("min", "max", "clip", "where", "abs", "sqrt", "curve", "rank")
"""Functions that IEEE 754 leaves no choice, and what is made of them."""
ARITHMETIC = ("+", "-", "*", "/")
NUMBERS = st.integers(0, 4).map(float) | st.sampled_from([0.1, 0.5, 1e-3, 1e3, 1e300])
SEEDS = st.integers(0, 2**32)


def _values(seed, odd=True):
    rng = np.random.default_rng(seed)
    pool = [*rng.normal(size=12), *rng.integers(-3, 4, 6), *(ODD if odd else ())]
    columns = {name: rng.choice(pool, (REQUESTS, CANDIDATES)).astype(F) for name in HEADS}
    users = {name: rng.choice([0.0, 1.0, 0.3], REQUESTS).astype(F) for name in USERS}
    params = {name: float(rng.choice([*rng.normal(size=4), 0.0, 1.0])) for name in PARAMS}
    return columns, users, params


def _panel(columns, users, valid=None, seed=0):
    keys = {"topic": np.random.default_rng(seed).integers(0, 3, (REQUESTS, CANDIDATES)).astype(np.int32)}
    items = np.zeros((REQUESTS, CANDIDATES), np.int64)
    return Panel(signals={"only": {**columns, **users}}, keys=keys, items=items, valid=valid)


def _stage(tree, **changes):
    defaults = {
        "name": "only",
        "signals": (*HEADS, *USERS),
        "by_candidate": frozenset({*HEADS, "score"}),
        "constants": {},
        "terms": (),
        "score": tree,
        "filters": (),
        "keep": CANDIDATES,
        "diversity": None,
        "sources": None,
        "request_wide": True,
        "last": True,
        "functions": {},
    }
    return CompiledStage(**{**defaults, **changes})


def _scores(stage, panel, params):
    """Every candidate's score, as the kernel has it and as NumPy has it."""
    program = compile_program(stage)
    assert program is not None
    alive = Alive(None, None, panel.valid)
    bound = KernelStage(stage, program).bind(PanelSource(panel), [Config(params)], alive)
    assume(bound is not None)
    return scores_of(bound)


def _expected(stage, panel, params, dtype=F):
    values = {**params}
    for name, array in panel.signals["only"].items():
        wide = array if array.ndim == 2 else array[:, None]
        values[name] = np.broadcast_to(wide, (REQUESTS, CANDIDATES)).astype(dtype)
    with np.errstate(over="ignore"):
        found = np.asarray(evaluate(stage.score, values, valid=panel.valid), dtype)
    return np.broadcast_to(found, (REQUESTS, CANDIDATES))


def _compilable(tree):
    """rank and zscore of what is the same for all have a shape of their own in NumPy."""
    return not any(
        isinstance(n, Call) and n.function in ("rank", "zscore") and _is_flat(n) for n in walk(tree)
    )


def _is_flat(node):
    return not any(isinstance(n, Name) and n.name in HEADS for n in walk(node))


@given(
    strategies.trees((*HEADS, *USERS), PARAMS, operators=ARITHMETIC, functions=EXACT, numbers=NUMBERS),
    SEEDS,
    st.booleans(),
)
def test_what_needs_no_series_is_the_same_to_the_last_bit(tree, seed, some):
    assume(_compilable(tree))
    columns, users, params = _values(seed)
    there = np.random.default_rng(seed).random((REQUESTS, CANDIDATES)) < 0.7
    panel = _panel(columns, users, there if some else None)
    stage = _stage(tree)
    scores, _ = _scores(stage, panel, params)
    expected = _expected(stage, panel, params)
    shown = there if some else np.ones_like(there)
    assert np.array_equal(scores[shown], expected[shown], equal_nan=True), to_text(tree)


@pytest.mark.parametrize("function", ["exp", "log", "log1p", "sigmoid", "tanh", "**"])
@given(seed=SEEDS, constant=st.sampled_from([*ODD, 0.3, 1.7, -2.5]))
def test_series_are_numpys_within_four_units_in_the_last_place(function, seed, constant):
    columns, users, _ = _values(seed)
    trees = [Call(function, (Name("p"),))]
    if function == "**":
        trees = [Binary("**", Name("p"), Name(name)) for name in ("q", "w")]
        trees.append(Binary("**", Name("w"), Name("p")))
    for tree in trees:
        stage, panel = _stage(tree), _panel(columns, users)
        scores, _ = _scores(stage, panel, {"w": constant})
        expected = _expected(stage, panel, {"w": constant})
        assert (np.isfinite(scores) == np.isfinite(expected)).all()
        finite = np.isfinite(expected)
        assert np.array_equal(scores[~finite], expected[~finite], equal_nan=True)
        step = np.spacing(np.abs(expected[finite]))
        assert (np.abs(scores[finite].astype(float) - expected[finite]) <= 4 * step).all()


@given(strategies.trees((*HEADS, *USERS), PARAMS, functions=[f for f in FUNCTIONS if f != "zscore"]), SEEDS)
def test_a_formula_is_made_of_its_operations_as_in_numpys_reader(tree, seed):
    """To the last bit, when NumPy's reader borrows exponentials, logarithms and powers from the kernel."""
    assume(_compilable(tree))
    columns, users, params = _values(seed)
    panel, stage = _panel(columns, users), _stage(tree)
    scores, _ = _scores(stage, panel, params)
    values = {**params, **columns, **{name: array[:, None] for name, array in users.items()}}
    borrowed = {name: _borrowed(name) for name in ("exp", "log", "log1p", "sigmoid", "tanh", "power")}
    with np.errstate(over="ignore"):
        expected = np.asarray(evaluate(_with_power(tree), values, functions=borrowed), F)
    assert np.array_equal(scores, np.broadcast_to(expected, scores.shape), equal_nan=True), to_text(tree)


def _with_power(node):
    """The formula with `**` as a function."""
    match node:
        case Binary("**", left, right):
            return Call("power", (_with_power(left), _with_power(right)))
        case Binary(op, left, right) | Compare(op, left, right):
            return type(node)(op, _with_power(left), _with_power(right))
        case Unary(op, operand):
            return Unary(op, _with_power(operand))
        case Call(function, arguments):
            return Call(function, tuple(map(_with_power, arguments)))
        case Vector(items, order):
            return Vector(tuple(map(_with_power, items)), order)
        case _:
            return node


def _borrowed(name):
    def apply(*arguments):
        shape = np.broadcast_shapes(*map(np.shape, arguments))
        if shape != (REQUESTS, CANDIDATES):  # one value per request: NumPy's in either reader
            node = Binary("**", Name("0"), Name("1")) if name == "power" else Call(name, (Name("0"),))
            return evaluate(node, {str(number): value for number, value in enumerate(arguments)})
        flat = np.shape(arguments[-1]) != shape
        operation = getattr(
            opcodes, {"power": "POWER_SCALAR"}.get(name, name.upper()) if flat else name.upper()
        )
        a, b = (np.array(np.broadcast_to(x, shape), F) for x in (arguments[0], arguments[-1]))
        found = np.empty(shape, F)
        for request in range(REQUESTS):
            rows.transcendental(operation, found[request], a[request], b[request], b[request, 0])
        return found

    return apply


@given(
    SEEDS,
    st.sampled_from(["p", "0 - p", "floor", "u", "1", "log(p)"]),
    st.integers(1, CANDIDATES + 2),
    st.booleans(),
    st.sampled_from(["last", "middle"]),
    st.sampled_from([None, (0.0, 2), (0.5, None), (-0.25, 3), (0.5, 1)]),
    st.sampled_from([(), ("q",), ("q > 0", "u"), ("0",)]),
)
def test_the_same_are_chosen_in_the_same_order(seed, score, keep, some, where, diversity, filters):
    rng = np.random.default_rng(seed)
    columns, users, params = _values(seed)
    if score == "floor":  # ties
        columns["p"], score = np.floor(np.nan_to_num(columns["p"], posinf=3, neginf=-3)), "p"
    there = rng.random((REQUESTS, CANDIDATES)) < rng.choice([0.1, 0.7])
    panel = _panel(columns, users, there if some else None, seed)
    stage = _stage(
        Formula(score).tree,
        keep=keep,
        last=where == "last",
        filters=tuple(Formula(text).tree for text in filters),
        diversity=None if diversity is None else _Rule(*diversity),
    )
    compiled = kernel_stage(stage)
    assert isinstance(compiled, KernelStage)
    start, config = Alive(None, None, panel.valid), Config(params)
    _assert_same(
        compiled.run(PanelSource(panel), config, start), stage.run(PanelSource(panel), config, start)
    )


class _Rule:
    by = "topic"

    def __init__(self, penalty, most):
        self.penalty, self.max_per_key = Formula("x").meaning(Number(penalty)), most


def _assert_same(found, expected):
    shape = expected.candidates.shape
    shown = [np.ones(shape, bool) if a.valid is None else a.valid for a in (found, expected)]
    assert found.candidates.shape == shape
    for f, e, f_shown, e_shown in zip(found.candidates, expected.candidates, *shown, strict=True):
        assert f[f_shown].tolist() == e[e_shown].tolist()
    equal_nan = np.array_equal(found.scores[shown[0]], expected.scores[shown[1]], equal_nan=True)
    if not equal_nan:
        np.testing.assert_array_max_ulp(found.scores[shown[0]], expected.scores[shown[1]], 4)


def test_signals_may_be_read_only_strided_and_of_another_kind():
    columns, users, params = _values(0, odd=False)
    wide = {name: np.repeat(array, 2, axis=1)[:, ::2] for name, array in columns.items()}
    there = np.ones((REQUESTS, CANDIDATES), bool)
    double = {name: array.astype(np.float64) for name, array in columns.items()}
    stage = _stage(Formula("p * w + q / 3 + u").tree, diversity=_Rule(0.5, None), keep=4)
    for signals in (columns, wide, double):
        panel = _panel(signals, users, there)
        for array in (*panel.signals["only"].values(), *panel.keys.values(), there):
            array.setflags(write=False)
        start, source = Alive(None, None, panel.valid), PanelSource(panel)
        found = kernel_stage(stage).run(source, Config(params), start)
        _assert_same(found, stage.run(source, Config(params), start))


def test_common_parts_are_computed_once():
    tree = Formula("p ** w + q * p ** w + where(q > 0, p ** w, 0)").tree
    program = compile_program(_stage(tree))
    assert len(program.code) == len({tuple(row) for row in _without_places(program.code)})
    assert sum(1 for row in program.code if row[0] == opcodes.POWER_SCALAR) == 1


def _without_places(code):
    return [(row[0], *row[2:]) for row in code.tolist()]


def test_a_formula_with_a_plugins_function_is_numpys():
    stage = _stage(Call("half", (Name("p"),)), functions={"half": lambda x: x / 2})
    assert kernel_stage(stage) is stage
    # of a param it is a number like any other
    stage = _stage(Binary("*", Call("half", (Name("w"),)), Name("p")), functions={"half": lambda x: x / 2})
    assert isinstance(kernel_stage(stage), KernelStage)


TASK = """
dsl = 1
task = { name = "t", surface = "s" }
[signals]
p = {}
q = { stages = ["second", "last"] }
u = { kind = "user" }
[stages.first]
keep = 9
score = "p ** w"
filters = { some = "p > 0.05" }
[stages.first.params]
w = { production = 0.7, low = 0.1, high = 3 }
[stages.second]
keep = 6
score = "score * where(u, 2, v) + rank(q) / 100 + log(0.1 + q)"
[stages.second.params]
v = { production = 1.2, low = 0.1, high = 3 }
[stages.last]
keep = 4
score = "score + zscore(q)"
diversity = { by = "topic", penalty = "where(u, 0.3, 0.1)", max_per_key = 2 }
[metrics]
clicks = { goal = "maximize" }
[experiment]
users_per_arm = 10
days = 1
[confirm]
users_per_arm = 10
days = 1
"""


@pytest.fixture(scope="module")
def whole():
    from rectune_dsl.dsl.model import Task

    rng, shape = np.random.default_rng(3), (300, 40)
    signals = {n: rng.random(shape, F) for n in "pq"} | {"u": (rng.random(300) < 0.5).astype(F)}
    panel = Panel(
        signals=dict.fromkeys(("first", "second", "last"), signals),
        keys={"topic": rng.integers(0, 4, shape).astype(np.int32)},
        items=np.zeros(shape, np.int64),
        valid=rng.random(shape) < 0.9,
    )
    return Task.model_validate(tomllib.loads(TASK)), panel


def test_whole_funnels_give_numpys_slates(whole, monkeypatch):
    task, panel = whole
    slates = {}
    for kernel in ("numpy", "numba"):
        monkeypatch.setenv("RECTUNE_KERNEL", kernel)
        slates[kernel] = Funnel(task).slates(panel, Config(task.production))
    assert (slates["numpy"].candidates == slates["numba"].candidates).all()
    np.testing.assert_allclose(slates["numpy"].scores, slates["numba"].scores, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize(("chunk", "threads"), [(1, 2), (7, 1), (7, 3), (512, 2)])
def test_chunks_and_threads_change_not_one_bit(whole, kernel, chunk, threads, monkeypatch):
    task, panel = whole
    monkeypatch.setenv("RECTUNE_KERNEL", kernel)
    alone = Funnel(task).slates(panel, Config(task.production), chunk=300, threads=1)
    parts = Funnel(task).slates(panel, Config(task.production), chunk=chunk, threads=threads)
    assert alone.candidates.tobytes() == parts.candidates.tobytes()
    assert alone.scores.tobytes() == parts.scores.tobytes()
