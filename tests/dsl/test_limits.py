"""No formula and no file runs code, reads attributes, or exhausts the machine: limits, and what they say."""

import math
import time

import pytest

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.formula import FormulaError, evaluate, parse
from rectune_dsl.dsl.formula.parse import MAX_DEPTH, MAX_LENGTH
from rectune_dsl.dsl.source import MAX_BYTES, MAX_KEYS, Source

SMALLEST = 'dsl = 1\n[task]\nname = "t"\nsurface = "s"\n'


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "(lambda: 0)()",
        "lambda: 0",
        "[x for x in p]",
        "p if q else r",
        "open('f')",
        "eval(p)",
        "p := 1",
        "f'{p}'",
        "p[q]",
        "p; q",
        "p @ q",
        "`p`",
    ],
)
def test_what_would_be_code_elsewhere_is_no_formula(text):
    with pytest.raises(FormulaError):
        parse(text)


def test_a_dotted_name_is_only_a_name():
    for text in ("p.real", "p.__class__.__mro__"):
        with pytest.raises(KeyError):
            evaluate(parse(text), {"p": 1.0})


@pytest.mark.parametrize(
    ("text", "value"), [("9**9**9", math.inf), ("9**9**9**9", math.inf), ("2**0.5", 2**0.5)]
)
def test_powers_are_ieee_floats_and_never_pythons_whole_numbers(text, value):
    started = time.process_time()
    result = evaluate(parse(text), {})
    assert isinstance(result, float)
    assert result == value
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("text", ["9" * 400, "1e309", "1" + "0" * 9_000])
def test_a_literal_too_large_for_a_number_is_refused(text):
    with pytest.raises(FormulaError, match="too large"):
        parse(text)


def test_the_longest_formula_is_read_and_a_longer_one_refused():
    text = "p" * MAX_LENGTH
    assert parse(text)
    with pytest.raises(FormulaError, match="characters"):
        parse(text + "p")


@pytest.mark.parametrize(("before", "after"), [("(", ")"), ("-", ""), ("abs(", ")"), ("p + (", ")")])
def test_nesting_has_its_limit(before, after):
    assert parse(before * (MAX_DEPTH // 4) + "p" + after * (MAX_DEPTH // 4))
    with pytest.raises(FormulaError, match="nested more"):
        parse(before * MAX_DEPTH + "p" + after * MAX_DEPTH)


def test_a_list_is_as_long_as_a_formula_lets_it_be():
    knots = ", ".join(str(i) for i in range(MAX_LENGTH // 12))
    assert parse(f"curve(p, [{knots}], [{knots}])")


def codes(checked):
    return [problem.code for problem in checked.problems]


def test_a_file_of_more_bytes_than_a_task_can_have_is_not_read(check_text, tmp_path, environment):
    from rectune_dsl.dsl.check import check

    path = tmp_path / "long.toml"
    path.write_text(SMALLEST + "#" * MAX_BYTES)
    assert codes(check(Source.read(path), environment)) == ["RT005"]


@pytest.mark.parametrize("line", ["[signals.s{}]", "[stages.s{}]", "[metrics.s{}]", "[stages.a.params.s{}]"])
def test_a_file_of_more_keys_than_a_task_can_have_is_refused_at_once(check_text, line):
    started = time.process_time()
    text = SMALLEST + "\n".join(line.format(i) for i in range(MAX_KEYS + 1))
    assert codes(check_text(text=text)) == ["RT005"]
    assert time.process_time() - started < 1


@pytest.mark.parametrize("number", ["9223372036854775808", "9" * 30, "-9223372036854775809", "0x" + "f" * 20])
def test_whole_numbers_have_64_bits(check_text, number):
    found = check_text(("keep = 10", f"keep = {number}"))
    assert codes(found) == ["RT002"]
    assert found.problems[0].line == 9


def test_whole_numbers_of_64_bits_are_read(check_text):
    assert "RT002" not in codes(check_text(("keep = 10", f"keep = {2**63 - 1}")))


@pytest.mark.parametrize(
    "deep", ["[" * 5_000 + "]" * 5_000, "{a=" * 5_000 + "1" + "}" * 5_000, "[" * 100_000]
)
def test_nested_values_have_their_limit(check_text, deep):
    assert codes(check_text(text=f"x = {deep}\n")) == ["RT002"]


def test_digits_without_end_are_no_number(check_text):
    assert codes(check_text(text="x = " + "9" * 100_000)) == ["RT002"]


@pytest.mark.parametrize("key", ["[{}]\n", "{} = 1\n", '[ "a" . {}]\n'])
def test_long_dotted_keys_are_refused_before_they_cost_time(key: str) -> None:
    text = key.format(".".join("a" * 3_000)) + "".join(f"b{i} = 1\n" for i in range(4_000))
    started = time.process_time()
    (problem,) = check(Source("task.toml", text), Environment()).problems
    assert (problem.code, problem.line) == ("RT002", 1)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "lines",
    [
        "".join(f"[signals.p{i}]\n" for i in range(4_000)),  # which no score reads
        "x = 'never closed # ] }\n" + "y = [{ a = 1 }, # ]\n" * 10_000,
        "x = 1\n" + " " * 200_000 + "y = 1\n",
    ],
)
def test_large_files_take_no_longer_than_their_size(lines: str) -> None:
    text = SMALLEST + "[stages.ranking]\nkeep = 3\nscore = 'p'\n" + lines
    started = time.process_time()
    assert check(Source("task.toml", text), Environment()).problems
    assert time.process_time() - started < 1.0
