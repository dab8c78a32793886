"""What check passes is proved, what it refutes is shown by a point, and what is neither is said to be."""

import re

import pytest

SCORE = '"p_click + w_like * p_like"'
PARAMS = "\n[stages.ranking.params]"


def problems(check_text, score: str, *more: tuple[str, str], expect: str = "") -> list[str]:
    contract = (PARAMS, f"\n[stages.ranking.expect]\n{expect}{PARAMS}") if expect else (PARAMS, PARAMS)
    return [p.code for p in check_text((SCORE, f'"{score}"'), contract, *more).problems]


@pytest.mark.parametrize(
    ("score", "codes"),
    [
        ("p_click / (w_like * p_like + 0.01)", []),
        ("p_click / (p_like ** 2 - p_like + 0.3) + w_like * p_like", []),
        ("p_click / (p_like ** 2 - p_like + 0.25) + w_like * p_like", ["RT207"]),
        ("where(p_like > 0, log(p_like), -800) + w_like * p_click", []),
        ("log(exp(-200 * p_like)) + w_like * p_click", ["RT207"]),
        ("w_like * p_like + p_click / abs(p_like - 0.271828182845904)", ["RT211"]),
        ("where(p_like > 0.5, zscore(log(p_like + 0.1)), 0) + w_like * p_click", []),
        # of the others, some have a p_like of 0
        ("where(p_like > 0.5, zscore(log(p_like)), 0) + w_like * p_click", ["RT211"]),
    ],
)
def test_scores_are_shown_finite_by_splitting_or_refuted(check_text, score: str, codes: list[str]) -> None:
    assert problems(check_text, score) == codes


@pytest.mark.parametrize(
    ("score", "signal", "codes"),
    [
        ("p_click * (2 - p_click) + w_like * p_like", "p_click", []),
        ("p_click - w_like * (p_like - 0.5) ** 2", "p_like", ["RT209"]),
        ("p_click + w_like * curve(p_like, [0, 0.5, 1], [0, 1, 1.2])", "p_like", []),
        ("p_click + where(p_like > 0.3, w_like, 0)", "p_like", []),
        ("p_click - where(p_like > 0.3, w_like, 0)", "p_like", ["RT209"]),
        ("w_like * p_click - rank(p_like)", "p_like", []),
        ("p_click / (p_click + w_like * p_like + 0.000001)", "p_click", []),
        ("p_click / (p_click + w_like * p_like + 0.000001)", "p_like", ["RT209"]),
        ("w_like * 2 * p_click * p_like / (p_like + p_click + 0.001) + p_click", "p_like", []),
        ("where(p_like, 1, 0) + w_like * p_click", "p_like", []),
        # true, false at one point, true again
        ("p_like + where(p_like - 0.37, 1, 0) + w_like * p_click", "p_like", ["RT212"]),
        ("where(p_like - 1, 0, 1) + w_like * p_click", "p_like", []),
        ("where(p_like - 1, 1, 0) + w_like * p_click", "p_like", ["RT209"]),
    ],
)
def test_contracts_are_shown_or_refuted(check_text, score: str, signal: str, codes: list[str]) -> None:
    assert problems(check_text, score, expect=f'{signal} = "nondecreasing"') == codes


def test_constraints_count(check_text) -> None:
    loose = ("low = 0.1", "low = -1.0")
    bounded = ("[metrics]", '[constraints]\npositive = "w_like >= 0.05"\n[metrics]')
    score = "p_click + log(w_like) * p_like"
    assert problems(check_text, score, loose) == ["RT207"]
    assert problems(check_text, score, loose, bounded) == []


def test_a_term_is_named_where_it_goes_wrong(check_text) -> None:
    terms = (PARAMS, '\n[stages.ranking.terms]\nliked = "log(p_like)"' + PARAMS)
    checked = check_text((SCORE, '"p_click + w_like * liked"'), terms)
    assert [(p.code, p.line) for p in checked.problems] == [("RT207", 12)]
    assert re.match(r"term `liked` is -inf at p_like = 0", checked.problems[0].message)


def test_the_score_of_the_stage_before_has_bounds(check_text) -> None:
    second = ("[metrics]", '[stages.last]\nkeep = 5\nscore = "p_click + log(score + 0.01)"\n[metrics]')
    assert problems(check_text, "p_click + w_like * p_like", second) == []
    assert problems(check_text, "p_click - w_like * p_like", second) == ["RT207"]
