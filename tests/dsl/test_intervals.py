"""No value, in float32 or float64, leaves its predicted interval; what is claimed of formulas is true."""

import importlib.util
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.formula import Binary, Name, Node, evaluate, names, parse
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.formula.intervals import Enclosure, Plugins
from rectune_dsl.dsl.formula.rounding import interval
from rectune_dsl.dsl.formula.slopes import Slopes
from rectune_dsl.dsl.proofs import Proved, Verdict, prove
from rectune_dsl.dsl.regions import Axis, Region

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("benchmark_of_intervals", ROOT / "benchmarks" / "intervals.py")
benchmark = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = benchmark
_SPEC.loader.exec_module(benchmark)

FORMULAS = tomllib.loads((ROOT / "tests" / "corpus" / "formulas.toml").read_text())["formula"]
SEEDS = st.integers(0, 2**62)


def enclosure(bounds, **others) -> Enclosure:
    return Enclosure({n: interval([low], [high]) for n, (low, high) in bounds.items()}, **others)


def bounds_of(formula: dict) -> dict[str, tuple[float, float]]:
    read = {n.name for n in names(parse(formula["text"]))}
    return {name: tuple(formula["bounds"].get(name, (0, 1))) for name in sorted(read)}


def random_case(seed: int):
    rng = np.random.Generator(np.random.Philox(key=seed))
    return rng, benchmark.random_formula(rng, 4), benchmark.random_bounds(rng)


# --- values ----------------------------------------------------------------------------------------


def test_no_value_leaves_its_interval() -> None:
    assert benchmark.tally(seed=11, most=50_000).violations == ()


@given(SEEDS)
def test_no_value_of_a_random_formula_leaves_its_interval(seed: int) -> None:
    rng, node, bounds = random_case(seed)
    predicted = enclosure(bounds).value(node)
    points = benchmark.random_points(rng, bounds, 512)
    for kind in (np.float32, np.float64):
        value = evaluate(node, {n: v.astype(kind) for n, v in points.items()})
        assert not benchmark.escapes(value, predicted)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("p ** a", 0, 1),
        ("(p - 0.5) * (p - 0.5)", 0, 0.25),
        ("1 - p * q", 0, 1),
        ("sigmoid(1000 * p)", 0.5, 1),
        ("exp(-200 * p)", 0, 1),
        ("where(p > q, p - q, 0)", 0, 1),
        ("p >= 0", 1, 1),
    ],
)
def test_ends_that_are_exact_stay_exact(text: str, low: float, high: float) -> None:
    found = enclosure({"p": (0, 1), "q": (0, 1), "a": (0, 3)}).value(parse(text))
    assert (found.low[0], found.high[0]) == (low, high)


def test_a_fault_is_the_part_that_goes_wrong() -> None:
    looked = enclosure({"p": (0, 1), "q": (0, 1)})
    looked.value(parse("q + log(exp(-200 * p)) * 2"))
    assert [f.node for f in looked.faults] == [parse("log(exp(-200 * p))")]


def test_plugins_functions_are_known_by_what_they_declare() -> None:
    signatures = {
        "steps": Signature(1, 1, "", monotone=("nonincreasing",)),
        "share": Signature(1, 1, "", range=(0.0, 1.0)),
    }
    plugins = Plugins(signatures, {"steps": lambda x: -x * x * x})
    looked = enclosure({"p": (1, 2)}, plugins=plugins)
    steps, share = (looked.value(parse(f"{name}(p)", signatures)) for name in ("steps", "share"))
    assert (share.low[0], share.high[0]) == (0, 1)
    assert (steps.low[0], steps.high[0]) == pytest.approx((-8, -1), rel=1e-5)
    assert Slopes(looked, "p", True).slope(parse("steps(p)", signatures)).high[0] == 0


# --- slopes ----------------------------------------------------------------------------------------


@given(SEEDS, st.booleans())
def test_differences_lie_within_the_slopes(seed: int, own: bool) -> None:
    rng, node, bounds = random_case(seed)
    assert_slopes_enclose(rng, node, bounds, own)


@given(SEEDS, st.booleans(), st.sampled_from(["x * p / (x + 0.7)", "p / (p + x)", "3 * x / (p * p + x)"]))
def test_differences_of_shares_lie_within_the_slopes(seed: int, own: bool, share: str) -> None:
    rng, x, bounds = random_case(seed)
    assert_slopes_enclose(rng, with_x(parse(share), x), bounds, own)


def with_x(node: Node, x: Node) -> Node:
    match node:
        case Name("x"):
            return x
        case Binary(op, left, right):
            return Binary(op, with_x(left, x), with_x(right, x))
    return node


def assert_slopes_enclose(rng, node: Node, bounds, own: bool) -> None:
    slope = Slopes(enclosure(bounds), "p", own).slope(node)
    points = benchmark.random_points(rng, bounds, 128)
    (low, high), rows, steps = bounds["p"], 16, 9
    values = {n: np.repeat(v[:, np.newaxis], steps, axis=1) for n, v in points.items()}
    at = np.sort(np.append(rng.random(steps - 2), [0, 1])) * (high - low) + low
    values["p"][:, :, : 1 if own else None] = at[:, np.newaxis]
    shape = (rows, steps, values["p"].shape[2])
    scores = np.broadcast_to(evaluate(node, values), shape)[..., 0]
    size = np.abs(np.where(np.isfinite(scores), scores, 0)).max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        rise, run = np.diff(scores, axis=1), np.diff(at)
        least, most = (np.where(run > 0, end * run, 0) for end in (slope.low[0], slope.high[0]))
        inside = (rise >= least - 1e-7 * size) & (rise <= most + 1e-7 * size)
    assert (inside | ~np.isfinite(rise)).all()


# --- what it is good for ---------------------------------------------------------------------------


class Finite:
    def __init__(self, region: Region, text: str) -> None:
        self.region, self.node = region, parse(text)

    def judge(self, boxes):
        looked = Enclosure(self.region.intervals(boxes))
        bad = np.broadcast_to(looked.value(self.node).unbounded, len(boxes))
        return Verdict(bad.astype(float), None, [n.name for f in looked.faults for n in names(f.node)])

    def refuted(self, boxes):
        return None


def is_shown(formula: dict) -> bool:
    region = Region({n: Axis(*ends) for n, ends in bounds_of(formula).items()}, {})
    return isinstance(prove(region, Finite(region, formula["text"]), 500), Proved)


def test_nine_in_ten_of_the_finite_formulas_are_shown_and_no_other() -> None:
    shown = [f["text"] for f in FORMULAS if f["finite"] and is_shown(f)]
    assert len(shown) >= 0.9 * sum(f["finite"] for f in FORMULAS)
    assert [f["text"] for f in FORMULAS if not f["finite"] and is_shown(f)] == []


def test_directions_are_shown_where_they_are_and_nowhere_else() -> None:
    shown = claimed = 0
    for formula in (f for f in FORMULAS if f["finite"]):
        for name, ends in bounds_of(formula).items():
            slope = Slopes(enclosure(bounds_of(formula)), name, True).slope(parse(formula["text"]))
            for way, is_one in (("rising", slope.low[0] >= 0), ("falling", slope.high[0] <= 0)):
                claimed += name in formula.get(way, ())
                shown += name in formula.get(way, ()) and bool(is_one)
                assert ends[0] < ends[1]
    assert shown >= 0.85 * claimed
