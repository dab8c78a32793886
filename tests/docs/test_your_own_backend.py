"""The page on backends shows a backend that works."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import ABBackend, BackendContext, UsageError
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.backend_contract import Rig

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
PAGE = (HOW_TO / "your-own-backend.md").read_text(encoding="utf-8")
EXAMPLE = HOW_TO / "your-own-backend"
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


def test_every_method_of_a_backend_is_in_the_table():
    methods = [name for name in vars(ABBackend) if not name.startswith("_")]
    assert len(methods) == 9
    for name in methods:
        assert f"| `{name}(" in PAGE, name


def test_all_that_a_rig_may_tell_is_in_the_table():
    for name in vars(Rig):
        if not name.startswith("_") and name != "tolerance":
            assert re.search(rf"^\|[^|]*`{name}\b", PAGE, re.MULTILINE), name
