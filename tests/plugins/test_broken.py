"""A plugin that does not load is named, with all that is known of it; only who needs it stops."""

import sys

import pytest

from rectune_dsl import cli
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.project import STARTER, changed

BACKEND = """
from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.hooks.specs import hookimpl

@hookimpl
def rectune_register_backends(register):
    register("house", SimulatorBackend)
"""
BROKEN = "import no_such_thing\n" + BACKEND


@pytest.fixture
def rectune(rectune_project, site, monkeypatch):
    rectune_project.env = {"XDG_CACHE_HOME": str(site.folder.parent / "cache")}
    return rectune_project


def loaded(name, *files):
    warned = []
    host = Host(files, warned.append)
    (found,) = host.plugins_named(name)
    return found, warned


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "@hookimpl\ndef rectune_register_backend(register): ...",
            "did you mean `rectune_register_backends`?",
        ),
        ("@hookimpl\ndef rectune_round_finnished(run): ...", "did you mean `rectune_round_finished`?"),
        ("def rectune_register_backends(register): ...", "write @hookimpl above it"),
        ("@hookimpl(specname='rectune_register_lms')\ndef mine(register): ...", "rectune_register_lms"),
        ("@hookimpl\ndef rectune_run_started(run, tasks): ...", "tasks"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("rectune_api = '1'", "is no whole number; write 1"),
        ("rectune_api = 2", "for version 2 of the hooks, and this rectune has 1; update rectune"),
        ("rectune_api = 0", "for version 0 of the hooks, and this rectune has 1 to 1; update the plugin"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(plugin, body, words):
    found, warned = loaded("mine", plugin(body))
    assert words in found.failure.splitlines()[-1]
    assert len(warned) == 1
    assert "plugin mine did not load" in warned[0]
    assert "rectune plugins --why mine" in warned[0]
    assert found.traceback.startswith("Traceback")


def test_a_plugin_for_these_hooks_loads_and_other_names_are_its_own(plugin):
    body = "rectune_api = 1\nrectune_dsl_settings = {}\n@hookimpl\ndef rectune_run_started(run): ..."
    found, warned = loaded("mine", plugin(body))
    assert (found.failure, found.api, found.hooks, warned) == ("", 1, ("rectune_run_started",), [])


def test_older_hooks_are_kept_as_long_as_it_is_said(plugin, monkeypatch):
    monkeypatch.setattr("rectune_dsl.plugins.sound.API_VERSION", 4)
    monkeypatch.setattr("rectune_dsl.plugins.sound.OLDEST_API_VERSION", 3)
    files = [plugin(f"rectune_api = {version}", f"v{version}") for version in (2, 3, 4, 5)]
    host = Host(files, lambda words: None)
    assert [p.name for p in host.broken()] == ["v2", "v5"]


def test_the_second_of_a_name_does_not_take_the_first_along(site):
    site.install("rectune-a", plugins=["house = house_a"], house_a=BACKEND)
    site.install("rectune-b", plugins=["house = house_b"], house_b=BROKEN)
    host = Host(warn=lambda words: None)
    assert [bool(p.failure) for p in host.plugins_named("house")] == [False, True]
    assert "house" in host.names("backend")


def test_nothing_is_left_of_a_plugin_that_fails_halfway(plugin):
    body = """
    @hookimpl
    def rectune_register_backends(register):
        register("first", "a:B")
        register("replay", "a:B")

    @hookimpl
    def rectune_run_started(run):
        raise AssertionError("it is not loaded")
    """
    warned = []
    host = Host([plugin(body)], warned.append)
    assert "already registered by rectune" in warned[0]
    assert "first" not in host.names("backend")
    host.emit("rectune_run_started", run="r", task="t")
    assert len(warned) == 1


def test_who_needs_a_broken_plugin_stops_with_3_and_others_go_on(rectune, site):
    site.install("rectune-house", "1.4", plugins=["house = house_broken"], house_broken=BROKEN)
    rectune.task("other.toml")
    rectune.task(experiment={"backend": "house"})
    assert rectune.run("check", "other.toml").exit_code == 0
    for verb in ("check", "plan", "run"):
        done = rectune.run(verb, "task.toml")
        assert done.exit_code == 3, done.stderr
        assert "plugin house 1.4 did not load" in done.stderr
        assert "No module named 'no_such_thing'" in done.stderr
        assert "`rectune plugins --why house` tells why" in done.stderr
    site.uninstall("rectune-house")
    assert rectune.run("check", "task.toml").exit_code == 2


@pytest.mark.parametrize(
    "needs",
    [
        {"agents": {"actor": "house"}},
        {"simulator": {"executor": "house"}},
        {"experiment": {"delivery": "house"}},
        {"plugins": {"house": {"x": 1}}},
        {"llm": {"provider": "house"}},
        {"stages": {"ranking": {"score": "p_click + w_long * house(p_long_view)"}}},
    ],
)
def test_whatever_a_plugin_may_bring_is_missed(rectune, site, needs):
    site.install("rectune-house", plugins=["house = house_broken"], house_broken=BROKEN)
    rectune.task(**changed({"experiment": dict(STARTER["experiment"])}, needs))
    assert rectune.run("check", "task.toml").exit_code == 3


def test_why_tells_all_of_a_plugin(rectune, site):
    site.install("rectune-house", "1.4", plugins=["house = house_good"], house_good=BACKEND)
    for name in ("house", "rectune-house"):
        told = rectune.run("plugins", "--why", name)
        assert told.exit_code == 0
        assert told.stdout.splitlines() == [
            "plugin: house 1.4",
            "from: rectune-house 1.4, house_good",
            "hooks of version: 1 (this rectune has 1)",
            "brings: backend house",
            "implements: rectune_register_backends",
        ]


def test_why_says_that_a_single_file_brings_no_command(rectune):
    rectune.plugin(f"import click\n{BACKEND}\n@click.command()\ndef hello(): ...\n", "house.py")
    told = rectune.run("plugins", "--why", "house").stdout
    assert (
        "commands: none; a file brings none, a package does: `rectune new plugin NAME --kind command`" in told
    )
    assert rectune.run("hello").exit_code == 2
    assert "commands" not in rectune.run("plugins", "--why", "rectune").stdout


def test_why_tells_why_not(rectune, site):
    site.install("rectune-house", "1.4", plugins=["house = house_broken"], house_broken=BROKEN)
    told = rectune.run("plugins", "--why", "house").stdout
    assert "not loaded: ModuleNotFoundError: No module named 'no_such_thing'" in told
    assert "Traceback (most recent call last)" in told
    assert "import no_such_thing" in told


def test_a_name_that_nothing_has_is_told_with_the_nearest(rectune, site):
    site.install("rectune-house", plugins=["house = house_good"], house_good=BACKEND)
    done = rectune.run("plugins", "--why", "hause")
    assert done.exit_code == 2
    assert "there is no plugin 'hause'" in done.stderr
    assert "did you mean `house`?" in done.stderr


def test_every_verb_that_needs_no_plugin_loads_none(rectune, site):
    """Those that only read the store, or nothing."""
    site.install("rectune-house", plugins=["house = house_loud"], house_loud="raise SystemExit('loaded')")
    for verb in (["--help"], ["explain", "RT104"], ["ls"], ["skills"], ["tick"]):
        assert "house" not in rectune.run(*verb).stderr
    assert "house_loud" not in sys.modules
    assert cli.VERBS
