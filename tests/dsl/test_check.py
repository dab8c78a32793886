"""What `check` promises: every problem once, none made up, a task exactly when there is no error."""

import random
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rectune_dsl.dsl.check import Checked, Environment, check
from rectune_dsl.dsl.diagnostics import render
from rectune_dsl.dsl.source import Source

CORPUS = Path(__file__).parent.parent / "corpus"
SCORE = '"p_click + w_like * p_like"'
BOUNDS = "production = 1.0, low = 0.1, high = 10.0"


def codes(checked: Checked) -> list[str]:
    return [p.code for p in checked.problems]


def test_a_right_task_is_read(check_text) -> None:
    checked = check_text()
    assert checked.problems == ()
    assert checked.task.production == {"w_like": 1.0}
    assert checked.task.agents.actor == "funnel"


# --- one slip, one problem -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slips", "expected"),
    [
        # a misspelt param in its formula leaves the param unread, which is not said too
        ([("w_like * p_like", "w_lik * p_like")], ["RT202"]),
        ([("[metrics]", '[stages.ranking.diversity]\nby = "t"\npenalty = "w_cot"\n[metrics]'),
          ("[stages.ranking.params]", "[stages.ranking.params]\nw_cost = 2")], ["RT202"]),
        # a broken formula reads what its words name
        ([("w_like * p_like", "w_like ** * p_like")], ["RT201"]),
        # a broken param, signal or table is still there for those who read it
        ([(BOUNDS, 'production = "1", low = 0.1, high = 10')], ["RT103"]),
        ([("p_like = {}", "p_like = { kind = 3 }")], ["RT104"]),
        ([("p_like = {}", "p_like = 3")], ["RT103"]),
        ([("[signals]", "[signal]")], ["RT101"]),
        ([("[stages.ranking.params]", "[stages.ranking.param]")], ["RT101"]),
        ([("[metrics]", "[metrcs]")], ["RT101"]),
        ([('{ goal = "maximize" }', '{ gaol = "maximize" }')], ["RT101"]),
        ([("[stages.ranking]", "[stages]\nx = 3\n[stages.ranking]"), (SCORE, '"score + w_like * p_like"')],
         ["RT110", "RT103"]),
        ([("keep = 10", 'keep = "10"')], ["RT103"]),
        ([("keep = 10", "keep = { production = 10, low = 5 }")], ["RT102"]),
    ],
)  # fmt: skip
def test_a_slip_does_not_cascade(check_text, slips, expected) -> None:
    assert codes(check_text(*slips)) == expected


def test_slips_in_all_parts_are_reported_together(check_text) -> None:
    checked = check_text(
        ("dsl = 1", "dsl = 1\nextra = 1"),
        ("keep = 10", "keep = 0"),
        (SCORE, '"p_click + w_like * p_like + p_hate"'),
        (BOUNDS, "production = 1.0, low = 5, high = 2"),
        ('goal = "maximize"', "weight = 2"),
        ("days = 3\n[confirm]", "days = -1\n[agents]\nactor = 'nobody'\n[limits]\narms = 2\n[confirm]"),
    )  # fmt: skip
    assert sorted(codes(checked)) == sorted(
        ["RT101", "RT105", "RT202", "RT301", "RT401", "RT407", "RT105", "RT503", "RT501"]
    )
    places = [(p.line, p.column) for p in checked.problems]
    assert places == sorted(places)
    assert checked.task is None


def test_warnings_do_not_stop_a_task(check_text) -> None:
    checked = check_text(("p_like = {}", "p_like = {}\np_hate = {}"))
    assert codes(checked) == ["RT110"]
    assert checked.errors == ()
    assert checked.task is not None


def test_stages_that_cannot_be_read_are_all_that_is_said_of_them(check_text) -> None:
    checked = check_text(
        ('[stages.ranking]\nkeep = 10\nscore = "p_click + w_like * p_like"\n', "stages = 3\n"),
        ("[stages.ranking.params]\nw_like = { production = 1.0, low = 0.1, high = 10.0 }\n", ""),
    )
    assert "RT103" in codes(checked) or "RT101" in codes(checked)
    assert checked.task is None


# --- the environment -------------------------------------------------------------------------------


def test_unknown_registries_are_not_checked(check_text) -> None:
    change = ("days = 3\n[confirm]", 'days = 3\nbackend = "mine"\n[agents]\nactor = "mine"\n[confirm]')
    assert codes(check_text(change)) == ["RT502", "RT503"]
    assert codes(check_text(change, environment=Environment())) == []


def test_plugin_functions_come_from_the_environment(check_text) -> None:
    change = (SCORE, '"p_click + w_like * softplus(p_like)"')
    assert codes(check_text(change)) == []
    checked = check_text(change, environment=Environment())
    assert codes(checked) == ["RT201"]
    assert checked.problems[0].column == 29


def test_plugin_functions_that_are_handed_in_are_sampled(check_text, environment) -> None:
    change = (SCORE, '"p_click + w_like * softplus(p_like)"')
    implemented = replace(environment, implementations={"softplus": lambda x: np.log(x)})
    assert codes(check_text(change, environment=implemented)) == ["RT207"]


# --- scores and contracts --------------------------------------------------------------------------


@given(st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
def test_contracts_on_parabolas_hold_where_their_slope_says_so(check_text, slopes) -> None:
    first, second = slopes
    least = min(first, first + 2 * second)
    assume(abs(least) > 0.3)
    score = f'"p_click + w_like * ({first!r} * p_like + {second!r} * p_like ** 2)"'
    contract = '\n[stages.ranking.expect]\np_like = "nondecreasing"\n[stages.ranking.params]'
    checked = check_text((SCORE, score), ("\n[stages.ranking.params]", contract))
    assert codes(checked) == ([] if least > 0 else ["RT209"])


def test_a_counterexample_shows_numbers_that_can_be_recomputed(check_text) -> None:
    contract = '\n[stages.ranking.expect]\np_like = "nondecreasing"\n[stages.ranking.params]'
    checked = check_text((SCORE, '"p_click - w_like * p_like"'), ("\n[stages.ranking.params]", contract))
    numbers = re.search(
        r"falls from (\S+) to (\S+) when `p_like` goes from (\S+) to (\S+)"
        r" at p_click = (\S+), w_like = (\S+)",
        checked.problems[0].message,
    )
    assert numbers is not None
    here, there, start, end, click, weight = map(float, numbers.groups())
    assert here == pytest.approx(click - weight * start, rel=1e-3, abs=1e-3)
    assert there == pytest.approx(click - weight * end, rel=1e-3, abs=1e-3)


def test_samples_keep_the_constraints(check_text) -> None:
    """A config that no agent may serve breaks no contract."""
    contract = '\n[stages.ranking.expect]\np_like = "nondecreasing"\n[stages.ranking.params]'
    changes = ((BOUNDS, "production = 1.0, low = -1.0, high = 10.0"), ("\n[stages.ranking.params]", contract))
    assert codes(check_text(*changes)) == ["RT209"]
    bounded = ("[metrics]", '[constraints]\npositive = "w_like >= 0"\n[metrics]')
    assert codes(check_text(*changes, bounded)) == []


def test_a_problem_in_one_stage_does_not_hide_one_in_another(check_text) -> None:
    second = '[stages.last]\nkeep = 5\nscore = "log(p_click)"\n[metrics]'
    checked = check_text((SCORE, '"p_click + w_like * p_lke"'), ("[metrics]", second))
    assert codes(checked) == ["RT202", "RT207"]


# --- anything at all -------------------------------------------------------------------------------

VALID = [f.read_text() for f in sorted((CORPUS / "valid").glob("*.toml"))]


@given(st.sampled_from(VALID), st.integers(0, 2**32), st.integers(1, 4))
def test_damaged_files_never_break_the_checker(environment, text: str, seed: int, damages: int) -> None:
    chance = random.Random(seed)
    tokens = re.findall(r"\w+|\s+|.", text)
    for _ in range(damages):
        here, there = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(4):
            case 0:
                del tokens[here]
            case 1:
                tokens.insert(here, tokens[there])
            case 2:
                tokens[here], tokens[there] = tokens[there], tokens[here]
            case 3:
                tokens[here] = chance.choice(["3", '"x"', "true", "{}", "[]", "-1", "1e308", "inf", "\x00"])
    checked = check(Source("damaged.toml", "".join(tokens)), environment)
    assert (checked.task is None) == bool(checked.errors)
    for problem in checked.problems:
        assert problem.line <= checked.source.text.count("\n") + 1
        assert render(problem, checked.source.line(problem.line))


@given(st.binary(max_size=60))
def test_any_bytes_give_problems_and_no_exception(tmp_path_factory, environment, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.toml"
    path.write_bytes(data)
    assert check(Source.read(path), environment).errors


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5_000, "a = " + "[" * 400 + "]" * 400, "a." * 5000 + "a = 1"]
)
def test_deep_nesting_is_a_problem_not_a_crash(environment, text: str) -> None:
    assert check(Source("deep.toml", text), environment).errors


# --- speed -----------------------------------------------------------------------------------------


def test_checking_imports_no_scipy_and_a_task_of_60_params_is_checked_fast(tmp_path: Path) -> None:
    params = "\n".join(f"w_{i} = {{ {BOUNDS} }}" for i in range(60))
    score = "p_0 + " + " + ".join(f"w_{i} * p_{i % 12} ** 0.{i + 1}" for i in range(60))
    signals = "\n".join(f"p_{i} = {{}}" for i in range(12))
    expect = "\n".join(f'p_{i} = "nondecreasing"' for i in range(12))
    text = f"""
dsl = 1
task = {{ name = "wide", surface = "feed" }}
metrics.clicks.goal = "maximize"
experiment = {{ users_per_arm = 2, days = 1 }}
confirm = {{ users_per_arm = 2, days = 1 }}
[signals]
{signals}
[stages.ranking]
keep = 10
score = "{score}"
[stages.ranking.expect]
{expect}
[stages.ranking.params]
{params}
"""
    path = tmp_path / "wide.toml"
    path.write_text(text)
    code = (
        "import sys, time; started = time.process_time();"
        "from rectune_dsl.dsl.check import Environment, check; from rectune_dsl.dsl.source import Source;"
        f"assert check(Source.read({str(path)!r}), Environment()).problems == ();"
        "print([m for m in ('scipy', 'numexpr', 'sqlalchemy') if m in sys.modules]);"
        "print(time.process_time() - started)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, seconds = done.stdout.split("\n")[:2]
    assert modules == "[]"
    assert float(seconds) < 2.0  # about 0.3 s on an idle machine


def test_a_formula_can_ask_for_nothing_that_takes_long(check_text) -> None:
    started = time.process_time()
    checked = check_text((SCORE, '"p_click + w_like * p_like + 9**9**9**9 * p_click"'))
    assert codes(checked) == ["RT207"]
    assert time.process_time() - started < 2


# --- worlds ---------------------------------------------------------------------------------------


def test_a_world_that_nobody_bundled_is_told_with_the_nearest(check_text) -> None:
    (problem,) = check_text(("[confirm]", '[simulator]\nworld = "shopp"\n[confirm]')).problems
    assert (problem.code, problem.line) == ("RT508", 19)
    assert "did you mean `shop`? (a world of your own is named by its file" in problem.help
    assert problem.fix is not None


@pytest.mark.parametrize("world", ["shop", "shopp.toml", "no/such/folder/ours.toml"])
def test_worlds_that_are_there_and_files_are_no_problem(check_text, world) -> None:
    assert check_text(("[confirm]", f"[simulator]\nworld = '{world}'\n[confirm]")).problems == ()


# --- filters ---------------------------------------------------------------------------------------


def test_filters_that_together_let_nobody_pass_are_found(check_text) -> None:
    filters = "[stages.ranking.filters]\na = 'p_click < 0.3'\nb = 'p_click > 0.4'\n[stages.ranking.params]"
    (problem,) = check_text(("[stages.ranking.params]", filters)).problems
    assert problem.code == "RT217"


def test_a_narrow_filter_is_not_said_to_let_nobody_pass(check_text) -> None:
    filters = "[stages.ranking.filters]\na = 'p_click == 0.37'\n[stages.ranking.params]"
    assert check_text(("[stages.ranking.params]", filters)).problems == ()


# --- what fuzzing found ----------------------------------------------------------------------------

NEW = '[segments.new]\nwhen = "is_new"\nparams.w_like = { production = 1.0, low = 1.0, high = 1.0 }\n'


def test_a_vector_as_a_penalty_is_a_problem(check_text) -> None:
    diversity = 'diversity = { by = "topic", penalty = "u" }\n[stages.ranking.params]\nu = [0.1, 0.2]'
    assert [p.code for p in check_text(("[stages.ranking.params]", diversity)).problems] == ["RT214"]


def test_a_constraint_may_read_what_a_segment_holds_constant(check_text) -> None:
    checked = check_text(
        ("p_like = {}\n", 'p_like = {}\nis_new = { kind = "user" }\n'),
        ("[metrics]", NEW + '[constraints]\nless = "new.w_like <= 2 * w_like + 5"\n[metrics]'),
    )
    assert "RT301" in {p.code for p in checked.problems}


def test_a_percentage_of_any_length_is_a_problem(check_text) -> None:
    assert [p.code for p in check_text(("days = 3", f"days = {'9' * 5000}%")).problems] == ["RT002"]


@pytest.mark.parametrize(
    ("line", "help", "fix"),
    [
        ("[experiment]\npower = 1", "write 0.8: the chance to show what is true: 0.8 is usual", "0.8"),
        ("[experiment]\npower = 30", "write 0.8: the chance to show what is true: 0.8 is usual", "0.8"),
        ("[experiment]\npower = 90", "write 0.9: the chance to show what is true: 0.8 is usual", "0.9"),
        ("[holdout]\nshare = 1.0\n[experiment]", "write a value in that range", None),
        ("[holdout]\nshare = 5\n[experiment]", "write 0.05", "0.05"),
        ("[limits]\nusers_per_day = 1\n[experiment]", "write 2", "2"),
        ("[ramp]\nsteps = [1.0]\n[experiment]", "write a value in that range", None),
        ("[ramp]\nsteps = [10]\n[experiment]", "write 0.1", "0.1"),
    ],
)
def test_a_percentage_is_proposed_only_where_it_may_stand(check_text, line, help, fix) -> None:
    (problem,) = check_text(("[experiment]", line)).problems
    assert (problem.code, problem.help) == ("RT105", help)
    assert (problem.fix and problem.fix[0].text) == fix


def test_half_a_pair_lacks_an_element(check_text) -> None:
    (problem,) = check_text(("p_like = {}", "p_like = { domain = [1.0] }")).problems
    assert problem.message == "element 2 of `domain` is missing"
    assert problem.help == "write both of its elements: [..., ...]"


def test_a_list_with_a_broken_element_is_long_enough(check_text) -> None:
    (empty,) = check_text(("[experiment]", "[ramp]\nsteps = []\n[experiment]")).problems
    assert empty.message == "`steps` must be at least 1 long"
    (broken,) = check_text(("[experiment]", "[ramp]\nsteps = [2]\n[experiment]")).problems
    assert broken.message == "element 1 of `steps` must be less than 1.0"
