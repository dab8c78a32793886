"""A command line in an empty folder, and a campaign small enough to run in a test."""

import json
import os
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


@pytest.fixture
def open_bandit():
    return ROOT / "tasks" / "open_bandit.toml"


@pytest.fixture
def environment():
    """For real processes."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """Sets what the platform is like: `platform(real_traffic=True)`; returns the file of its calls."""

    def plant(**options):
        log = tmp_path / "calls.jsonl"
        monkeypatch.setenv("PLANTED", json.dumps({"log": str(log), **options}))
        return log

    return plant
