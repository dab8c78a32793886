"""What a person reads of a problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.diagnostics import Diagnostic, render
from rectune_dsl.dsl.guardrails import Limit, parse_limit
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.suggest import did_you_mean, nearest
from rectune_dsl.dsl.table import Guardrail, Table


def test_a_problem_shows_its_line_and_marks_its_place() -> None:
    problem = Diagnostic("RT104", "`goal` must be 'maximize'", "write it", "a.toml", 3, 8, 18)
    assert render(problem, 'goal = "maximise"') == (
        "a.toml:3:8: RT104 `goal` must be 'maximize'\n"
        '    goal = "maximise"\n'
        "           ^^^^^^^^^^\n"
        "    help: write it"
    )


def test_a_warning_says_that_it_is_one() -> None:
    problem = Diagnostic("RT110", "unused", "", "a.toml", 1, 1, 2, "warning")
    assert render(problem) == "a.toml:1:1: RT110 warning: unused"


def test_carets_stand_below_the_text_behind_tabs_and_past_the_end() -> None:
    problem = Diagnostic("RT002", "x", "", "a.toml", 1, 4, 4)
    assert render(problem, "\ta\tb").split("\n")[2] == "    \t \t^"
    past = Diagnostic("RT002", "x", "", "a.toml", 1, 6, 7)
    assert render(past, "ab").split("\n")[2] == "         ^"


def test_rules_are_numbered_by_group_and_say_why() -> None:
    assert list(RULES) == sorted(RULES)
    for code, rule in RULES.items():
        assert code[:3] in {"RT0", "RT1", "RT2", "RT3", "RT4", "RT5", "RT9"}
        assert rule.title
        assert rule.why.endswith(".")


def test_suggestions() -> None:
    assert nearest("w_lik", ["w_like", "p_click"]) == "w_like"
    assert nearest("w_lik", ["w_like"], alike=0.95) is None
    assert did_you_mean("zzz", ["b", "a"]) == "known: `a`, `b`"
    assert did_you_mean("zzz", []) == ""


# --- guardrails --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (">= -1%", Limit(">=", -0.01, True)),
        ("<=+15 %", Limit("<=", 0.15, True)),
        (" <= 1_200.5 ", Limit("<=", 1200.5, False)),
        (">= .5", Limit(">=", 0.5, False)),
    ],
)
def test_guardrails_read_as_written(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize("text", ["", "-1%", "> 1", ">= x", ">= 1%%", ">= 1e5", "<= " + "9" * 400])
def test_what_is_no_guardrail_is_refused_with_help(text: str) -> None:
    with pytest.raises(ValueError, match='write ">= -1%"'):
        parse_limit(text)


@given(st.sampled_from([">=", "<="]), st.floats(-1e9, 1e9), st.booleans())
def test_a_limit_is_written_so_that_it_reads_back(direction, bound: float, relative: bool) -> None:
    class Holder(Table):
        limit: Guardrail

    limit = Limit(direction, bound, relative)
    again = Holder.model_validate(Holder(limit=limit).model_dump()).limit
    assert (again.direction, again.relative) == (direction, relative)
    assert again.bound == pytest.approx(bound, rel=1e-15, abs=0)
