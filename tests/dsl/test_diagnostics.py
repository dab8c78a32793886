"""What a person reads of a problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rectune_dsl.dsl.diagnostics import MOST_SHOWN, Diagnostic, render
from rectune_dsl.dsl.guardrails import Limit, parse_limit
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.suggest import did_you_mean, meant, misspelt, nearest
from rectune_dsl.dsl.table import Guardrail, Table


def test_a_problem_shows_its_line_and_marks_its_place() -> None:
    problem = Diagnostic("RT104", "`goal` must be 'maximize'", "write it", "a.toml", 3, 8, 18)
    assert render(problem, 'goal = "maximise"') == (
        "a.toml:3:8: RT104 `goal` must be 'maximize'\n"
        '    goal = "maximise"\n'
        "           ^^^^^^^^^^\n"
        "    help: write it"
    )


@given(st.integers(0, 5_000), st.integers(1, 300), st.integers(0, 5_000))
def test_of_a_long_line_the_part_around_the_place_is_shown(before: int, marked: int, behind: int) -> None:
    line = "a" * before + "X" * marked + "b" * behind
    shown, carets = render(Diagnostic("RT104", "m", "", "a", 1, before + 1, before + marked + 1), line).split(
        "\n"
    )[1:]
    assert len(shown) <= MOST_SHOWN + 10
    under = {sign for sign, caret in zip(shown, carets, strict=False) if caret == "^"}
    assert under == {"X"}
    assert carets.count("^") == shown.count("X")


def test_a_warning_says_that_it_is_one() -> None:
    problem = Diagnostic("RT110", "unused", "", "a.toml", 1, 1, 2, "warning")
    assert render(problem) == "a.toml:1:1: RT110 warning: unused"


def test_carets_stand_below_the_text_behind_tabs_and_past_the_end() -> None:
    problem = Diagnostic("RT002", "x", "", "a.toml", 1, 4, 4)
    assert render(problem, "\ta\tb").split("\n")[2] == "    \t \t^"
    past = Diagnostic("RT002", "x", "", "a.toml", 1, 6, 7)
    assert render(past, "ab").split("\n")[2] == "         ^"


@given(st.text(alphabet="ab\t é日本語ｆ👍", max_size=12), st.text(alphabet="ab日é", min_size=1, max_size=5))
def test_carets_stand_below_wide_characters(before: str, marked: str) -> None:
    line = f"{before}{marked}x"
    start = len(before) + 1
    problem = Diagnostic("RT104", "m", "", "a.toml", 1, start, start + len(marked))
    _, carets = render(problem, line).split("\n")[1:] if line.strip() else ("", "")
    indent = carets[: len(carets) - len(carets.lstrip())]
    assert indent.count("\t") == before.count("\t")
    assert cell_len(indent.replace("\t", "")) == cell_len("    " + before.replace("\t", ""))
    assert len(carets.strip()) == cell_len(marked)


def test_combining_characters_take_no_cell() -> None:
    line = "cafe\u0301 = 1"
    problem = Diagnostic("RT101", "m", "", "a.toml", 1, 9, 10)
    assert render(problem, line).split("\n")[2] == " " * (4 + 7) + "^"


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    problem = Diagnostic("RT101", "unknown key `\x1b[2J`", "remove it", "a.toml", 1, 1, 2)
    assert "\x1b" not in render(problem, '"\x1b[31m" = 1\r')


def test_rules_are_numbered_by_group_and_say_why() -> None:
    assert list(RULES) == sorted(RULES)
    for code, rule in RULES.items():
        assert code[:3] in {"RT0", "RT1", "RT2", "RT3", "RT4", "RT5", "RT6", "RT9"}
        assert rule.title
        assert rule.why.endswith(".")


def test_a_slip_is_not_another_number() -> None:
    assert misspelt("p_lik", ["p_like", "p_click"]) == "p_like"
    assert misspelt("return_d1", ["return_d7"]) is None
    assert misspelt("p_hide", ["p_like"]) is None
    assert meant("logarithmic", ["linear", "log"], {}) == "log"
    assert meant("Loguniform", ["linear", "log"], {"loguniform": ["log"]}) == "log"
    assert meant("quadratic", ["linear", "log"], {}) is None


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
