"""The page on backends shows a backend that works."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import Experiment, Task
from rectune_dsl.hooks.api import ABBackend, BackendContext, UsageError
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.backend_contract import Rig

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
PAGE = (HOW_TO / "your-own-backend.md").read_text(encoding="utf-8")
EXAMPLE = HOW_TO / "your-own-backend"
TEMPLATE = Path(__file__).parents[2] / "rectune_dsl/plugins/templates/backend/src/rectune_sample"
TASK = (Path(__file__).parents[1] / "workflow/planted.toml").read_text(encoding="utf-8")


def test_the_example_passes_the_suite_as_the_page_runs_it():
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs"]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "the backend has no baseline" in done.stdout
    assert PAGE.count("python -m pytest -rs") == 1


def test_the_example_registers_its_backend(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    assert callable(Host([EXAMPLE / "house_backend.py"]).backend("house"))


def test_the_settings_are_those_of_the_task():
    (block,) = (
        found for found in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "Settings)" in found
    )
    exec(block, shown := {"__name__": "shown"})

    def read(written):
        task = Task.model_validate(tomllib.loads(TASK) | {"plugins": {"house": written}})
        return shown["settings"](BackendContext(task, 1))

    assert read({"region": "north"}).late_days == 2
    with pytest.raises(UsageError, match="region"):
        read({})


def test_the_entry_point_has_the_group_that_the_host_reads(monkeypatch):
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert tomllib.loads(block)["project"]["entry-points"] == {"rectune": {"house": "house_backend"}}


def methods(path, name):
    """The text of each method of a class, in order."""
    text = path.read_text(encoding="utf-8")
    (made,) = (n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name == name)
    found = [part for part in made.body if isinstance(part, ast.FunctionDef)]
    return {part.name: ast.get_source_segment(text, part) for part in found}


def test_what_new_plugin_writes_is_the_same_backend_made_smaller():
    house = methods(EXAMPLE / "house_backend.py", "HouseBackend")
    written = methods(TEMPLATE / "backend.py.in", "PlatformBackend")
    alike = ("check", "create", "start", "set_exposure", "stop", "deliver", "rollback", "_known")
    assert {name: written[name] for name in alike} == {name: house[name] for name in alike}
    both = [name for name in house if name in written]
    assert both == [name for name in written if name in house], "they stand in another order"
    assert {name for name in house if name[0] != "_"} == {name for name in written if name[0] != "_"}


def test_what_new_plugin_writes_names_keys_that_there_are():
    (help,) = re.findall(r'help="leave out (.*?)"', (TEMPLATE / "backend.py.in").read_text(encoding="utf-8"))
    keys = {*Experiment.model_fields, *Metric.model_fields}
    assert set(re.findall(r"`(\w+)`", help)) == {"unit", "winsorize"} <= keys


def test_every_method_of_a_backend_is_in_the_table():
    methods = [name for name in vars(ABBackend) if not name.startswith("_")]
    assert len(methods) == 9
    for name in methods:
        assert f"| `{name}(" in PAGE, name


def test_all_that_a_rig_may_tell_is_in_the_table():
    for name in vars(Rig):
        if not name.startswith("_") and name != "tolerance":
            assert re.search(rf"^\|[^|]*`{name}\b", PAGE, re.MULTILINE), name
