"""Experiments run by numbers; a model only says what they are about."""

from datetime import UTC, datetime

import pytest

from rectune_dsl.agents.describing import NAMED, described
from rectune_dsl.agents.llm.online import LLMOnline
from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.hooks.api import (
    Arm,
    Config,
    Describer,
    Hypothesis,
    Launch,
    OnlineAgent,
    Prediction,
    Proposal,
)

WORDS = {
    "for_users": "People see more of what they like.",
    "expected": "Watching should rise a little.",
    "risk": "People may come back less.",
    "rollback": "Abort the run.",
}


@pytest.fixture
def proposals(kit):
    config = Config({**kit.task().production, "a_click": 1.4})
    told = Hypothesis("More clicks.", (Prediction("watch", 0.012, 0.002, 0.022),), "shows 3 % more click")
    return [Proposal("r1p1", config, told, "t")]


@pytest.fixture
def describe(kit, proposals):
    def make(llm, agent=None, asked_for="launch"):
        return (agent or LLMOnline()).describe(kit.context(kit.task(), llm=llm), asked_for, proposals)

    return make


def test_numbers_alone_describe_a_change(describe):
    told = describe(None, NumericOnline())
    assert told.for_users == "r1p1 shows 3 % more click."
    assert told.expected == "r1p1: watch +1.20 % [+0.20 %, +2.20 %]."
    assert "not known: nothing was measured yet" in told.risk
    assert "`rectune abort`" in told.rollback
    assert told.author == "numeric"


def test_shipping_is_taken_back_in_another_way(describe):
    assert "takes the delivery back" in describe(None, NumericOnline(), "ship").rollback


def test_many_arms_are_counted(kit, proposals):
    told = described(kit.context(kit.task()), "launch", proposals * (NAMED + 3), "t")
    assert told.expected.endswith("; 3 more arms.")


def test_without_a_panel_params_are_named(kit, proposals):
    bare = [Proposal("r1p1", proposals[0].config, Hypothesis("", ()), "t")]
    told = described(kit.context(kit.task()), "launch", bare, "t")
    assert "raises a_click from 1 to 1.4" in told.for_users
    assert told.expected == "r1p1: nothing was predicted."


def test_of_many_params_those_that_move_most_are_named(kit):
    params = {f"w_{i}": {"production": 1.0, "low": 0.0, "high": 2.0} for i in range(9)}
    task = kit.task(params)
    config = Config({name: 1.0 + 0.1 * i for i, name in enumerate(params)})
    told = described(kit.context(task), "launch", [Proposal("r1p1", config, Hypothesis("", ()), "t")], "t")
    assert told.for_users.startswith("r1p1 raises w_8 from 1 to 1.8 (x1.8), raises w_7")
    assert "changes 3 more params" in told.for_users


def test_a_model_says_it_in_its_words_and_talks_no_risk_away(describe, models):
    numeric = describe(None, NumericOnline())
    told = describe(models.scripted(WORDS))
    assert told.for_users == WORDS["for_users"]
    assert told.expected == WORDS["expected"]
    assert told.risk == f"{WORDS['risk']} {numeric.risk}"
    assert told.rollback == f"{WORDS['rollback']} {numeric.rollback}"
    assert told.author == "llm"


def test_a_part_with_foreign_numbers_is_the_numeric_one(describe, models):
    numeric = describe(None, NumericOnline())
    wrong = {"expected": "Watching rises by 50 %.", "risk": "A risk of 7 in 1000."}
    told = describe(models.scripted({**WORDS, **wrong}))
    assert (told.expected, told.risk) == (numeric.expected, numeric.risk)
    assert told.for_users == WORDS["for_users"]
    right = models.scripted({**WORDS, "expected": "Watching rises by 1.2 %."})
    assert describe(right).expected == "Watching rises by 1.2 %."


def test_words_are_capped_and_clean(describe, models):
    told = describe(models.scripted(dict.fromkeys(WORDS, "\x1b[2Jlong \u202e" * 500)))
    assert len(told.for_users) <= 400
    assert told.for_users.isprintable()


def test_without_a_usable_answer_it_is_the_numeric_description(describe, models):
    numeric = describe(None, NumericOnline())
    for answer, why in ((models.no_answer("blocked"), "blocked"), ("junk", "no usable answer")):
        told = describe(models.scripted(answer))
        assert told.author == f"llm (fell back to numeric: {why})"
        assert (told.for_users, told.risk) == (numeric.for_users, numeric.risk)


def test_it_designs_as_the_numeric_agent_does_and_asks_nobody(kit, models, proposals):
    llm = models.scripted("no")
    start, arms = datetime(2026, 1, 5, tzinfo=UTC), (Arm("r1p1", proposals[0].config),)
    launch = Launch("k", "s", start, arms, "explore", ())
    context = kit.context(kit.task(), llm=llm)
    assert LLMOnline().design(context, launch) == NumericOnline().design(context, launch)
    assert llm.questions == []


def test_both_can_describe():
    assert isinstance(LLMOnline(), Describer)
    agent: OnlineAgent = NumericOnline()
    assert isinstance(agent, Describer)
