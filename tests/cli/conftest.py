"""A command line in an empty folder, and a campaign small enough to run in a test."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from rectune_dsl import cli

ROOT = Path(__file__).parents[2]


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def rectune(tmp_path, monkeypatch, capfd):
    """`rectune(*args)` runs the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECTUNE_DEBUG", raising=False)

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["rectune", *map(str, args)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return Result(ended.value.code or 0, out, err)

    return run


@pytest.fixture(scope="session")
def open_bandit():
    return ROOT / "tasks" / "open_bandit.toml"


@pytest.fixture(scope="session")
def finished_folder(tmp_path_factory, open_bandit):
    """Where `rectune run` of the open-bandit task has ended."""
    folder = tmp_path_factory.mktemp("finished")
    command = [sys.executable, "-m", "rectune_dsl", "run", str(open_bandit)]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True)
    (folder / "ran.json").write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    return folder


@pytest.fixture
def finished(rectune, finished_folder, tmp_path):
    """What `rectune run` of the open-bandit task ended with. It is one run for all tests; each is in a folder
    that has a copy of what it wrote."""
    shutil.copytree(finished_folder, tmp_path, dirs_exist_ok=True)
    return Result(*json.loads((tmp_path / "ran.json").read_text()))


@pytest.fixture
def environment():
    """For real processes."""
    return _environment()


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """Sets what the platform is like: `platform(real_traffic=True)`; returns the file of its calls."""

    def plant(**options):
        log = tmp_path / "calls.jsonl"
        monkeypatch.setenv("PLANTED", json.dumps({"log": str(log), **options}))
        return log

    return plant


def _environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}
