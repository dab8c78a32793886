"""`rectune new plugin` writes packages that install, are found, keep their contracts, and are typed."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rectune_dsl.plugins.scaffold import KINDS, SORTS, Scaffold
from rectune_dsl.testing.project import Project

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NAMES = {
    "backend": "house",
    "agent": "z",
    "llm": "my-own-llm",
    "function": "soft-sign-2",
    "command": "count",
}
USES = {
    "backend": {"experiment": {"backend": "house"}},
    "agent": {"agents": {"actor": "z"}},
    "llm": {"llm": {"provider": "my-own-llm"}, "agents": {"actor": "my-own-llm"}},
    "function": {"stages": {"ranking": {"score": "p_click + w_long * soft_sign_2(p_long_view)"}}},
}


def run(*command, cwd, path=()):
    """A module of ours; what it says."""
    return executed(sys.executable, "-m", *command, cwd=cwd, path=path)


def executed(*command, cwd, path):
    """What a command says, which finds our `python` first, and what lies on the path."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT))),
        "MYPYPATH": str(ROOT),
        "XDG_CACHE_HOME": str(cwd / ".cache"),
    }
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a generated package of each kind, and `site`, in which all are installed."""
    folder = tmp_path_factory.mktemp("home")
    for kind, name in NAMES.items():
        told = run("rectune_dsl", "new", "plugin", name, "--kind", kind, cwd=folder)
        assert f"wrote rectune-{name}" in told
    packages = sorted(folder.glob("rectune-*"))
    quietly = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", "site")
    run("pip", "install", *quietly, *packages, cwd=folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_script_passes(home, kind):
    """ruff, mypy and its tests, the contract of its kind among them."""
    script = home / f"rectune-{NAMES[kind]}" / "ci.sh"
    assert os.access(script, os.X_OK)
    told = executed(script, cwd=home, path=[home / "site"])
    assert "Success: no issues found" in told
    assert " passed" in told or "[100%]" in told


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a", "as-long-as-any-name-may-be-now"])
def test_it_is_tidy_whatever_its_name(tmp_path, kind, name):
    folder = tmp_path / "package"
    Scaffold.of(name, kind).write(folder)
    run("ruff", "check", ".", cwd=folder)
    run("ruff", "format", "--check", ".", cwd=folder)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_found_and_used(home, tmp_path, kind):
    path = [home / "site"]
    told = run("rectune_dsl", "plugins", "--why", f"rectune-{NAMES[kind]}", cwd=tmp_path, path=path)
    assert "not loaded" not in told
    task = Project(tmp_path).task(**USES.get(kind, {}))
    if kind == "command":
        assert "from rectune-count" in run("rectune_dsl", "--help", cwd=tmp_path, path=path)
        assert run("rectune_dsl", "count", task, cwd=tmp_path, path=path) == "ranking: 1\n"
    else:
        assert "no problems" in run("rectune_dsl", "check", task, cwd=tmp_path, path=path)
    if kind == "function":  # agents and backends run campaigns in their own tests
        run("rectune_dsl", "run", task, cwd=tmp_path, path=path)


def test_what_is_installed_is_typed(home):
    found = {path.parent.name for path in home.glob("site/*/py.typed")}
    assert found == {f"rectune_{name.replace('-', '_')}" for name in NAMES.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_sample_is_left(kind):
    for path, text in Scaffold.of("house", kind).files().items():
        assert not re.search(r"sample(?!\()", f"{path} {text}", re.IGNORECASE), path


@pytest.mark.parametrize("kind", KINDS)
def test_it_subclasses_the_contract_that_its_page_names(kind):
    files = Scaffold.of("house", kind).files()
    tests = "".join(text for path, text in files.items() if path.startswith("tests/"))
    if contract := SORTS[kind].contract:
        assert f"plugins of this kind, `{contract}`." in files["README.md"]
        assert f"({contract})" in tests
    else:
        assert "contract" not in files["README.md"]
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "rectune-house"
    (entries,) = project["entry-points"].values()
    assert list(entries) == ["house"]


@pytest.mark.parametrize("name", ["sample", "my-sample-name", "sample-name"])
def test_a_name_like_the_sample_s_is_replaced_once(name):
    files = Scaffold.of(name, "function").files()
    assert tomllib.loads(files["pyproject.toml"])["project"]["name"] == f"rectune-{name}"
    assert f"src/rectune_{name.replace('-', '_')}/plugin.py" in files


def test_the_name_may_be_that_of_the_distribution():
    assert Scaffold.of("rectune-house", "agent") == Scaffold.of("house", "agent")


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("House", "agent", "small letters, digits and single hyphens"),
        ("my house", "agent", "small letters"),
        ("../house", "agent", "small letters"),
        ("2house", "agent", "small letters"),
        ("house-", "agent", "small letters"),
        ("a" * 31, "agent", "longer than 30 letters"),
        ("", "agent", "small letters"),
        ("rectune-", "agent", "small letters"),
        ("class", "agent", "choose another name"),
        ("dsl", "agent", "choose another name"),
        ("log1p", "function", "formulas have a function `log1p` already"),
        ("run", "command", "`rectune run` is there already"),
        ("simulator", "backend", "backend 'simulator' is registered by rectune"),
        ("bayes", "agent", "agent 'actor/bayes' is registered by rectune"),
        ("gemini", "llm", "llm 'gemini' is registered by rectune"),
        ("rectune", "agent", "there is a plugin 'rectune' already, built in"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_what_to_write(rectune_project, name, kind, words):
    done = rectune_project.run("new", "plugin", name, "--kind", kind)
    assert done.exit_code == 2
    assert words in done.stderr
    assert list(rectune_project.path.iterdir()) == []


def test_a_name_that_another_plugin_has_is_refused_with_whose_it_is(rectune_project):
    text = "def rectune_register_functions(register):\n    register('soft_sign', 'a:b')\n"
    rectune_project.plugin(f"from rectune_dsl.hooks.specs import hookimpl\n@hookimpl\n{text}", "mine.py")
    done = rectune_project.run("new", "plugin", "soft-sign", "--kind", "function")
    assert done.exit_code == 2
    assert "function 'soft_sign' is registered by mine" in done.stderr
    assert "choose another name" in done.stderr
    assert rectune_project.run("new", "plugin", "soft-sign", "--kind", "agent").exit_code == 0


def test_nothing_is_overwritten(rectune_project):
    assert rectune_project.run("new", "plugin", "house", "-o", "deep/here").exit_code == 0
    before = (rectune_project.path / "deep/here/README.md").read_text()
    done = rectune_project.run("new", "plugin", "other", "-o", "deep/here")
    assert done.exit_code == 2
    assert "deep/here is there already; nothing was written" in done.stderr
    assert (rectune_project.path / "deep/here/README.md").read_text() == before


def test_it_says_what_to_do_next(rectune_project):
    done = rectune_project.run("new", "plugin", "house")
    assert "cd rectune-house" in done.stdout
    assert "rectune plugins --why rectune-house" in done.stdout
