"""Folders of right and wrong task files: what is said of each, and where."""

import re
from pathlib import Path

import pytest

from rectune_dsl.dsl.check import Environment, check
from rectune_dsl.dsl.diagnostics import render
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.source import Source

EXPECT = re.compile(rb"# expect: (RT\d{3}) (\d+):(\d+)")


def expected(path: Path) -> list[tuple[str, int, int]]:
    return [(c.decode(), int(line), int(col)) for c, line, col in EXPECT.findall(path.read_bytes())]


def test_a_valid_file_has_no_problem(valid_file: Path, environment: Environment) -> None:
    checked = check(Source.read(valid_file), environment)
    assert [render(p, checked.source.line(p.line)) for p in checked.problems] == []
    assert checked.task is not None


def test_an_invalid_file_has_exactly_the_problems_it_announces(
    invalid_file: Path, environment: Environment
) -> None:
    checked = check(Source.read(invalid_file), environment)
    found = [(p.code, p.line, p.column) for p in checked.problems]
    assert sorted(found) == sorted(expected(invalid_file)), "\n".join(
        render(p, checked.source.line(p.line)) for p in checked.problems
    )
    assert (checked.task is None) == any(p.severity == "error" for p in checked.problems)


def test_every_problem_says_what_to_do(invalid_file: Path, environment: Environment) -> None:
    for problem in check(Source.read(invalid_file), environment).problems:
        # the messages of RT104 and RT105 list what may be written
        assert problem.help or problem.code in ("RT104", "RT105"), problem
        assert problem.severity == RULES[problem.code].severity
        assert problem.end_column >= problem.column >= 1


@pytest.mark.parametrize("code", [code for code in RULES if not code.startswith("RT9")])
def test_every_rule_has_an_invalid_example(code: str) -> None:
    corpus = Path(__file__).parent.parent / "corpus" / "invalid"
    assert any(code in {c for c, _, _ in expected(f)} for f in corpus.glob(f"{code}*.toml"))
