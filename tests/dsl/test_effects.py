"""Params that change nothing are said to; nobody else's are."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.check import Checked, check
from rectune_dsl.dsl.source import Source

SCORE = '"p_click + w_like * p_like"'


def idle(checked: Checked) -> list[str]:
    """The params of which it is said that they change nothing."""
    assert not checked.errors, checked.problems
    return [p.message.split("`")[1] for p in checked.problems if p.code == "RT314"]


@pytest.mark.parametrize(
    "score",
    [
        "w_like * (p_click + p_like)",
        "p_click * p_like + w_like",
        "exp(p_click + p_like) / w_like",
        "rank(w_like * p_click) + 0 * p_like",
        "zscore(w_like * p_click + p_like - (w_like - 1) * p_click)",
        "where(w_like > 5, 2, 3) * p_click * p_like",
        "log(p_click + 0.01) + log(p_like + 0.01) + log(w_like)",
    ],
)
def test_a_param_that_changes_no_order_is_found(check_text, score: str) -> None:
    assert idle(check_text((SCORE, f'"{score}"'))) == ["w_like"]


@pytest.mark.parametrize(
    "score",
    [
        "p_click + w_like * p_like",
        "p_click ** w_like * p_like",
        "(p_click - 0.5) * (w_like - 5.05) ** 2 + p_like",  # the same at both ends
        "p_click + p_like * (country == 17) * (hour == 3) * w_like",  # random signals never get there
        "p_click + where((country > 16.5) * (country < 17.5), w_like, 1) * p_like",
        "p_click * p_like + (p_like > w_like / 1000)",
        "max(p_click, w_like / 10_000) + 0 * p_like",
        "min(p_click + p_like, w_like / 10_000)",
        "log(p_click + w_like / 1e5) + log(p_like + 0.01)",
        "p_click + 1e-3 * w_like * p_like",
        "zscore(p_click) + w_like * zscore(p_like)",
        "rank(p_click) / 100 + w_like * p_like",
        "1000 + p_click + w_like * p_like",
        "clip(w_like * p_click, 0, 5) + p_like",
    ],
)
def test_a_param_with_an_effect_is_left_alone(check_text, score: str) -> None:
    country = 'country = { kind = "user", domain = [0, 200] }'
    signals = "p_like = {}\n" + country + '\nhour = { kind = "request", domain = [0, 23] }'
    checked = check_text((SCORE, f'"{score}"'), ("p_like = {}", signals))
    assert idle(checked) == []


def test_the_size_of_scores_matters_to_the_next_stage_and_to_a_penalty(check_text) -> None:
    factor = (SCORE, '"w_like * (p_click + p_like)"')
    diversity = '[stages.ranking.diversity]\nby = "topic"\npenalty = {}\n[metrics]'
    last = '[stages.last]\nkeep = 5\nscore = "{}"\n[metrics]'
    assert idle(check_text(factor, ("[metrics]", last.format("score - p_click")))) == []
    assert idle(check_text(factor, ("[metrics]", last.format("2 * score")))) == ["w_like"]
    assert idle(check_text(factor, ("[metrics]", last.format("p_click")))) == ["w_like"]
    assert idle(check_text(factor, ("[metrics]", diversity.format("0.1")))) == []
    assert idle(check_text(factor, ("[metrics]", diversity.format("0") + "\n"))) == ["w_like"]
    addend = (SCORE, '"p_click + p_like + w_like"')
    assert idle(check_text(addend, ("[metrics]", diversity.format("0.1")))) == ["w_like"]


def test_the_size_of_scores_matters_to_a_policy_that_draws(check_text) -> None:
    factor = (SCORE, '"(p_click + p_like) / w_like"')
    columns = 'columns = {{ time = "t", item = "i", propensity = "p" }}'
    log = '[replay]\nlog = "l.csv"\npolicy = "{}"\n' + columns + "\n[metrics]"
    replay = ("days = 3\n[confirm]", 'days = 3\nbackend = "replay"\n[confirm]')
    assert idle(check_text(factor, replay, ("[metrics]", log.format("softmax")))) == []
    assert idle(check_text(factor, replay, ("[metrics]", log.format("top")))) == ["w_like"]


def test_a_penalty_is_an_effect(check_text) -> None:
    diversity = '[stages.ranking.diversity]\nby = "topic"\npenalty = "w_like"\n[metrics]'
    assert idle(check_text((SCORE, '"p_click + p_like"'), ("[metrics]", diversity))) == []


def test_what_is_wrong_elsewhere_is_not_said_as_an_effect(check_text) -> None:
    checked = check_text((SCORE, '"w_like * (p_click + p_lke)"'))
    assert [p.code for p in checked.problems] == ["RT202"]


@settings(max_examples=40, deadline=None)
@given(
    weights=st.lists(st.floats(0.05, 3), min_size=2, max_size=6),
    powers=st.lists(st.floats(0.3, 2), min_size=6, max_size=6),
    factor=st.booleans(),
)
def test_weights_of_parts_have_an_effect_and_a_factor_of_the_whole_has_none(
    environment, weights: list[float], powers: list[float], factor: bool
) -> None:
    parts = [f"w_{i} * p_{i} ** {power:.3f}" for i, power in zip(range(len(weights)), powers, strict=False)]
    score = " + ".join(["p_0", *parts])
    params = "\n".join(
        f"w_{i} = {{ production = {w:.3f}, low = {w / 2:.3f}, high = {w * 2:.3f} }}"
        for i, w in enumerate(weights)
    )
    text = f"""
dsl = 1
task = {{ name = "parts", surface = "feed" }}
metrics.clicks.goal = "maximize"
experiment = {{ users_per_arm = 2, days = 1 }}
confirm = {{ users_per_arm = 2, days = 1 }}
[signals]
{chr(10).join(f"p_{i} = {{}}" for i in range(len(weights)))}
[stages.ranking]
keep = 10
score = "{f"whole * ({score})" if factor else score}"
[stages.ranking.params]
{params}
{"whole = { production = 1, low = 0.5, high = 2 }" if factor else ""}
"""
    assert idle(check(Source("parts.toml", text), environment)) == (["whole"] if factor else [])


def test_shipped_tasks_tune_nothing_in_vain(environment) -> None:
    for path in (Path(__file__).parents[2] / "tasks").glob("*.toml"):
        assert check(Source.read(path), environment).problems == ()


def test_what_a_later_filter_reads_of_the_score_has_an_effect(check_text) -> None:
    second = '\n[stages.last]\nkeep = 5\nscore = "p_like"\nfilters.good = "score > 0.5"\n[metrics]'
    checked = check_text(("p_click + w_like * p_like", "p_click ** w_like"), ("\n[metrics]", second))
    assert checked.problems == ()


def test_what_is_only_sampled_is_not_said_to_be_known(check_text) -> None:
    narrow = "p_like + curve(p_click, [0.4321, 0.4322, 0.4323], [0, w_like, 0])"
    (problem,) = check_text(("p_click + w_like * p_like", narrow)).problems
    assert (problem.code, problem.fix) == ("RT314", None)
    assert "seems" in problem.message


def test_what_follows_from_the_formula_is_known_and_mended(check_text) -> None:
    (problem,) = check_text(("p_click + w_like * p_like", "w_like * (p_click + p_like)")).problems
    assert problem.code == "RT314"
    assert "seems" not in problem.message
