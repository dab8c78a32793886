"""What TOML's parser trips over, as it is told and mended: place, words, edit."""

import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.edits import apply
from rectune_dsl.dsl.load import load
from rectune_dsl.dsl.source import Source


def loaded(text: str) -> Diagnostic:
    problem = load(Source("t", text))
    assert isinstance(problem, Diagnostic)
    assert problem.code == "RT002"
    return problem


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ('a = "x\nb = 1', 'a = "x"\nb = 1'),
        ("a = 'x\nb = 1", "a = 'x'\nb = 1"),
        ('a = "x', 'a = "x"'),
        ('a = """x\n', 'a = """x"""\n'),
        ('x = { a = "b, c = 1 }', 'x = { a = "b", c = 1 }'),
        ("a = [1, 2\nb = 3", "a = [1, 2]\nb = 3"),
        ("a = [1,", "a = [1,]"),
        ("a = [1 2]", "a = [1, 2]"),
        ("a = [1,, 2]", "a = [1, 2]"),
        ("a = { b = 1 c = 2 }", "a = { b = 1, c = 2 }"),
        ("a = { b = 1", "a = { b = 1}"),
        ("a = { b = 1, }", "a = { b = 1 }"),
        ("a = {\n  b = 1,\n  c = 2,\n}", "a = { b = 1, c = 2 }"),
        ("[a\nb = 1", "[a]\nb = 1"),
        ("[a]]", "[a]"),
        ("[a.my stage]", "[a.my_stage]"),
        ("a = True", "a = true"),
        ("a = yes", "a = true"),
        ("a = NaN", "a = nan"),
        ("a = null\nb = 1", "b = 1"),
        ("a = hello world # x", 'a = "hello world" # x'),
        ("a = “x”", 'a = "x"'),
        ("a = ‘x’", 'a = "x"'),
        ('a = "C:\\Users\\me"', "a = 'C:\\Users\\me'"),
        ("a == 1", "a = 1"),
        ("a: 1", "a = 1"),
        ("a := 1", "a = 1"),
        ("a 1", "a = 1"),
        ("a b = 1", "a_b = 1"),
        ("é = 1", '"é" = 1'),
        ("a\u00a0= 1", "a = 1"),
        ("a = .5", "a = 0.5"),
        ("a = 5.", "a = 5.0"),
        ("a = 01", "a = 1"),
        ("a = 1,000", "a = 1_000"),
        ("a = 5%", "a = 0.05"),
        ("a = 1 b = 2", "a = 1\nb = 2"),
        ("a = 1;", "a = 1"),
        ("a = 1,", "a = 1"),
        ("a = 1 // why", "a = 1 # why"),
        ("// why", "# why"),
        ("a = 1\na = 1\n", "a = 1\n"),
        ("[x]\r\na = True\r\n", "[x]\r\na = true\r\n"),
        ("a = 1 b = 2\r\n", "a = 1\r\nb = 2\r\n"),
    ],
)
def test_a_slip_is_mended_as_its_author_would(wrong: str, right: str) -> None:
    problem = loaded(wrong)
    assert problem.fix is not None, problem
    assert apply(wrong, "t", [problem.fix])[0] == right
    tomllib.loads(right)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a = 1\n[t]\nb = 1\nb = 2\n", (4, 1, 2), ("`b` is there in line 3", "keep one")),
        ("[t]\na = 1\n[u]\n[t]\nb = 1\n", (4, 2, 3), ("`t` is there in line 1", "below line 1")),
        ("a = 1\na.b = 2\n", (2, 1, 4), ("in line 1", "keep one")),
        ("x = { a = 1, a = 2 }", (1, 19, 20), ("`a` is there twice", "keep one")),
        ("a =\nb = 1", (1, 4, 5), ("value is missing", "behind the equals sign")),
        ('日本 = "x', (1, 1, 3), ("quotes", '"日本"')),
        ('\ta = "日本\n', (1, 6, 9), ("string is not closed", 'write "')),
        ("\ta = 1\n\tb = Nope", (2, 6, 10), ("a string needs quotes", '"Nope"')),
        ("a = 10k", (1, 5, 8), ("no number", "digits")),
        ("<<<<<<< HEAD\na = 1", (1, 1, 8), ("merge conflict", "keep one side")),
        ('{ "a": 1 }', (1, 1, 2), ("JSON", "key = value")),
        ("- a", (1, 1, 3), ("YAML", "key = [")),
        ('a = "x" "y"', (1, 9, 10), ("has ended", '\\"')),
        ("[guardrails]\nhides = 5%", (2, 10, 11), ("guardrail", ">= -1%")),
        ("a = 1\r\nb = [\r\n", (2, 5, 6), ("list is not closed", "write ]")),
    ],
)
def test_a_slip_is_told_where_it_is(text: str, place: tuple[int, int, int], words: tuple[str, str]) -> None:
    problem = loaded(text)
    assert (problem.line, problem.column, problem.end_column) == place, problem
    assert words[0] in problem.message
    assert words[1] in problem.help


@given(st.text(alphabet="ab1 =\"'[]{},.#\\n\n\r\té“-+:%;/_", max_size=40))
@example("a = [[[")
@example('a = "\\')
@example("[")
@example("''''")
@example("a = 1\n\na")
def test_whatever_is_no_toml_is_told_with_a_place_and_a_help(text: str) -> None:
    source = Source("t", text)
    problem = load(source)
    if isinstance(problem, Diagnostic):
        lines = source.text.count("\n") + 1
        assert 1 <= problem.line <= lines
        assert 1 <= problem.column < problem.end_column
        assert problem.help
        if problem.fix is not None:
            after = load(Source("t", apply(source.text, "t", [problem.fix])[0]))
            assert not isinstance(after, Diagnostic) or after != problem


def test_a_byte_order_mark_moves_no_column() -> None:
    assert loaded("\ufeffa = True") == loaded("a = True")
