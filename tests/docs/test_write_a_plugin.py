"""The page on plugins: each command runs, each block is a part of what is written, each table is whole."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rectune_dsl.testing
from rectune_dsl.hooks.version import API_VERSION
from rectune_dsl.plugins.scaffold import KINDS, SORTS, Scaffold
from rectune_dsl.plugins.sound import HOOKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/write-a-plugin.md").read_text(encoding="utf-8")
WRITTEN = [
    text
    for name, kind in (("count", "command"), ("nearby", "agent"), ("house", "backend"))
    for text in Scaffold.of(name, kind).files().values()
]
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", [text for language, text in BLOCKS if language == "python"])
def test_python_is_a_part_of_what_is_written(block):
    assert any(block in text for text in WRITTEN)


@pytest.mark.parametrize("block", [text for language, text in BLOCKS if language == "toml"])
def test_entry_points_are_those_that_are_written(block):
    written = [
        tomllib.loads(Scaffold.of(name, kind).files()["pyproject.toml"])["project"]["entry-points"]
        for name, kind in (("nearby", "agent"), ("count", "command"))
    ]
    assert tomllib.loads(block)["project"]["entry-points"] in written


def test_the_commands_of_the_first_block_run(tmp_path):
    """All but the last, `ci.sh`, which is run for every kind in tests/plugins/test_scaffold.py."""
    first = next(text for language, text in BLOCKS if language == "sh")
    *steps, last = first.strip().splitlines()
    assert last == "./ci.sh"
    install = "pip install -e '.[test]'"
    assert install in steps
    there = f"{sys.executable} -m pip install -q --no-deps --no-build-isolation --no-index --target site ."
    script = "\n".join(there if step == install else step for step in steps)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "rectune-nearby/site"), str(ROOT)]),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        ["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "plugin: nearby 0.1.0" in done.stdout
    assert "brings: agent actor/nearby" in done.stdout


def test_the_tables_are_whole():
    rows = re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)
    assert set(KINDS) <= set(rows)
    assert set(rectune_dsl.testing.__all__) <= set(rows)
    assert {hook for hook in HOOKS if "_register_" in hook} <= set(rows)
    for kind in KINDS:
        assert not SORTS[kind].contract or f"`{SORTS[kind].contract}` |" in PAGE


def test_the_version_is_the_one_that_there_is():
    assert f"`API_VERSION`, now {API_VERSION}," in PAGE
