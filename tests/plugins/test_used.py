"""A run's journal has the versions of the plugins it was done with, and tells where they have changed."""

import json
from pathlib import Path

import pytest

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.project import STARTER, changed
from rectune_dsl.workflow.brought import brought
from rectune_dsl.workflow.environment import environment
from rectune_dsl.workflow.journaled import RunHeader, UsedPlugin
from rectune_dsl.workflow.prepare import header_of

PLANTED = (Path(__file__).parents[1] / "workflow/planted.py").read_text(encoding="utf-8")
TASK = (Path(__file__).parents[1] / "workflow/planted.toml").read_text(encoding="utf-8")
EVERYTHING = """
from rectune_dsl.hooks.api import FormulaFunction, Settings
from rectune_dsl.hooks.specs import hookimpl

@hookimpl
def rectune_register_agents(register):
    register("actor", "house", "rectune_dsl.agents.actor_random:RandomActor")

@hookimpl
def rectune_register_backends(register):
    register("house", "rectune_dsl.backends.simulator:SimulatorBackend")

@hookimpl
def rectune_register_deliveries(register):
    register("house", "nobody:asks")

@hookimpl
def rectune_register_settings(register):
    register("house", type("House", (Settings,), {"__annotations__": {"x": int}}))

@hookimpl
def rectune_register_llms(register):
    register("tongue", "nobody:asks")

@hookimpl
def rectune_register_functions(register):
    register("house", FormulaFunction("house", 1, lambda x: x, "x", monotone=("nondecreasing",)))

@hookimpl
def rectune_register_executors(register):
    register("house", "rectune_dsl.simulator.threads:Threads")
"""
LISTENER = """
from rectune_dsl.hooks.specs import hookimpl

@hookimpl
def rectune_round_finished(run): ...
"""
HOUSE = UsedPlugin("house", "rectune-house", "1.4")
NEEDS = [
    {"agents": {"actor": "house"}},
    {"agents": {"actor": "tongue"}},
    {"agents": {"critic": "llm"}, "llm": {"provider": "tongue", "model": "m"}},
    {"experiment": {"backend": "house"}, "plugins": {"house": {"x": 1}}},
    {"experiment": {"delivery": "house"}, "plugins": {"house": {"x": 1}}},
    {"simulator": {"executor": "house"}},
    {"stages": {"ranking": {"score": "p_click + w_long * house(p_long_view)"}}},
    {
        "signals": {"is_new": {"kind": "user"}},
        "segments": {"new": {"when": "house(is_new)", "guardrails": {"watch_minutes": ">= -5%"}}},
    },
]


def used(changes):
    import tomli_w

    host = Host(warn=pytest.fail)
    checked = check(Source("t.toml", tomli_w.dumps(changed(STARTER, changes))), environment(host))
    assert checked.task is not None, [str(problem) for problem in checked.errors]
    return brought(checked.task, host)


@pytest.mark.parametrize("needs", NEEDS, ids=str)
def test_whatever_a_task_needs_of_a_plugin_counts(site, needs):
    site.install("rectune-house", "1.4", plugins=["house = house_plugin"], house_plugin=EVERYTHING)
    assert used(needs) == (HOUSE,)


def test_what_it_does_not_need_does_not_count_and_who_listens_does(site):
    site.install("rectune-house", "1.4", plugins=["house = house_plugin"], house_plugin=EVERYTHING)
    assert used({}) == ()
    site.install("rectune-ear", "0.3", plugins=["ear = ear_plugin"], ear_plugin=LISTENER)
    assert used({}) == (UsedPlugin("ear", "rectune-ear", "0.3"),)


@pytest.fixture
def waiting(rectune_project, site):
    """A run that waits for an answer; its backend was installed."""
    site.install("rectune-planted", "1.0", plugins=["planted = planted_plugin"], planted_plugin=PLANTED)
    rectune_project.write("task.toml", TASK + '[approval]\nmode = "ask"\n')
    done = rectune_project.run("run", "task.toml", "--until", "waiting")
    assert done.exit_code == 0, done.stderr
    return rectune_project


def test_the_report_tells_of_them(waiting):
    told = json.loads(waiting.run("report", "last", "--format", "json", "-o", "-").stdout)
    assert told["provenance"]["plugins"] == {"rectune-planted": "1.0"}
    assert (
        "| plugin | rectune-planted 1.0 |"
        in waiting.run("report", "last", "--format", "md", "-o", "-").stdout
    )


def test_another_version_goes_on_with_the_run_and_says_so(waiting, site):
    site.uninstall("rectune-planted")
    site.install("rectune-planted", "1.1", plugins=["planted = planted_plugin"], planted_plugin=PLANTED)
    done = waiting.run("resume", "last", "--yes")
    assert done.exit_code == 0
    assert "warning: this run was started with rectune-planted 1.0; this is 1.1" in done.stderr
    assert "verdict: " in done.stdout


def test_a_listener_that_is_gone_is_told_of(waiting, site):
    site.install("rectune-ear", "0.3", plugins=["ear = ear_plugin"], ear_plugin=LISTENER)
    assert waiting.run("run", "task.toml", "--until", "waiting").exit_code == 0
    site.uninstall("rectune-ear")
    told = waiting.run("resume", "last", "--until", "waiting").stderr
    assert "this run was started with rectune-ear 0.3, which is not here now" in told


def test_the_same_version_is_not_warned_of(waiting):
    assert "started with" not in waiting.run("resume", "last", "--yes").stderr


def test_a_journal_of_before_they_were_kept_has_none(waiting):
    journal = waiting.journal
    header = header_of(journal, journal.runs()[0].run)
    assert header.plugins == (UsedPlugin("planted", "rectune-planted", "1.0"),)
    kept = json.loads(encode(RunHeader, header))
    del kept["plugins"]
    assert decode(RunHeader, json.dumps(kept)).plugins == ()
