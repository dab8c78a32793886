"""An Online agent cannot do what the rules forbid, nor teach what is not known yet."""

import dataclasses
from datetime import UTC, datetime

import pytest

from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.hooks.api import Arm, Config, Exposure, Finish, PluginError, SetExposure, StopArm


def asked(lab):
    """The names of the calls that the platform got."""
    return {call[0] for call in lab.calls()}


class Cheat:
    """An Online agent that asks for what it may not have."""

    def __init__(self, inner, change, actions=None):
        self.inner, self.change, self.actions = inner, change, actions

    def design(self, context, launch):
        return dataclasses.replace(self.inner.design(context, launch), **self.change)

    def step(self, context, state, observation):
        return self.actions or self.inner.step(context, state, observation)


FORBIDDEN = {
    "key": "another",
    "salt": "another",
    "start": datetime(2030, 1, 1, tzinfo=UTC),
    "purpose": "confirm",
    "fresh_of": (Exposure("x", 0.1),),
    "surface": "another",
    "holdout_share": 0.5,
    "users_per_arm": 10**6,
    "days": 100,
    "arms": (Arm("control", Config({"a": 1.0, "b": 1.0})),),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_no_agent_passes_the_gate_with_another_experiment(lab, name):
    cheat = Cheat(NumericOnline(), {name: FORBIDDEN[name]})
    with pytest.raises(PluginError, match="limits forbid"):
        lab(online=cheat)
    assert "create" not in asked(lab)


@pytest.mark.parametrize(
    "action",
    [
        SetExposure(7.0, "more"),
        SetExposure(-0.1, "less"),
        StopArm("control", "why not"),
        StopArm("nobody", "who"),
    ],
)
def test_no_agent_decides_what_cannot_be_done(lab, action):
    with pytest.raises(PluginError, match="cannot be done"):
        lab(online=Cheat(NumericOnline(), {}, (action,)))
    assert "expose" not in asked(lab)


def test_nothing_is_learnt_from_a_metric_that_is_not_mature(lab):
    class Hasty:
        """Ends every experiment on its first day."""

        design = NumericOnline().design

        def step(self, context, state, observation):
            return (Finish("in a hurry"),)

    view, _, _ = lab(online=Hasty())
    for round in view.rounds:
        assert all(lift is None for row in round.result.estimates.lift for lift in row)
        assert "not mature" in round.result.estimates.missing["gain"]
    assert view.verdict.decision == "keep production"
