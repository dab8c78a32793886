"""A small world and a three-stage task in it."""

import tomllib

import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Arm, Config, ExperimentSpec
from rectune_dsl.simulator.experiment import EPOCH
from rectune_dsl.simulator.world import build_world, make_world, sizes_of
from rectune_dsl.simulator.worldfile import WorldFile
from rectune_dsl.simulator.worlds import text_of, to_toml

TASK = """
dsl = 1
[task]
name = "value-fusion"
surface = "home-feed"
[signals]
p_click = { stages = ["pre_ranking", "ranking"] }
p_long_view = { stages = ["pre_ranking", "ranking"] }
p_like = { stages = ["ranking"] }
p_hate = { stages = ["ranking"] }
clickbait = { kind = "item" }
is_new_user = { kind = "user" }
[stages.pre_ranking]
keep = 40
score = "p_click + w_early * p_long_view"
[stages.pre_ranking.params]
w_early = { production = 0.3, low = 0.0, high = 10.0 }
[stages.ranking]
keep = { production = 20, low = 12, high = 40 }
terms = { value = "p_click ** a_click * p_long_view ** a_long" }
score = "value + w_like * p_like - where(is_new_user, w_hate_new, w_hate) * p_hate"
[stages.ranking.params]
a_click = { production = 2.0, low = 0.2, high = 3.0 }
a_long = { production = 0.2, low = 0.0, high = 3.0 }
w_like = 5.0
w_hate = 1.0
w_hate_new = 1.0
[stages.re_ranking]
keep = 10
score = "score - w_bait * clickbait"
[stages.re_ranking.params]
w_bait = { production = 0.1, low = 0.0, high = 1.0 }
topic_penalty = { production = 0.02, low = 0.0, high = 1.0 }
[stages.re_ranking.diversity]
by = "topic"
penalty = "topic_penalty"
max_per_key = 4
[metrics]
watch_minutes = { goal = "maximize", covariate = "watch_minutes_before" }
next_day_return = { kind = "proportion", matures_after_days = 1 }
hate_rate = { kind = "ratio", numerator = "hates", denominator = "impressions" }
topics_shown = {}
sessions = {}
[guardrails]
next_day_return = ">= -1%"
hate_rate = "<= +15%"
latency_ms = "<= 120"
[experiment]
users_per_arm = 300
days = 3
[confirm]
users_per_arm = 300
days = 3
[simulator]
users = 20_000
items = 800
candidates = 80
"""


@pytest.fixture(scope="session")
def task_text():
    return TASK


@pytest.fixture(scope="session")
def make_task():
    """The task with further tables."""

    def make(tables=""):
        return Task.model_validate(tomllib.loads(TASK + tables))

    return make


@pytest.fixture(scope="session")
def task(make_task):
    return make_task()


@pytest.fixture(scope="session")
def world(task):
    return build_world(task.simulator)


@pytest.fixture(scope="session")
def changed_text():
    """The text of `short-video` with numbers of one of its tables changed."""

    def make(table, **numbers):
        raw = tomllib.loads(text_of("short-video"))
        raw[table].update(numbers)
        return to_toml(WorldFile.model_validate(raw))

    return make


@pytest.fixture(scope="session")
def changed_world(task, changed_text):
    """A world as large as the task's with numbers of one table of its file changed."""

    def make(table, **numbers):
        return make_world(changed_text(table, **numbers), sizes_of(task.simulator))

    return make


@pytest.fixture(scope="session")
def funnel(task):
    return Funnel(task)


@pytest.fixture(scope="session")
def changed(task):
    """Production with some params changed."""

    def make(**values):
        return Config({**task.production, **values})

    return make


@pytest.fixture(scope="session")
def make_spec(changed):
    def make(**given):
        arms = (Arm("control", changed()), Arm("longer", changed(a_long=2.0)))
        values = {
            "key": "k",
            "purpose": "explore",
            "surface": "home-feed",
            "arms": arms,
            "users_per_arm": 300,
            "days": 3,
            "start": EPOCH,
            "salt": "salt",
        }
        return ExperimentSpec(**{**values, **given})

    return make
