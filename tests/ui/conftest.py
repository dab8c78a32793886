"""A store in which a run asks, and the console over it."""

import contextlib
import json
import sys
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "report")]


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """Sets what the platform is like; `platform.calls()` are the names of what it was asked."""

    def plant(**options):
        monkeypatch.setenv("PLANTED", json.dumps({"log": str(log), **options}))

    def calls():
        return [json.loads(line)[0] for line in log.read_text().splitlines()] if log.exists() else []

    log = tmp_path / "calls.jsonl"
    plant.calls = calls
    monkeypatch.chdir(tmp_path)
    plant()
    return plant


@pytest.fixture
def journal(tmp_path, platform):
    return Journal(str(tmp_path / "journal.sqlite"))


@pytest.fixture
def asking(journal):
    """A run that asks whether its first experiment may be launched."""
    from served import Run

    made = Run(journal)
    made.go()
    return made


@pytest.fixture
def serve(tmp_path):
    """`serve(journal)` is the console of a store."""
    from served import Served

    with contextlib.ExitStack() as stack:

        def start(journal, **options):
            made = Served(journal, tmp_path, **options)
            stack.callback(made.stop)
            return made

        yield start


@pytest.fixture
def served(serve, asking):
    return serve(asking.journal)


@pytest.fixture
def browser(served):
    return served.browser()
