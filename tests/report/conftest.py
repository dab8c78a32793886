"""Real campaigns to report on: one on a simulated feed, small ones on a planted truth."""

import json
import sys
from pathlib import Path

import pytest

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.simulator.describe import describe
from rectune_dsl.simulator.world import sizes_of
from rectune_dsl.simulator.worlds import load as load_world
from rectune_dsl.testing.project import Project
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.journaled import Approval
from rectune_dsl.workflow.prepare import begin, load

sys.path.append(str(Path(__file__).parent))
from told import Told

PLANTED = Path(__file__).parents[1] / "workflow" / "planted.py"
TASK = PLANTED.with_suffix(".toml").read_text()


class Yes:
    def answer(self, request):
        return Approval(True, "ada", "looks fine")


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A folder in which one campaign on the simulated feed has ended."""
    made = Project(tmp_path_factory.mktemp("simulated"))
    made.task(stages={"ranking": {"diversity": {"by": "topic", "max_per_key": 4}}})
    assert made.run("run", "task.toml").exit_code == 0
    return made


@pytest.fixture(scope="session")
def simulated(project):
    return Told(project.journal, project.journal.find("last").run, Host([]))


@pytest.fixture(scope="session")
def described():
    """What a world of products is like, measured on few users."""
    return describe(load_world("shop"), sizes_of(Simulator()), seed=2, users=600)


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """`plant(text, seed=..., **faults)` runs a campaign on a planted truth."""
    monkeypatch.chdir(tmp_path)

    def run(text=TASK, *, seed=0, **faults):
        monkeypatch.setenv("PLANTED", json.dumps({"log": str(tmp_path / "calls.jsonl"), **faults}))
        host, choices = Host([PLANTED]), Choices(seed, plugin_files=(str(PLANTED),))
        loaded = load(Source(str(tmp_path / "task.toml"), text), host, choices)
        journal = Journal("journal.sqlite")
        name = begin(loaded, choices, journal)
        campaign(name, loaded, journal, host, approver=Yes()).run()
        return Told(journal, name, host)

    return run


@pytest.fixture
def planted(plant):
    return plant()
