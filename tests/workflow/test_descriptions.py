"""People are told in words what they are asked about, by whoever is the Online agent."""

from pathlib import Path

import pytest

from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.hooks.api import PluginError

TASK = (Path(__file__).parent / "planted.toml").read_text() + '[approval]\nmode = "ask"\n'


class Silent:
    """An Online agent from before there were descriptions."""

    def __init__(self):
        self.design, self.step = NumericOnline().design, NumericOnline().step


class Odd(NumericOnline):
    def describe(self, context, asked_for, proposals):
        return f"Please {asked_for} it."


def test_each_question_has_a_description_of_its_arms(lab):
    _, _, approver = lab(TASK)
    told = {request.step: (request.what, request.description) for request in approver.asked}
    assert [what for what, _ in told.values()] == ["launch", "launch", "confirm", "ship"]
    for request in approver.asked:
        assert request.description.author == "numeric"
        for arm in request.arms:
            assert f"{arm.name}: gain " in request.description.expected
            known = request.step != "round-1/approve"  # there is no panel, so before it nothing was measured
            said = "a guardrail is broken with" if known else "the risk to guardrails is not known"
            assert f"{arm.name}: {said}" in request.description.risk
            assert (arm.risk is not None) == known
    assert "takes the delivery back" in told["verdict"][1].rollback


def test_an_agent_without_words_is_an_agent_too(lab):
    _, _, approver = lab(TASK, online=Silent())
    assert [request.description for request in approver.asked] == [None] * 4


def test_a_description_that_is_none_is_told(lab):
    with pytest.raises(PluginError, match="made str instead of ChangeDescription"):
        lab(TASK, online=Odd())


def test_nobody_is_told_where_nobody_is_asked(lab):
    view, _, approver = lab(TASK.replace('"ask"', '"auto"'), online=Odd())
    assert approver.asked == []
    assert view.state == "ship"
