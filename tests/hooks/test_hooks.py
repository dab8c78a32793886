"""No hook without documentation, and none without a test."""

import inspect
import pickle
import re
from pathlib import Path
from typing import get_type_hints

import pytest
from pydantic import TypeAdapter

from rectune_dsl.hooks import api, specs
from rectune_dsl.plugins.sound import HOOKS
from rectune_dsl.testing.project import Project

ROOT = Path(__file__).parents[2]
WRITTEN = [path for path in sorted(ROOT.glob("docs/**/*.md")) if path.name != "hooks.md"]
"""Pages by hand: hooks.md is made of the docstrings, and has them all."""
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in WRITTEN)
EVENTS = [hook for hook in HOOKS if not hook.startswith("rectune_register_")]
REGISTERED = {
    "rectune_register_agents": "agent actor/recorded",
    "rectune_register_backends": "backend recorded",
    "rectune_register_deliveries": "delivery recorded",
    "rectune_register_settings": "settings recorded",
    "rectune_register_llms": "llm recorded",
    "rectune_register_functions": "function recorded",
    "rectune_register_executors": "executor recorded",
}
"""What `rectune plugins --why` says that the recorder brings, by the hook it is registered by."""
RECORDER = Path(__file__).parent / "recorder.py"
PLANTED = ROOT / "tests/workflow/planted.py"
TASK = (ROOT / "tests/workflow/planted.toml").read_text(encoding="utf-8")
CAMPAIGN = (
    TASK.replace('"a * p + b * q"', '"recorded(a * p) + b * q"')
    + """
[agents]
actor = "recorded"
[approval]
mode = "ask"
expires_after_days = 2
"""
)
"""Asks a person, and, where harm is planted, stops arms."""


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """A campaign that is asked about, stops arms and ends: its run, all that a plugin with every hook was
    given meanwhile, (hook, arguments) each, and what that plugin is said to bring."""
    project = Project(tmp_path_factory.mktemp("heard"))
    project.env["PLANTED"] = '{"harm": 2.0}'
    project.write("task.toml", CAMPAIGN)
    plugins = ("--plugin", PLANTED, "--plugin", RECORDER)
    asked = project.run(*plugins, "run", "task.toml", "--until", "waiting")
    done = project.run(*plugins, "resume", "last", "--yes")
    assert (asked.exit_code, done.exit_code) == (0, 0), asked.stderr + done.stderr
    calls = []
    with (project.path / "heard").open("rb") as file:
        while file.peek(1):
            calls.append(pickle.load(file))
    brings = project.run(*plugins, "plugins", "--why", "recorder").stdout
    return project.journal.runs()[0].run, calls, brings


@pytest.mark.parametrize("hook", HOOKS)
def test_it_says_what_it_is_for_and_what_it_is_given(hook):
    told = inspect.getdoc(getattr(specs, hook))
    assert told.endswith(".")
    if hook.startswith("rectune_register_"):
        assert told.startswith("Call `register(")
        assert "makes" in told or "with a" in told


@pytest.mark.parametrize("hook", HOOKS)
def test_a_page_tells_of_it(hook):
    assert re.search(rf"`{hook}`", PAGES)


@pytest.mark.parametrize("hook", EVENTS)
def test_a_campaign_tells_of_it_with_what_it_says(heard, hook):
    run, calls, _ = heard
    given = [arguments for name, arguments in calls if name == hook]
    assert given
    hints = get_type_hints(getattr(specs, hook), vars(specs) | vars(api))
    for arguments in given:
        assert arguments["run"] == run
        assert set(arguments) == set(hints) - {"return"}
        for name, value in arguments.items():
            TypeAdapter(hints[name]).validate_python(value, strict=True)


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook not in EVENTS])
def test_what_is_registered_by_it_is_there(heard, hook):
    _, calls, brings = heard
    assert (hook, {"register": True}) in calls
    assert REGISTERED[hook] in brings


def test_hooks_that_are_called_are_those_that_there_are():
    called = {
        name
        for path in sorted(ROOT.glob("rectune_dsl/**/*.py"))
        if path.name != "specs.py"
        for name in re.findall(r'"(rectune_(?:register|run|round|arm|approval)_\w+)"', path.read_text())
    }
    assert called == set(HOOKS)
