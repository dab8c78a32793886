"""`rectune show-task`: what it prints is the same task, and every value says where it comes from."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.source import Source
from rectune_dsl.report.resolved import as_json, as_toml

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "tests/corpus/valid").glob("*.toml")), *sorted((ROOT / "tasks").glob("*.toml"))]
KNOWN = Environment({"softplus": Signature(1, 1, "log(1 + exp(x))", monotone=("nondecreasing",))})

BASE = """\
dsl = 1
[task]
name = "base"
surface = "feed"
[signals]
p_click = {}
is_new = { kind = "user" }
[stages.ranking]
keep = 10
score = \"\"\"
w * p_click
  + bonus\"\"\"
[stages.ranking.params]
w = { production = 1.0, low = 0.1, high = 10.0 }
bonus = 0.5
[metrics]
likes = { goal = "maximize" }
[guardrails]
hides = "<= +5%"
[experiment]
users_per_arm = 1000
days = 3
[confirm]
users_per_arm = 1000
days = 3
"""
TOP = """\
extends = "base.toml"
task.name = "top"
[stages.ranking]
score = "w * p_click ** a + bonus * p_click"
params.a = { production = 1.0, low = 0.5, high = 2.0 }
params.w.high = 20.0
[segments.new]
when = "is_new"
params.a = 1.5
guardrails.hides = "<= +9%"
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "top.toml").write_text(TOP)
    return tmp_path


def comments(text: str) -> dict[str, str]:
    """Comments by the start of their line."""
    found = (re.match(r"([\w.]+) = .*  # (.*)", line) for line in text.splitlines())
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_shown_is_the_same_task_without_new_problems(file):
    first = check(Source.read(file), KNOWN)
    again = check(Source("again.toml", as_toml(first.task, first.source)), KNOWN)
    assert again.task == first.task.model_copy(update={"extends": None})
    assert list(again.task.params) == list(first.task.params)
    assert [p.code for p in again.problems] == [p.code for p in first.problems]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_origin_is_a_line_that_gives_the_value(file):
    checked = check(Source.read(file), KNOWN)
    shown = as_json(checked.task, checked.source)
    assert sum(map(bool, shown["origins"].values())) > 5
    for name, places in shown["origins"].items():
        for place in places:
            path, line = place.rsplit(":", 1)
            last = re.split(r"\.", name)[-1].strip('"')
            assert last in checked.sources[path].line(int(line)), (name, place)


def test_values_say_which_file_and_line_they_come_from(rectune, project):
    shown = rectune("show-task", "top.toml")
    assert shown.code == 0, shown.err
    assert tomllib.loads(shown.out)["stages"]["ranking"]["params"]["w"]["high"] == 20.0
    said = comments(shown.out)
    assert said["name"] == "top.toml:2, over base.toml:3"
    assert said["surface"] == "base.toml:4"
    assert said["keep"] == "base.toml:9"
    assert said["score"] == "top.toml:4, over base.toml:10"
    assert said["w.production"] == "base.toml:14"
    assert said["w.high"] == "top.toml:6, over base.toml:14"
    assert said["w.scale"] == "default"
    assert said["alpha"] == "default"


def test_segments_say_what_holds_for_the_others(rectune, project):
    said = comments(rectune("show-task", "top.toml").out.partition("[stages")[0])
    assert said["a"] == "top.toml:9; 1.0 for the others"
    assert said["hides"] == "top.toml:10; <= +5% for all together"


def test_what_a_base_had_before_another_replaced_it_is_no_origin(rectune, project):
    (project / "flat.toml").write_text('extends = "base.toml"\nstages.ranking.params.w = 1.0\n')
    (project / "again.toml").write_text(
        'extends = "flat.toml"\n[stages.ranking.params]\nw = { production = 1.0, low = 0.5, high = 2 }\n'
    )
    (project / "base.toml").write_text(BASE.replace("high = 10.0", 'high = 10.0, scale = "log"'))
    shown = rectune("show-task", "again.toml", "--format", "json")
    origins = json.loads(shown.out)["origins"]
    assert origins["stages.ranking.params.w.scale"] == []
    assert origins["stages.ranking.params.w.low"] == ["again.toml:3"]


def test_formulas_stay_as_they_were_written(rectune, project):
    out = rectune("show-task", "base.toml").out
    assert 'score = """\nw * p_click\n  + bonus"""' in out


def test_json_has_the_values_and_their_origins(rectune, project):
    shown = json.loads(rectune("show-task", "top.toml", "--format", "json").out)
    assert shown["task"]["stages"]["ranking"]["params"]["w"]["low"] == 0.1
    assert shown["origins"]["stages.ranking.params.w.high"] == ["top.toml:6", "base.toml:14"]
    assert shown["origins"]["experiment.alpha"] == []


def test_problems_are_shown_instead_of_a_task_that_has_none(rectune, project):
    (project / "top.toml").write_text(TOP.replace("high = 20.0", 'high = "20"'))
    shown = rectune("show-task", "top.toml")
    assert (shown.code, shown.out) == (2, "")
    assert "RT103" in shown.err
    assert "top.toml:6" in shown.err
