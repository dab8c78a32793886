"""Caps and units are the workflow's: fixed before an experiment, the same for all arms, and no agent's."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rectune_dsl.experiments.winsor import caps
from rectune_dsl.hooks.api import CONTROL, Arm, Config, ExperimentSpec, Launch, PluginError
from rectune_dsl.memory.codec import decode
from rectune_dsl.memory.journal import Journal
from rectune_dsl.workflow.limits import Gate

START = datetime(2026, 1, 5, tzinfo=UTC)
TASK = """
dsl = 1
[task]
name = "capped"
surface = "feed"
[signals]
p_click = {}
p_like = {}
[stages.ranking]
keep = 6
score = "p_click + w_like * p_like"
[stages.ranking.params]
w_like = { production = 20.0, low = 0.1, high = 60.0 }
[metrics]
clicks = { goal = "maximize", winsorize = 0.95 }
slow = { kind = "quantile", column = "latency_ms", quantile = 0.9 }
[guardrails]
slow = "<= +50%"
[experiment]
rounds = 1
arms = 2
users_per_arm = 300
days = 2
[confirm]
users_per_arm = 500
days = 3
[simulator]
users = 20_000
items = 400
candidates = 40
"""


@pytest.fixture
def specs(lab):
    """What a campaign on the simulator launched, by step; its last entry is there."""

    def run(text):
        lab(text)
        journal = Journal("journal.sqlite")
        made = (entry for entry in journal.entries(journal.runs()[0].run) if not entry.is_attempt)
        entries = {entry.key: entry.body for entry in made}
        assert "verdict" in entries
        return {k: decode(ExperimentSpec, body) for k, body in entries.items() if k.endswith("/design")}

    return run


def test_a_campaign_takes_its_caps_from_production_before_each_experiment(lab, specs):
    found, backend = specs(TASK), lab.load(TASK).backend
    days = {"round-1/experiment/design": 2, "confirm/design": 3}
    assert "round-1/experiment/design" in found
    for step, spec in found.items():
        assert dict(spec.caps) == caps({"clicks": 0.95}, backend.baseline(days[step]))


def test_a_campaign_by_households(specs):
    by_user = 'slow = { kind = "quantile", column = "latency_ms", quantile = 0.9 }\n'
    text = TASK.replace(by_user, "").replace('slow = "', 'latency_ms = "')
    found = specs(text.replace("rounds = 1", 'rounds = 1\nunit = "household"'))
    assert {spec.unit for spec in found.values()} == {"household"}


@pytest.mark.parametrize(
    ("change", "said"),
    [({"caps": {}}, "caps"), ({"caps": {"clicks": 9.0}}, "caps"), ({"unit": "household"}, "unit")],
)
def test_an_agent_that_changes_caps_or_unit_is_refused(lab, change, said):
    loaded = lab.load(TASK)
    arms = (Arm(CONTROL, Config(loaded.task.production)), Arm("p1", Config({"w_like": 25.0})))
    launch = Launch("k", "salt", START, arms, "explore", (), caps={"clicks": 5.0})
    gate = Gate(loaded.task, loaded.backend.capabilities())
    spec = ExperimentSpec("k", "explore", "feed", arms, 300, 2, START, "salt", caps=launch.caps)
    assert gate.launch(launch, spec, START) == spec
    with pytest.raises(PluginError, match=f"it changes `{said}`"):
        gate.launch(launch, replace(spec, **change), START)
