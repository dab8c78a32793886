"""What agents say before anything was measured: no safety that nobody has seen, no loss of more than all."""

import re
from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.agents import words
from rectune_dsl.agents.belief import assumed, least_objective, risk_is_known
from rectune_dsl.agents.critic_numeric import NumericCritic
from rectune_dsl.agents.describing import described
from rectune_dsl.agents.hypotheses import outlook
from rectune_dsl.hooks.api import Config, Hypothesis, Prediction, Proposal
from rectune_dsl.report.words import predicted


@pytest.fixture
def arm(kit):
    return Config({**kit.task().production, "a_click": 1.4})


def said(context, config):
    proposal = Proposal("r1p1", config, Hypothesis("why", ()), "t")
    return outlook(context, config) + described(context, "launch", [proposal], "t").risk


def test_no_chance_is_told_of_what_nobody_knows(kit, arm):
    context = kit.context(kit.task())
    assert context.whatif is None
    assert not risk_is_known(context)
    told = said(context, arm)
    assert told.count("not known: nothing was measured yet") == 2
    assert not re.search(r"hold with|broken with", told)


def test_a_chance_is_told_once_an_experiment_can_be_trusted(kit, arm):
    task = kit.task()
    seen = kit.world(task).measure(1, [arm])
    assert "a guardrail is broken with" in said(kit.context(task, [seen]), arm)
    assert "All guardrails hold with" in said(kit.context(task, [seen]), arm)
    assert not risk_is_known(kit.context(task, [replace(seen, frozen="a share of users was lost")]))


def test_the_critic_says_that_a_chance_is_assumed_until_its_guardrails_were_measured(kit, arm):
    task = kit.task()
    proposal = Proposal("r1p1", arm, Hypothesis("why", ()), "t")

    def risk(context):
        (review,) = NumericCritic().review(context, [proposal])
        (check,) = (check for check in review.checks if check.name == "risk")
        assert check.detail in review.justification
        return check.detail

    assert re.search(
        r"hold with [^;]* % \(assumed, before any guardrail was measured\)", risk(kit.context(task))
    )
    seen = kit.world(task).measure(1, [arm])
    assert "assumed" not in risk(kit.context(task, [seen]))


def test_what_is_assumed_is_what_no_experiment_has_measured(kit, arm):
    task = kit.task()
    seen = kit.world(task).measure(1, [arm])
    assert assumed(task, ()) == "assumed, before any guardrail was measured"
    assert assumed(task, [seen]) == ""
    more = {**task.guardrails, "unseen": next(iter(task.guardrails.values()))}
    partly = assumed(task.model_copy(update={"guardrails": more}), [seen])
    assert partly == "assumed in part, before unseen was measured"


def test_without_guardrails_there_is_no_risk(kit, arm):
    context = kit.context(kit.task(guardrails={}))
    assert risk_is_known(context)
    assert "not known" not in said(context, arm)


def test_a_lift_is_never_below_all_that_there_is():
    wide = Prediction("watch", -0.2, -1.7, 1.3)
    assert words.lift(wide) == "watch -20.00 % [-100.00 %, +130.00 %]"
    assert predicted([wide]) == "watch -20.00 % [-100.00, +130.00]"
    assert words.lift(Prediction("U", -0.2, -1.7, 1.3), -np.inf) == "U -20.00 % [-170.00 %, +130.00 %]"


def test_u_can_lose_what_its_weights_allow(kit):
    task = kit.task()
    assert least_objective(task) == -sum(task.objective_weights.values())
    less = {"watch": task.metrics["watch"].model_copy(update={"goal": "minimize"})}
    assert least_objective(task.model_copy(update={"metrics": {**task.metrics, **less}})) == -np.inf
