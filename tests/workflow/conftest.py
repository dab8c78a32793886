"""A small task on a planted backend, and whole campaigns on it."""

import json
from pathlib import Path

import pytest

from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.view import read_run
from rectune_dsl.workflow.journaled import Approval
from rectune_dsl.workflow.prepare import Choices, begin, campaign, load
from rectune_dsl.workflow.watch import silent

HERE = Path(__file__).parent
TASK = (HERE / "planted.toml").read_text()


class Grant:
    """Answers every question, and remembers it."""

    def __init__(self, granted=True):
        self.granted = granted
        self.asked = []

    def launch(self, what):
        self.asked.append(what)
        return Approval(self.granted, "a test", "because")

    def ship(self, recommendation, verdict):
        self.asked.append("ship")
        return Approval(self.granted, "a test", "because")


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """`lab(text, seed=..., **faults)` runs a campaign and returns (view, calls to the platform, approver)."""
    monkeypatch.chdir(tmp_path)

    def run(text=TASK, *, seed=0, approver=None, store="journal.sqlite", watch=silent, **faults):
        log = tmp_path / "calls.jsonl"
        log.unlink(missing_ok=True)
        monkeypatch.setenv("PLANTED", json.dumps({"log": str(log), **faults}))
        host = Host([HERE / "planted.py"])
        choices = Choices(seed)
        loaded = load(Source("task.toml", text), host, choices)
        journal = Journal(store)
        name = begin(loaded, choices, journal)
        approver = approver or Grant()
        campaign(name, loaded, journal, host, watch, approver).run()
        calls = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return read_run(journal, name), calls, approver

    return run
