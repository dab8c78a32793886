"""The tasks that come with rectune are valid, have traffic enough, and end with a verdict."""

import re
from pathlib import Path

import pytest

from rectune_dsl.cli.init import starter
from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.view import as_json, read_run
from rectune_dsl.simulator import cma
from rectune_dsl.workflow import context
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.environment import environment
from rectune_dsl.workflow.preflight import preflight
from rectune_dsl.workflow.prepare import begin, hub, load
from rectune_dsl.workflow.traffic import oracle_lifts, power, shipping_chance

TASKS = Path(__file__).parents[2] / "tasks"
SIMULATED = ["value_based_retrieval", "value_fusion", "diversity", "joint", "blend"]
SLOW = pytest.mark.slow
ALL = sorted(path.stem for path in TASKS.glob("*.toml"))


def loaded(name, seed=0, change=lambda text: text):
    path = TASKS / f"{name}.toml"
    text = starter() if name == "starter" else path.read_text()
    return load(Source(str(path), change(text)), Host(), Choices(seed))


def small(text):
    """The same task with two short rounds of few users: what is tested is the way, not the result."""
    text = re.sub(r"(?m)^users_per_arm *= *[\d_]+", "users_per_arm = 300", text)
    text = re.sub(r"(?m)^rounds *= *\d+", "rounds = 2", text)
    return re.sub(r"(?m)^days *= *\d+", "days = 2", text)


def run(parts, folder):
    journal = Journal(str(folder / "store.sqlite"))
    name = begin(parts, Choices(0), journal)
    campaign(name, parts, journal, Host()).run()
    return read_run(journal, name)


def test_all_tasks_are_there():
    assert set(ALL) == {*SIMULATED, "open_bandit"}


@pytest.mark.parametrize("name", ALL)
def test_it_has_no_problem_and_a_skill(name):
    path = TASKS / f"{name}.toml"
    result = check(Source.read(path), environment(Host()))
    assert result.problems == ()
    skill = result.task.task.skill
    assert hub(str(path)).load(skill).name == skill


def test_the_joint_task_has_twelve_params_in_three_stages():
    task = loaded("joint").task
    assert len(task.params) == 12
    assert all(stage.params for stage in task.stages.values())


@pytest.mark.parametrize("name", ["starter", *(pytest.param(name, marks=SLOW) for name in SIMULATED)])
def test_its_traffic_ships_the_oracle_config_with_the_power_it_asks_for(name, monkeypatch):
    """Of a shorter search: what falls short of the oracle and ships would ship all the more at the oracle."""
    monkeypatch.setattr(cma, "GENERATIONS", 4)
    parts = loaded(name)
    found = power(parts.task, parts.backend)
    assert preflight(parts, found) == ()
    lifts = oracle_lifts(parts.backend)
    assert shipping_chance(parts.task, found, lifts) >= 0.8
    for metric, limit in parts.task.guarded.items():
        assert limit.holds(lifts[metric] if limit.relative else lifts[f"={metric}"])


@pytest.mark.parametrize("name", [pytest.param(n, marks=SLOW) if n != "diversity" else n for n in SIMULATED])
def test_it_ends_with_a_verdict_and_a_seed_is_a_story(name, tmp_path, monkeypatch):
    monkeypatch.setattr(context, "PANEL_REQUESTS", 64)
    monkeypatch.setattr(context, "REPLAYED_REQUESTS", 32)
    views = []
    for folder in (tmp_path / "a", tmp_path / "b"):  # what one has learnt does not reach the other
        folder.mkdir()
        monkeypatch.chdir(folder)
        views.append(run(loaded(name, change=small), folder))
    assert views[0].verdict.decision in {"ship", "hold", "keep production"}
    assert as_json(views[0]) == as_json(views[1])
