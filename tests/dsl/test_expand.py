"""What formulas mean: vectors, params of segments, boosts. Plain Python is the judge."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.formula import evaluate, names
from rectune_dsl.dsl.space import Space

SEGMENTS = """
[segments.newcomers]
when = "is_new"
params.w_like = { production = 4.0, low = 0.5, high = 5.0 }

[segments.night]
when = "hour < 6"
params.w_like = 3.0
params.u = [0.5, 0.5, 0.5]
"""
SIGNALS = """\
p_like = {}
is_new = { kind = "user", domain = [0, 1] }
hour = { kind = "request", domain = [0, 23] }
"""
BOOST = 'boosts.liked = { when = "p_like > 0.5", multiply = "1.5", add = "w_like" }'
GUARDED = """
[segments.new]
when = "is_new"
guardrails.likes = ">= -1%"
guardrails.hr = "<= +5%"
[metrics]"""
VECTOR = "u = { production = [0.0, 0.2, 1.0], low = 0.0, high = 2.0 }\nw_like ="

unit = st.floats(0.0, 1.0)


@pytest.fixture(scope="module")
def task(check_text):
    checked = check_text(
        ("p_like = {}\n", SIGNALS),
        ("p_click + w_like * p_like", "curve(p_click, [0, 0.5, 1], u) + w_like * p_like"),
        ("w_like =", VECTOR),
        (
            "[stages.ranking.params]",
            f"{BOOST}\n[stages.ranking.params]",
        ),
        ("[metrics]", SEGMENTS + "[metrics]"),
    )
    assert checked.errors == ()
    return checked.task


def test_the_tree_reads_signals_and_numbers_only(task) -> None:
    read = {n.name for n in names(task.stages["ranking"].score.tree)}
    assert read == {
        "p_click",
        "p_like",
        "is_new",
        "hour",
        "w_like",
        "newcomers.w_like",
        "u[0]",
        "u[1]",
        "u[2]",
    }
    assert read <= task.signals.keys() | task.params.keys()


def test_params_of_segments_and_vectors_have_names_of_their_own(task) -> None:
    assert list(task.params) == ["u[0]", "u[1]", "u[2]", "w_like", "newcomers.w_like"]
    assert task.production["newcomers.w_like"] == 4.0


@given(p_click=unit, p_like=unit, is_new=st.sampled_from([0.0, 1.0]), hour=st.integers(0, 23), w=unit)
def test_the_first_segment_that_matches_holds(task, p_click, p_like, is_new, hour, w) -> None:
    values = {**task.production, "w_like": w, "newcomers.w_like": 2 + w}
    found = evaluate(
        task.stages["ranking"].score.tree,
        {**values, "p_click": p_click, "p_like": p_like, "is_new": is_new, "hour": float(hour)},
    )
    own = 2 + w if is_new else 3.0 if hour < 6 else w
    heights = [0.5] * 3 if hour < 6 and not is_new else [0.0, 0.2, 1.0]
    expected = float(np.interp(p_click, [0, 0.5, 1], heights)) + own * p_like
    if p_like > 0.5:
        expected = expected * 1.5 + own
    assert math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12)


@given(
    x=st.floats(-2, 2),
    steps=st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_curve_is_linear_between_its_points(check_text, x, steps, seed) -> None:
    from rectune_dsl.dsl.formula import parse

    knots = np.cumsum([-1.0, *steps])
    heights = np.random.default_rng(seed).normal(size=knots.size)
    written = [", ".join(map(repr, numbers.tolist())) for numbers in (knots, heights)]
    found = evaluate(parse(f"curve(x, [{written[0]}], [{written[1]}])"), {"x": np.array([x])})
    assert np.allclose(found, np.interp(x, knots, heights), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("order", ["nondecreasing", "nonincreasing"])
def test_an_ordered_vector_is_sorted_in_every_config(check_text, order) -> None:
    production = [0.1, 0.4, 0.9] if order == "nondecreasing" else [0.9, 0.4, 0.1]
    task = check_text(
        ("p_click + w", "curve(p_click, [0, 0.5, 1], u) + w"),
        (
            "w_like =",
            f'u = {{ production = {production}, low = 0.0, high = 1.0, order = "{order}" }}\nw_like =',
        ),
    ).task
    space = Space(task)
    sign = 1 if order == "nondecreasing" else -1
    configs = [space.from_unit(p) for p in space.sample(np.random.default_rng(1), 4000)]
    vectors = sign * np.array([[c[f"u[{i}]"] for i in range(3)] for c in configs])
    assert (np.diff(vectors, axis=1) >= 0).all()
    assert all(space.feasible(c) for c in configs[:50])
    # order statistics of three uniform numbers: means 1/4, 1/2, 3/4
    means = np.sort(np.abs(vectors).mean(axis=0))
    assert np.allclose(means, [0.25, 0.5, 0.75], atol=0.02)
    assert space.from_unit(space.production) == task.production
    broken = {**task.production, "u[0]": task.production["u[2]"], "u[2]": task.production["u[0]"]}
    assert any("do not" in v for v in space.violations(broken))


def test_segment_guardrails_are_ratios_over_the_segments_users(check_text) -> None:
    task = check_text(
        ("p_like = {}\n", SIGNALS),
        ("[metrics]", GUARDED),
        ("[experiment]", 'hr = { kind = "ratio", numerator = "hates", denominator = "views" }\n[experiment]'),
    ).task
    assert task.guarded.keys() == {"new.likes", "new.hr"}
    assert task.judged["new.likes"].columns("new.likes") == ("likes@new", "users@new")
    assert task.judged["new.hr"].columns("new.hr") == ("hates@new", "views@new", "users@new")
