"""Folders of right and wrong task files: what is said of each, where, and what mends it."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from rectune_dsl.dsl.check import Checked, Environment, check
from rectune_dsl.dsl.diagnostics import Diagnostic, render
from rectune_dsl.dsl.edits import apply
from rectune_dsl.dsl.mended import mended
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.source import Source

CORPUS = Path(__file__).parent.parent / "corpus"
EXPECT = re.compile(rb"# expect: (RT\d{3}) (\d+):(\d+)")
NO_FILE = ("RT005", "RT006")
"""Rules on files that are too large for a corpus, or not there."""

LAST_OF_SHAPE = "RT201"
"""Up to this code a problem hides what else is wrong with the part of the file that cannot be understood."""


def expected(path: Path) -> list[tuple[str, int, int]]:
    return [(c.decode(), int(line), int(col)) for c, line, col in EXPECT.findall(path.read_bytes())]


def shown(checked: Checked) -> str:
    lines = ((p, checked.sources[p.path].line(p.line)) for p in checked.problems)
    return "\n".join(render(p, line) for p, line in lines)


def said(problems: tuple[Diagnostic, ...]) -> Counter[tuple[str, str]]:
    return Counter((p.code, p.message) for p in problems)


def test_a_valid_file_has_no_problem(valid_file: Path, environment: Environment) -> None:
    checked = check(Source.read(valid_file), environment)
    assert shown(checked) == ""
    assert checked.task is not None


def test_an_invalid_file_has_exactly_the_problems_it_announces(
    invalid_file: Path, environment: Environment
) -> None:
    checked = check(Source.read(invalid_file), environment)
    found = [(p.code, p.line, p.column) for p in checked.problems]
    assert sorted(found) == sorted(expected(invalid_file)), shown(checked)
    assert (checked.task is None) == any(p.severity == "error" for p in checked.problems)


def test_every_problem_says_what_to_do(invalid_file: Path, environment: Environment) -> None:
    for problem in check(Source.read(invalid_file), environment).problems:
        assert len(problem.help.split()) > 1, problem
        assert problem.severity == RULES[problem.code].severity
        assert problem.end_column >= problem.column >= 1


def test_a_fix_removes_its_problem_and_brings_no_other(invalid_file: Path, environment: Environment) -> None:
    source = Source.read(invalid_file)
    before = check(source, environment).problems
    fixes = [p.fix for p in before if p.fix is not None]
    text, applied = apply(source.text, source.path, fixes)
    assert len(applied) == len(fixes)
    after = check(replace(source, text=text, base=None), environment).problems
    fixed, kept = (
        said(tuple(p for p in before if (p.fix is not None) == is_fixed)) for is_fixed in (True, False)
    )
    assert not said(after) & fixed
    assert said(after) >= kept
    if all(p.code > LAST_OF_SHAPE for p in before):
        assert said(after) == kept


def test_fixes_mend_every_file_in_which_each_problem_has_one(
    invalid_file: Path, environment: Environment
) -> None:
    source = Source.read(invalid_file)
    before = check(source, environment).problems
    after = check(replace(source, text=mended(source, environment).text, base=None), environment)
    assert all(p.fix is None for p in after.problems), shown(after)
    if all(p.fix is not None for p in before):
        assert after.problems == () or all(p.code <= LAST_OF_SHAPE for p in before), shown(after)


def test_two_in_five_problems_of_the_corpus_carry_a_fix(environment: Environment) -> None:
    files = sorted((CORPUS / "invalid").glob("*.toml"))
    problems = [p for f in files for p in check(Source.read(f), environment).problems]
    # the others are for the author to decide: traffic, bounds, what a formula means
    assert sum(p.fix is not None for p in problems) >= 0.4 * len(problems)


@pytest.mark.parametrize("code", [code for code in RULES if not code.startswith("RT9")])
def test_every_rule_has_an_invalid_example(code: str) -> None:
    if code in NO_FILE:
        return
    found = {c for f in (CORPUS / "invalid").glob(f"{code}*.toml") for c, _, _ in expected(f)}
    assert code in found, f"tests/corpus/invalid has no {code}_*.toml that announces {code}"
