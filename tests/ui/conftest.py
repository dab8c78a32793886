"""A store in which a run asks, and the console over it."""

import contextlib
import json
import shutil
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


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A store with a run that shipped, and one that asks whether its first experiment may be launched."""
    from served import begun

    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PLANTED", "{}")
        journal = Journal("journal.sqlite")
        finished = begun(journal)
        finished.ship()
        asking = begun(journal)
        asking.go()
    return folder / "journal.sqlite", finished.name, asking.name


@pytest.fixture
def journal(made, tmp_path, platform):
    """A store of this test's own with the two runs."""
    for file in made[0].parent.glob(f"{made[0].name}*"):
        shutil.copy(file, tmp_path)
    return Journal(str(tmp_path / made[0].name))


@pytest.fixture
def finished(journal, made):
    from served import Run

    return Run(journal, made[1])


@pytest.fixture
def asking(journal, made):
    from served import Run

    return Run(journal, made[2])


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
def served(serve, journal):
    return serve(journal)


@pytest.fixture
def browser(served):
    return served.browser()
