"""Constraints: narrow spaces are no empty ones, and what keeps nothing out is said."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.checks import room
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.space import Space


def task(count: int, production: list[float], rules: list[str], param: str = "low = 0, high = 1") -> Source:
    names = [f"w_{i}" for i in range(count)]
    params = [f"{n} = {{ production = {p}, {param} }}" for n, p in zip(names, production, strict=True)]
    constraints = [f'c_{i} = "{rule}"' for i, rule in enumerate(rules)]
    score = " + ".join(f"{n} * p_{i}" for i, n in enumerate(names))
    text = f"""
dsl = 1
task = {{ name = "ordered", surface = "feed" }}
metrics.clicks.goal = "maximize"
experiment = {{ users_per_arm = 2, days = 1 }}
confirm = {{ users_per_arm = 2, days = 1 }}
[signals]
p = {{}}
{chr(10).join(f"p_{i} = {{}}" for i in range(count))}
[stages.ranking]
keep = 10
score = "p + {score}"
[stages.ranking.params]
{chr(10).join(params)}
[constraints]
{chr(10).join(constraints)}
"""
    return Source("ordered.toml", text)


def ordered(count: int) -> list[str]:
    return [f"w_{i} >= w_{j}" for i, j in pairwise(range(count))]


def codes(source: Source, environment) -> list[str]:
    return [p.code for p in check(source, environment).problems]


@pytest.mark.parametrize("count", [2, 8, 20, 40])
@pytest.mark.parametrize("step", [0.02, 0.001, 0.0])
def test_weights_in_falling_order_leave_room(environment, count: int, step: float) -> None:
    production = [0.9 - i * step for i in range(count)]
    assert codes(task(count, production, ordered(count)), environment) == []


def test_whole_numbers_in_falling_order_leave_room(environment) -> None:
    source = task(8, list(range(8, 0, -1)), ordered(8), 'low = 0, high = 9, type = "int"')
    assert codes(source, environment) == []


def test_what_is_found_in_a_narrow_space_keeps_the_constraints(environment) -> None:
    read = check(task(12, [0.9 - i / 40 for i in range(12)], ordered(12)), environment).task
    space = Space(read)
    points = room.feasible(read, space)
    values = space.decode(points)
    assert len(points) >= 12
    assert (np.diff(values, axis=1) <= 0).all()
    assert (np.abs(points - space.production).max(axis=1) > 0).all()


@pytest.mark.parametrize("rules", [["w_0 == 0.5", "w_1 == 0.5"], ["w_0 * w_1 == 0.15"]])
def test_equalities_leave_no_room(environment, rules: list[str]) -> None:
    assert codes(task(2, [0.5, 0.5 if len(rules) > 1 else 0.3], rules), environment) == ["RT320"]


def test_one_param_that_is_held_leaves_the_others(environment) -> None:
    assert codes(task(2, [0.5, 0.5], ["w_0 == 0.5"]), environment) == []


def test_an_equality_of_whole_numbers_leaves_some(environment) -> None:
    bounds = 'low = 0, high = 10, type = "int"'
    assert codes(task(2, [4, 6], ["w_0 + w_1 == 10"], bounds), environment) == []


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.integers(-4, 4).filter(bool), min_size=1, max_size=8),
    share=st.sampled_from([0.6, 0.9, 0.99, 1.0, 1.2]),
)
def test_a_linear_constraint_is_idle_when_no_corner_breaks_it(environment, weights: list[int], share) -> None:
    """The sum of the positive weights is the most that there is."""
    terms = " + ".join(f"{w} * w_{i}" for i, w in enumerate(weights))
    production = [0.001] * len(weights)
    most, least = sum(w for w in weights if w > 0), sum(w for w in weights if w < 0)
    bound = least + share * (most - least)
    if sum(w * 0.001 for w in weights) > bound:
        return
    found = codes(task(len(weights), production, [f"{terms} <= {bound!r}"]), environment)
    assert found == (["RT316"] if bound >= most else [])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("w_0 != 0.3", []),
        ("w_0 > -0.1", ["RT316"]),
        ("w_0 > 0", []),
        ("w_0 * w_1 < 1", []),
        ("w_0 * w_1 <= 1", ["RT316"]),
        ("max(w_0, w_1) <= 0.999", []),
        ("abs(w_0 - w_1) <= 0.99", []),
        ("(w_0 <= 0.6) * (w_1 <= 0.6) == 1", []),
        ("max(w_0 <= 0.6, w_1 <= 0.6) == 1", []),
    ],
)
def test_a_constraint_that_keeps_nothing_out_is_said(environment, rule: str, expected: list[str]) -> None:
    assert codes(task(2, [0.5, 0.5], [rule]), environment) == expected
