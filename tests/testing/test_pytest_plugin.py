"""`pytest tasks/` finds the task files, says of each what holds, and disturbs nobody else."""

import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w

# pytester forgets what was imported in a run of it, and NumPy cannot be imported twice
import rectune_dsl.backends.simulator
import rectune_dsl.cli.check
import rectune_dsl.report.console
import rectune_dsl.testing.items
import rectune_dsl.testing.regressions  # noqa: F401
from rectune_dsl.dsl.model import Task
from rectune_dsl.testing.project import STARTER, changed
from rectune_dsl.testing.pytest_plugin import TABLES

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
NAMES = ["parses", "finite", "contracts", "production-feasible", "round-trips", "affordable"]


@pytest.fixture
def task(pytester):
    """Write the starter with changes to `tasks/NAME`."""

    def write(name="mine.toml", /, **changes):
        return text(name, tomli_w.dumps(changed(STARTER, changes)))

    def text(name, content):
        path = pytester.path / "tasks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return path

    write.text = text
    return write


def collected(result):
    return [line for line in result.outlines if "::" in line]


def test_every_promise_and_guardrail_is_an_item(pytester, task):
    task(guardrails={"next_day_return": ">= -5%", "hate_rate": "<= +50%"})
    result = pytester.runpytest("tasks", "--collect-only", "-q")
    names = [*NAMES, "guardrail[next_day_return]", "guardrail[hate_rate]"]
    assert collected(result) == [f"tasks/mine.toml::{name}" for name in names]


def test_segments_guardrails_are_items_too(pytester, task):
    task(
        signals={"is_new_user": {"kind": "user"}},
        segments={"new": {"when": "is_new_user", "guardrails": {"watch_minutes": ">= -50%"}}},
    )
    result = pytester.runpytest("tasks", "-k", "guardrail", "--rectune-quick", "-v")
    assert "guardrail[[]new.watch_minutes[]]" not in result.outlines
    assert any("guardrail[new.watch_minutes] PASSED" in line for line in result.outlines)


def test_a_good_task_passes(pytester, task):
    task()
    result = pytester.runpytest("tasks", "--rectune-quick")
    result.assert_outcomes(passed=len(NAMES), skipped=1)


def test_a_node_id_names_one_item(pytester, task):
    task()
    pytester.runpytest("tasks/mine.toml::finite").assert_outcomes(passed=1)


def test_it_runs_with_xdist(pytester, task):
    task("one.toml")
    task("two.toml")
    result = pytester.runpytest("tasks", "-n", "2", "-k", "finite or parses", "-p", "xdist")
    result.assert_outcomes(passed=4)


def test_failures_read_as_those_of_check(pytester, task):
    path = task(stages={"ranking": {"score": "p_click + w_lon * p_long_view"}})
    result = pytester.runpytest("tasks", "-rN")  # each text once, also where CI is set
    command = [sys.executable, "-m", "rectune_dsl", "check", "tasks"]
    checked = subprocess.run(command, capture_output=True, text=True, cwd=pytester.path)
    problem = next(part for part in checked.stdout.split("\n\n") if "RT202" in part).splitlines()
    assert problem[0].startswith(f"tasks/{path.name}:")
    assert problem == [line for line in result.outlines if line in problem]
    assert "Traceback" not in result.stdout.str()
    assert "items.py" not in result.stdout.str()
    result.assert_outcomes(failed=1, skipped=len(NAMES) - 1)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"stages": {"ranking": {"score": "p_click + log(w_long * p_long_view)"}}}, "finite"),
        ({"stages": {"ranking": {"expect": {"p_long_view": "nonincreasing"}}}}, "contracts"),
        ({"stages": {"ranking": {"params": {"w_long": {"production": 11.0}}}}}, "production-feasible"),
        ({"constraints": {"small": "w_long <= 0.5"}}, "production-feasible"),
        ({"guardrails": {"next_day_return": ">= +1%"}}, "production-feasible"),
        ({"metrics": {"watch_minutes": {"goal": "maximise"}}}, "parses"),
    ],
)
def test_an_error_fails_the_item_it_is_about_alone(pytester, task, changes, name):
    task(**changes)
    result = pytester.runpytest("tasks", "-v")
    failed = [
        line.split("::")[1].split()[0] for line in result.outlines if "FAILED " in line and "%]" in line
    ]
    assert failed == [name]


def test_too_little_traffic_is_not_affordable(pytester, task):
    task()
    result = pytester.runpytest("tasks", "-k", "affordable")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["tasks/mine.toml:*: RT903 *", "*help: *"])


def test_a_backend_that_cannot_be_made_is_a_skip_with_its_reason(pytester, task):
    task(experiment={"backend": "replay"}, replay={"log": "nowhere.csv", "columns": {"time": "t"}})
    task.text("mine.toml", (pytester.path / "tasks/mine.toml").read_text())
    result = pytester.runpytest("tasks", "-k", "affordable", "-rs")
    result.assert_outcomes(skipped=1)


def test_single_file_plugins_are_named_in_the_ini_file(pytester, task):
    task(stages={"ranking": {"score": "p_click + w_long * twice(p_long_view)"}})
    pytester.makepyfile(
        mine="""
        from rectune_dsl.hooks.api import FormulaFunction
        from rectune_dsl.hooks.specs import hookimpl

        @hookimpl
        def rectune_register_functions(register):
            monotone, about = ("nondecreasing",), "two times x"
            twice = FormulaFunction("twice", 1, lambda x: 2 * x, about, (0.0, 2.0), monotone)
            register("twice", twice)
        """
    )
    pytester.runpytest("tasks", "-k", "parses").assert_outcomes(failed=1)
    pytester.makeini("[pytest]\nrectune_plugins = mine.py")
    pytester.runpytest("tasks", "-k", "parses").assert_outcomes(passed=1)


def test_the_tables_are_the_models() -> None:
    assert Task.model_fields.keys() == TABLES


@pytest.mark.parametrize("seeds", ["0", "3", "-5"])
def test_too_few_confirmations_to_show_anything_fail(pytester, task, seeds):
    task(guardrails={"next_day_return": ">= -5%"})
    result = pytester.runpytest("tasks", "-k", "guardrail", f"--rectune-seeds={seeds}")
    result.assert_outcomes(failed=1)
    assert any("raise --rectune-seeds" in line for line in result.outlines)


def test_a_task_may_have_its_name_from_its_base(pytester, task):
    task("base.toml")
    task.text("mine.toml", "extends = 'base.toml'\n[experiment]\nrounds = 2\n")
    result = pytester.runpytest("tasks", "-k", "parses", "-v")
    result.assert_outcomes(passed=2)


def test_a_base_without_a_name_is_no_task(pytester, task):
    task("base.toml", task={"name": None})
    task.text("mine.toml", "extends = 'base.toml'\n[task]\nname = 'mine'\n")
    result = pytester.runpytest("tasks", "-k", "parses", "-v")
    result.assert_outcomes(passed=1)


def test_a_failing_property_prints_the_task_file(pytester):
    pytester.makepyfile(
        """
        from hypothesis import Phase, given, settings
        from rectune_dsl.testing.strategies import tasks

        @settings(max_examples=1, database=None, derandomize=True, phases=[Phase.generate])
        @given(tasks())
        def test_nothing_holds(written):
            assert not written.text
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    assert any(line.split("E", 1)[-1].strip() == "[task]" for line in result.outlines), result.outlines


@pytest.mark.parametrize(
    "text",
    [
        "[project]\nname = 'x'\n[tool.task]\ndsl = 1",
        "[task]\nname = 'a task of another tool'\n[commands]\nrun = 'x'",
        "dsl = 1\n[signals]\np = {}\n[stages.ranking]\nkeep = 1\n",  # a base: no task by itself
        "[model]\ntask = 'classify'\n[metrics]\nnames = ['f1']\n",
        "task = 'train'\nexperiment = 'e1'\n",
        'doc = """\n[task]\nname = 1\n"""\n[stages.a]\nx = 1\n',
        "[task]\nid = 3\n[metrics]\nprecision = 0.5\n",
        "[provenance]\ntask = 'mine'\n[stages.ranking.params]\nw = 1.0\n",  # what `rectune export` writes
        "extends = 'other.toml'\n[rules]\nx = 1\n",
        "",
    ],
)
def test_other_toml_files_are_left_alone(pytester, task, text):
    task.text("other.toml", text)
    assert pytester.runpytest("tasks").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    "text",
    [
        "dsl = 1\n[task]\nname = 'x'\nsurface = 's'\n",
        "dsl=1\r\ntask = { name = 'x' }\r\n",
        "\ufeffextends = 'base.toml'\n[ task ]\nname = 'x'\n",
        "[task]\nname = 'dsl is forgotten'\n[stages.ranking]\nkeep = 3\n",
        "dsl = 1\n[task]\nname = 'never closed\n",
    ],
)
def test_broken_task_files_are_collected_and_fail(pytester, task, text):
    task.text("broken.toml", text)
    pytester.runpytest("tasks", "-k", "parses").assert_outcomes(failed=1)


@pytest.mark.parametrize("arguments", [["-p", "no:rectune"], ["-o", "rectune_tasks=false"]])
def test_it_can_be_switched_off(pytester, task, arguments):
    task()
    result = pytester.runpytest_subprocess("tasks", *arguments)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_nothing_heavy_is_imported_where_there_is_no_task(pytester):
    pytester.makepyfile(
        test_light="""
        import sys

        def test_light():
            heavy = {"numpy", "pydantic", "scipy", "click", "rich", "sqlalchemy", "pluggy._rectune"}
            ours = {"rectune_dsl", "rectune_dsl.testing", "rectune_dsl.testing.pytest_plugin"}
            assert {m for m in sys.modules if m.startswith("rectune_dsl")} == ours
            assert not heavy & set(sys.modules)
        """
    )
    (pytester.path / "pyproject.toml").write_text("[project]\nname = 'somebody'\n")
    arguments = ["-p", "no:hypothesispytest", "-p", "no:cov"]
    result = pytester.runpytest_subprocess(".", *arguments)
    result.assert_outcomes(passed=1)


def test_the_examples_of_the_project_keep_their_promises():
    """But for the log that is too small, as its plan says."""
    command = [sys.executable, "-m", "pytest", "tasks/diversity.toml", "tasks/open_bandit.toml"]
    command += ["--rectune-quick", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_the_project_fixture_is_there_for_everybody(pytester):
    pytester.makepyfile(
        """
        def test_it(rectune_project):
            rectune_project.task()
            assert rectune_project.run("check", "task.toml").exit_code == 0
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)
