"""A small task on a planted backend, and whole campaigns on it."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.view import read_run
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.campaign import Campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.journaled import Approval
from rectune_dsl.workflow.prepare import begin, load
from rectune_dsl.workflow.watch import silent

HERE = Path(__file__).parent
sys.path.append(str(HERE))
TASK = (HERE / "planted.toml").read_text()


class Grant:
    """Answers every question, and remembers it."""

    def __init__(self, granted=True):
        self.granted = granted
        self.asked = []

    def answer(self, request):
        self.asked.append(request)
        return Approval(self.granted, "a test", "because")


class Lab:
    """`lab(text, seed=..., **faults)` runs a campaign: (its journal, calls to the platform, approver)."""

    def __init__(self, folder, monkeypatch):
        self.log = folder / "calls.jsonl"
        self.monkeypatch = monkeypatch
        self.host = Host([HERE / "planted.py"])

    def __call__(self, text=TASK, *, seed=0, granted=True, watch=silent, online=None, **faults):
        self.log.unlink(missing_ok=True)
        self.monkeypatch.setenv("PLANTED", json.dumps({"log": str(self.log), **faults}))
        choices = Choices(seed)
        loaded = load(Source("task.toml", text), self.host, choices)
        journal = Journal("journal.sqlite")
        run = begin(loaded, choices, journal)
        approver = Grant(granted)
        made = campaign(run, loaded, journal, self.host, watch=watch, approver=approver)
        if online is not None:
            agents = replace(made._parts.agents, online=online)
            made = Campaign(replace(made._parts, agents=agents))
        made.run()
        return read_run(journal, run), self.calls(), approver

    def calls(self):
        """What the platform was asked, in order."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def load(self, text):
        return load(Source("task.toml", text), self.host, Choices())

    def task(self, text):
        return self.load(text).task


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Lab(tmp_path, monkeypatch)
