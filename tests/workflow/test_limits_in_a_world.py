"""Limits of a campaign in the bundled world, whose backend is interrupted."""

import json
from datetime import date

import pytest

BOLD = """
from rectune_dsl.hooks.api import Config, Hypothesis, Prediction, Proposal, Recommendation, Review
from rectune_dsl.hooks.specs import hookimpl

class Actor:
    def propose(self, context):
        yield Proposal("harm", Config({"spread": 0.0}), Hypothesis("Less variety.", ()), "bold")
        yield Proposal("same", Config({"spread": 0.9}), Hypothesis("Hardly a change.", ()), "bold")
    def recommend(self, context):
        nothing = Prediction("watch_minutes", 0.0, 0.0, 0.0)
        return Recommendation(Config({"spread": 0.9}), False, (), nothing, 1.0, 1.0, "bold")

class Critic:
    def review(self, context, proposals):
        return [Review(p.name, True, (), "bold") for p in proposals]

@hookimpl
def rectune_register_agents(register):
    register("actor", "bold", Actor)
    register("critic", "bold", Critic)
"""
VARIED = {
    "stages": {
        "ranking": {
            "params": {"spread": {"production": 1.0, "low": 0.0, "high": 1.0}, "w_long": 1.0},
            "diversity": {"by": "topic", "penalty": "spread"},
        }
    },
    "guardrails": {"next_day_return": None, "topics_shown": ">= -1%"},
    "experiment": {"rounds": 1, "users_per_arm": 6_000},
    "confirm": {"users_per_arm": 2_000},
    "agents": {"actor": "bold", "critic": "bold"},
    "ramp": {"steps": [0.2, 0.5]},
    "freeze": {"sale": {"first": date(2026, 1, 7), "last": date(2026, 1, 8)}},
    "exclusion": {"layer": "feed", "share": [0.1, 0.9]},
    "limits": {"users_per_day": 18_000},
}


@pytest.fixture
def bold(rectune_project, tmp_path):
    """Runs a task in the bundled world, and resumes it while its backend fails: how often, and what it shows.
    Each run is the first of its store."""
    rectune_project.plugin(BOLD)

    def run(**simulator):
        task = rectune_project.task(**VARIED, simulator={"users": 60_000, **simulator})
        resumed, done = 0, rectune_project.run("run", task)
        while done.exit_code == 3 and resumed < 60:
            resumed, done = resumed + 1, rectune_project.run("resume", "last")
        assert done.exit_code == 0, done.stderr
        shown = json.loads(rectune_project.run("show", "last", "--json").stdout)
        shown.pop("task")  # its text names the faults
        (rectune_project.path / ".rectune").rename(tmp_path / f"resumed-{resumed}")
        return resumed, shown

    return run


@pytest.mark.slow
def test_harm_is_stopped_at_the_first_step_and_interruptions_change_nothing(bold):
    resumed, interrupted = bold(faults={"flaky": 0.3})
    _, whole = bold()
    assert resumed > 2
    assert interrupted == whole
    [round] = whole["rounds"]
    assert round["spec"]["start"].startswith("2026-01-09")  # four days do not fit before the freeze
    assert "topics_shown breaks its guardrail" in round["result"]["stopped"]["harm"]
    first = round["looks"][0]
    assert [a["kind"] for a in first["actions"]] == ["stop_arm", "set_exposure", "wait"]
    assigned = {arm["arm"]: arm["assigned"] for arm in first["observation"]["arms"]}
    assert all(1_000 < n < 1_400 for n in assigned.values())
    last = round["looks"][-1]["observation"]["arms"]
    assert all(5_700 < arm["assigned"] < 6_300 for arm in last)
    assert whole["verdict"]["decision"] in ("hold", "ship")
