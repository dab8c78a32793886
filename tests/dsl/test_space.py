"""The unit box and back: nothing is lost, nothing leaves the bounds, samples keep the constraints."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.space import Space


def make_task(
    params: dict[str, Param], constraints: dict[str, str] | None = None, **constants: float
) -> Task:
    return Task.model_validate(
        {
            "dsl": 1,
            "task": {"name": "t", "surface": "s"},
            "signals": {"p": {}},
            "stages": {"ranking": {"keep": 10, "score": "p", "params": {**params, **constants}}},
            "metrics": {"m": {"goal": "maximize"}},
            "constraints": constraints or {},
            "experiment": {"users_per_arm": 10, "days": 1},
            "confirm": {"users_per_arm": 10, "days": 1},
        }
    )


@st.composite
def params(draw: st.DrawFn) -> Param:
    scale = draw(st.sampled_from(["linear", "log"]))
    kind = draw(st.sampled_from(["float", "int"]))
    if kind == "int":
        low, high = sorted(draw(st.lists(st.integers(1, 5000), min_size=2, max_size=2, unique=True)))
        production = draw(st.integers(low, high))
    else:
        low = draw(st.floats(1e-6, 1e3)) if scale == "log" else draw(st.floats(-1e3, 1e3))
        high = low + draw(st.floats(1e-3, 1e4))
        production = draw(st.floats(low, high))
    return Param(production=production, low=low, high=high, scale=scale, type=kind)


SPACES = st.lists(params(), min_size=1, max_size=6).map(
    lambda found: Space(make_task({f"w{i}": p for i, p in enumerate(found)}))
)


@given(SPACES, st.integers(0, 2**32))
def test_every_point_decodes_to_a_feasible_config_that_is_its_own_round_trip(space: Space, seed: int) -> None:
    for point in np.random.default_rng(seed).uniform(-0.1, 1.1, (5, space.dimension)):
        values = space.from_unit(point)
        assert space.violations(values) == ()
        again = space.from_unit(space.to_unit(values))
        for name in space.names:
            assert math.isclose(again[name], values[name], rel_tol=1e-5, abs_tol=1e-9)


@given(SPACES)
def test_production_survives_to_the_last_digit(space: Space) -> None:
    values = space.from_unit(space.production)
    np.testing.assert_array_equal(space.to_unit(values), space.production)
    assert np.all((space.production >= -1e-12) & (space.production <= 1 + 1e-12))


@given(st.floats(1e-9, 1e9), st.sampled_from([1, -1]))
def test_values_read_as_six_digits(value: float, sign: int) -> None:
    space = Space(make_task({"w": Param(production=0, low=-1e9, high=1e9)}))
    shown = space.from_unit(space.to_unit({"w": sign * value}))["w"]
    assert shown == float(f"{shown:.6g}")
    assert math.isclose(shown, sign * value, rel_tol=1e-5, abs_tol=0.01)


def test_log_scale_puts_the_geometric_mean_in_the_middle() -> None:
    space = Space(make_task({"w": Param(production=1, low=0.01, high=100, scale="log")}))
    assert space.production.tolist() == pytest.approx([0.5])
    assert space.from_unit(np.array([0.75])) == {"w": 10.0}


def test_violations_are_sentences() -> None:
    task = make_task(
        {
            "a": Param(production=1, low=0, high=2),
            "n": Param(production=3, low=1, high=5, type="int"),
        },
        {"sum": "a + n <= b"},
        b=5,
    )
    space = Space(task)
    assert space.violations({"a": 1, "n": 3}) == ()
    assert space.violations({"a": 3, "n": 1}) == ("`a` = 3 lies outside [0, 2]",)
    assert space.violations({"a": 1, "n": 1.5}) == ("`n` = 1.5 is not a whole number",)
    assert space.violations({"a": 2, "n": 4}) == ("constraint `sum` does not hold: a + n <= b",)
    assert space.violations({"a": math.nan, "n": 4})[0].startswith("`a` = nan lies outside")
    assert space.violations({"a": 1, "nn": 4}) == (
        "there is no param `nn`; did you mean `n`?",
        "`n` has no value",
    )


def test_samples_are_uniform_in_box_radius_and_constraints() -> None:
    space = Space(
        make_task(
            {f"w{i}": Param(production=0.2, low=0, high=1) for i in range(2)}, {"sum": "w0 + w1 <= 0.8"}
        )
    )
    rng = np.random.Generator(np.random.Philox(key=1))
    points = space.sample(rng, 20_000)
    assert points.shape == (20_000, 2)
    assert all(space.feasible(space.from_unit(p)) for p in points[:500])
    # uniform on the triangle with legs 0.8: each coordinate's mean is a third of the leg
    np.testing.assert_allclose(points.mean(axis=0), 0.8 / 3, atol=0.005)
    near = space.sample(rng, 1_000, center=np.array([0.1, 0.9]), radius=0.2)
    assert np.all(near >= [0, 0.7 - 1e-12])
    assert np.all(near <= [0.3, 1.0])
    around_production = space.sample(rng, 1_000, radius=0.1)
    assert np.all(np.abs(around_production - 0.2) <= 0.1 + 1e-12)


def test_the_first_samples_do_not_depend_on_how_many_are_asked_for() -> None:
    space = Space(make_task({"w": Param(production=1, low=0, high=2)}, {"c": "w >= 0.5"}))
    few, many = (space.sample(np.random.Generator(np.random.Philox(key=3)), n) for n in (5, 9_000))
    np.testing.assert_array_equal(few, many[:5])


def test_an_empty_space_says_so() -> None:
    task = make_task({f"w{i}": Param(production=1, low=0, high=2) for i in range(2)}, {"c": "w0 > 2"})
    with pytest.raises(ValueError, match="keep the constraints"):
        Space(task).sample(np.random.default_rng(0), 100)


def test_a_space_of_one_config_says_so() -> None:
    task = make_task({f"w{i}": Param(production=1, low=0, high=2) for i in range(2)}, {"c": "w0 * w1 == 1"})
    pinned = make_task({"w": Param(production=1, low=0, high=2)}, {"c": "w == 1"})
    with pytest.raises(ValueError, match="keep the constraints"):
        Space(pinned).sample(np.random.default_rng(0), 100)
    assert Space(task).feasible({"w0": 1, "w1": 1})


@pytest.mark.parametrize("production", ["equal", "falling"])
def test_ordered_weights_are_sampled_uniformly_where_random_points_are_never_ordered(production: str) -> None:
    """Of 9 random weights one in 362,880 is in order. In order they are uniform order statistics: the mean
    of the k-th largest of n is (n + 1 - k) / (n + 1)."""
    n = 9
    values = [0.5] * n if production == "equal" else [1 - i / n for i in range(n)]
    params = {f"w{i}": Param(production=v, low=0, high=1) for i, v in enumerate(values)}
    space = Space(make_task(params, {f"o{i}": f"w{i} >= w{i + 1}" for i in range(n - 1)}))
    points = space.sample(np.random.default_rng(0), 2_000)
    assert points.shape == (2_000, n)
    assert all(space.feasible(space.from_unit(p)) for p in points[:200])
    np.testing.assert_allclose(points.mean(0), [(n - k) / (n + 1) for k in range(n)], atol=0.03)
    spread = [math.sqrt((k + 1) * (n - k) / (n + 2)) / (n + 1) for k in range(n)]
    np.testing.assert_allclose(points.std(0), spread, rtol=0.15)


def test_a_thin_slab_is_sampled_and_the_box_kept() -> None:
    """Weights that must sum to 1 within a thousandth."""
    params = {f"w{i}": Param(production=0.25, low=0, high=1) for i in range(4)}
    total = "w0 + w1 + w2 + w3"
    space = Space(make_task(params, {"least": f"{total} >= 0.9995", "most": f"{total} <= 1.0005"}))
    points = space.sample(np.random.default_rng(1), 500, radius=np.array([0.2, 0.2, 0.2, 0.05]))
    assert all(space.feasible(space.from_unit(p)) for p in points)
    assert np.all(np.abs(points - 0.25) <= np.array([0.2, 0.2, 0.2, 0.05]) + 1e-12)
    assert np.all(points.std(0) > [0.05, 0.05, 0.05, 0.01])


def test_whole_numbers_are_rounded_inside_a_box() -> None:
    space = Space(make_task({"n": Param(production=10, low=8, high=12, type="int")}))
    below, above = space.whole_steps()
    assert (below.tolist(), above.tolist()) == ([0.25], [0.25])
    low, high = space.production - 0.3, space.production + 0.3
    points = np.linspace(0, 1, 101)[:, None]
    assert set(space.decode(points, low, high).ravel()) == {9.0, 10.0, 11.0}
    assert set(space.decode(points).ravel()) == {8.0, 9.0, 10.0, 11.0, 12.0}


def test_keep_counts_are_params_named_after_their_stage() -> None:
    task = make_task({"w": Param(production=1, low=0, high=2)}, {"few": "ranking.keep * w <= 10"})
    assert Space(task).names == ("w",)
    assert Space(task).feasible({"w": 1})
    assert not Space(task).feasible({"w": 1.5})


def test_a_task_without_params_has_one_config() -> None:
    space = Space(make_task({}))
    assert space.dimension == 0
    assert space.sample(np.random.default_rng(0), 3).shape == (3, 0)
    assert space.from_unit(space.production) == {}


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_long_chains_are_sampled_from_end_to_end(scale: str) -> None:
    """20 ordered weights that all start equal, in a corner of what is left of the box."""
    n = 20
    low = 0.0 if scale == "linear" else 0.01
    params = {f"w{i}": Param(production=0.5, low=low, high=1, scale=scale) for i in range(n)}
    space = Space(make_task(params, {f"o{i}": f"w{i} >= w{i + 1}" for i in range(n - 1)}))
    points = space.sample(np.random.default_rng(0), 1_000)
    assert all(space.feasible(space.from_unit(p)) for p in points[:100])
    np.testing.assert_allclose(points.mean(0), [(n - k) / (n + 1) for k in range(n)], atol=0.04)
    spread = [math.sqrt((k + 1) * (n - k) / (n + 2)) / (n + 1) for k in range(n)]
    np.testing.assert_allclose(points.std(0), spread, rtol=0.2)
