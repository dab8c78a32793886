"""The unit box and back: nothing is lost, nothing leaves the bounds, samples keep the constraints."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.model import Param, Task
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


@pytest.mark.parametrize("constraint", ["w0 > 2", "w0 == w1"])
def test_an_empty_space_says_so(constraint: str) -> None:
    task = make_task({f"w{i}": Param(production=1, low=0, high=2) for i in range(2)}, {"c": constraint})
    with pytest.raises(ValueError, match="keep the constraints"):
        Space(task).sample(np.random.default_rng(0), 100)


@given(SPACES, st.floats(0.01, 1), st.integers(0, 2**32))
def test_clip_step_moves_as_little_as_it_can(space: Space, step: float, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-0.5, 1.5, (4, space.dimension))
    clipped = space.clip_step(points, step)
    assert np.all(np.abs(clipped - space.production) <= step + 1e-12)
    inside = np.abs(points - space.production) <= step
    inside &= (points >= 0) & (points <= 1)
    np.testing.assert_array_equal(clipped[inside], points[inside])


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
