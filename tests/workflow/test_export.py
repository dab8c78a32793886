"""A config as a person pastes it back into the task."""

import tomllib
from types import SimpleNamespace

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config
from rectune_dsl.report.export import config_diff, config_toml

TEXT = """
dsl = 1
[task]
name = "t"
surface = "s"
[signals]
p = {}
is_new = { kind = "user" }
[segments.new.params]
u = { production = [0.1, 0.2], low = 0.0, high = 1.0, order = "nondecreasing" }
w = 2.0
[segments.new]
when = "is_new"
[sources.fresh]
min = { production = 1, low = 0, high = 3 }
max = 5
[sources.ads]
slots = [2]
[stages.first]
keep = 50
score = "p"
[stages.last]
keep = { production = 10, low = 8, high = 12 }
score = "w * curve(p, [0, 1], u)"
[stages.last.params]
u = { production = [0.5, 0.6], low = 0.0, high = 1.0, order = "nondecreasing" }
w = { production = 1.0, low = 0.0, high = 3.0 }
c = 4.0
[metrics]
clicks = { goal = "maximize" }
[experiment]
users_per_arm = 10
days = 1
[confirm]
users_per_arm = 10
days = 1
"""
VALUES = {
    "u[0]": 0.4,
    "u[1]": 0.8,
    "w": 1.5,
    "last.keep": 9.0,
    "new.u[0]": 0.0,
    "new.u[1]": 0.3,
    "fresh.min": 2.0,
}


def _view(values):
    header = SimpleNamespace(seed=1, backend="simulator", version="1")
    recommendation = SimpleNamespace(config=Config(values), is_production=False, predictions=(), why="why")
    return SimpleNamespace(
        run="r",
        header=header,
        started="now",
        recommendation=recommendation,
        verdict=None,
        shipped=None,
        abort=None,
        aborted=None,
    )


def test_values_stand_in_the_tables_of_the_task_file():
    task = Task.model_validate(tomllib.loads(TEXT))
    assert set(VALUES) == set(task.params)
    written = tomllib.loads(config_toml(task, _view(VALUES)))
    del written["provenance"]
    assert written == {
        "stages": {"last": {"keep": 9, "params": {"u": [0.4, 0.8], "w": 1.5}}},
        "segments": {"new": {"params": {"u": [0.0, 0.3]}}},
        "sources": {"fresh": {"min": 2}},
    }
    # pasted back they are what serves: the same formulas, with numbers in them
    table = tomllib.loads(TEXT)
    table["stages"]["last"] |= {"keep": 9}
    table["stages"]["last"]["params"] |= written["stages"]["last"]["params"]
    table["segments"]["new"]["params"] |= written["segments"]["new"]["params"]
    table["sources"]["fresh"] |= written["sources"]["fresh"]
    assert Task.model_validate(table).params == {}


def test_a_diff_shows_what_changes_and_nothing_else():
    task = Task.model_validate(tomllib.loads(TEXT))
    assert config_diff(task, _view(task.production)) == ""
    changed = config_diff(task, _view({**task.production, "fresh.min": 2.0}))
    assert [line for line in changed.splitlines() if line[0] in "+-"][2:] == ["-min = 1", "+min = 2"]
