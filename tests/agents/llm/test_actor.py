"""A model proposes; only what is in bounds, allowed, new and safe enough is left of it."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rectune_dsl.agents.actor_funnel import FunnelActor
from rectune_dsl.agents.belief import predictions
from rectune_dsl.agents.critic_none import NoCritic
from rectune_dsl.agents.llm.actor import HybridActor, LLMActor
from rectune_dsl.agents.llm.ideas import MOST_IDEAS, schema_of
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, Panel

GOOD = {"a_click": 1.2, "w_like": 2.0, "w_hate": 5.0, "a_long": 0.7}
OTHER = {"a_click": 1.0, "w_like": 3.0, "w_hate": 4.0, "a_long": 0.7}
THIRD = {"a_click": 0.8, "w_like": 2.0, "w_hate": 5.0, "a_long": 0.8}


def idea(config, hypothesis="More clicks, more watching.", **lifts):
    return {
        "config": config,
        "hypothesis": hypothesis,
        "lifts_percent": {"watch": 1.5, "returns": -0.1} | lifts,
    }


def ideas(*configs):
    return {"proposals": [idea(config) for config in configs]}


@pytest.fixture
def asked(kit):
    """`asked(llm, ...)`: a context in which a model is asked."""

    def make(llm, history=(), **fields):
        return kit.context(fields.pop("task", None) or kit.task(arms=2), history, llm=llm, **fields)

    return make


def authors(proposals):
    return [proposal.author for proposal in proposals]


def test_what_a_model_proposes_is_proposed(kit, asked, models):
    llm = models.scripted(ideas(GOOD, OTHER, THIRD, {**GOOD, "a_click": 0.7, "w_like": 6.0}))
    found = LLMActor().propose(asked(llm))
    assert authors(found) == ["llm"] * 4
    assert [p.name for p in found] == ["r1p1", "r1p2", "r1p3", "r1p4"]
    assert [dict(p.config.values) for p in found[:3]] == [GOOD, OTHER, THIRD]
    told = {p.metric: p for p in found[0].hypothesis.predictions}
    assert told["watch"].lift == pytest.approx(0.015)
    believed = {p.metric: p for p in predictions(kit.task(arms=2), asked(None).surrogate, found[0].config)}
    assert (told["returns"].low, told["returns"].high) == (believed["returns"].low, believed["returns"].high)
    assert found[0].hypothesis.statement.startswith("More clicks, more watching. By the surrogate: U ")


def test_a_lift_that_the_surrogate_does_not_expect_widens_its_interval(asked, models):
    llm = models.scripted({"proposals": [idea(GOOD, watch=49.0)]})
    (told,) = [p for p in LLMActor().propose(asked(llm))[0].hypothesis.predictions if p.metric == "watch"]
    assert told.low < 0.0
    assert told.lift == told.high == pytest.approx(0.49)


def test_the_schema_has_a_named_bounded_property_per_param_and_metric(kit):
    task = kit.task()
    proposal = schema_of(task, 3)["properties"]["proposals"]
    assert proposal["maxItems"] == 3
    config = proposal["items"]["properties"]["config"]
    assert config["properties"] == {
        name: {"type": "number", "minimum": param.low, "maximum": param.high}
        for name, param in task.params.items()
    }
    assert config["required"] == list(task.params)
    assert list(proposal["items"]["properties"]["lifts_percent"]["properties"]) == ["watch", "returns"]


def test_whole_numbers_are_asked_for_as_such(kit):
    task = kit.task({"a": {"production": 3, "low": 1, "high": 9, "type": "int"}})
    config = schema_of(task, 1)["properties"]["proposals"]["items"]["properties"]["config"]
    assert config["properties"]["a"]["type"] == "integer"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({**GOOD, "a_click": 9.0}, "lies outside [0.2, 3]"),
        ({**GOOD, "a_clik": 1.0}, "a_clik is no param of the task"),
        ({"a_click": 1.2}, "w_like has no value"),
        ({"a_click": 1.0, "w_like": 2.0, "w_hate": 5.0, "a_long": 0.6}, "the same as production"),
        ({**GOOD, "a_click": 2.0, "a_long": 2.5}, "constraint `strength` does not hold"),
        ({**GOOD, "a_click": 2.9}, "is allowed"),
    ],
)
def test_what_may_not_be_tested_is_sent_back_with_the_reason(kit, asked, models, bad, why):
    llm = models.scripted(ideas(bad), ideas(GOOD))
    task = kit.task(arms=2, constraints={"strength": "a_click + a_long <= 4"}, step=0.4)
    found = LLMActor().propose(asked(llm, task=task))
    assert [p.author for p in found if p.author == "llm"] == ["llm"]
    assert why in llm.questions[1][0][-1]


def test_valid_ones_are_kept_and_the_rest_is_filled_up(asked, models):
    llm = models.scripted(ideas(GOOD, {**GOOD, "a_click": 99.0}, GOOD, {**GOOD, "w_like": 2.01}))
    found = LLMActor().propose(asked(llm))
    assert len(llm.questions) == 1
    assert authors(found) == ["llm", *["funnel (fills up llm)"] * 3]
    assert len({p.name for p in found}) == len(found)


def test_what_is_too_risky_is_not_proposed(kit, models, asked):
    task = kit.task(arms=2)
    history = models.rounds(kit.world(task), 5, radius=0.6)
    context = asked(None, history, task=task)
    risky = {**task.production, "a_long": 3.0, "w_like": 50.0}
    assert context.surrogate.p_feasible([Config(risky)])[0] < 0.5
    llm = models.scripted(ideas(risky))
    found = LLMActor().propose(asked(llm, history, task=task))
    assert set(authors(found)) == {"llm (fell back to funnel: no usable answer)"}
    assert "all guardrails hold with" in llm.questions[1][0][-1]


def test_without_a_usable_answer_it_is_the_numeric_actor_and_says_so(asked, unusable):
    llm, why = unusable
    numeric = FunnelActor().propose(asked(None))
    for actor in (LLMActor(), HybridActor()):
        found = actor.propose(asked(llm))
        assert [p.config for p in found] == [p.config for p in numeric]
        assert set(authors(found)) == {f"{actor.name} (fell back to funnel: {why})"}


def test_without_a_model_too(asked):
    assert set(authors(LLMActor().propose(asked(None)))) == {"llm (fell back to funnel: no model to ask)"}


def test_hybrid_pools_both(asked, models):
    llm = models.scripted(ideas(GOOD, OTHER, THIRD))
    found = HybridActor().propose(asked(llm))
    assert authors(found)[:4] == ["hybrid: llm", "hybrid: funnel"] * 2
    assert authors(found).count("hybrid: llm") == 2  # half of the places
    assert len({p.name for p in found}) == len(found) > 4


def test_recommending_asks_nobody(kit, asked, models):
    task, llm = kit.task(arms=2), models.scripted("no")
    history = models.rounds(kit.world(task), 3)
    numeric = FunnelActor().recommend(asked(None, history, task=task))
    for actor in (LLMActor(), HybridActor()):
        assert actor.recommend(asked(llm, history, task=task)) == numeric
    assert llm.questions == []


def test_the_question_tells_what_is_known(kit, asked, models):
    task = kit.task(arms=2)
    llm = models.scripted(ideas(GOOD))
    LLMActor().propose(asked(llm, models.rounds(kit.world(task), 3), task=task))
    for part in (
        '"rounds left": 3',
        '"param": "w_like", "production": 2.0, "low": 0.1, "high": 50.0, "scale": "log"',
        '"guardrail": ">= -1%"',
        "## best arms so far",
        '"measured": {"watch": "',
        '"all guardrails hold with"',
        "## what this task's experiments showed",
        '"wanted": "4 proposals"',
    ):
        assert part in llm.told


def test_many_arms_ask_for_no_endless_answer(kit, asked, models):
    llm = models.scripted(ideas(GOOD))
    LLMActor().propose(asked(llm, task=kit.task(arms=8)))
    assert llm.questions[0][1]["properties"]["proposals"]["maxItems"] == MOST_IDEAS


ANYTHING = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6)
CONFIG = st.dictionaries(st.sampled_from([*GOOD, "stranger", "__class__"]), ANYTHING, max_size=6)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=st.lists(CONFIG | st.just(GOOD), max_size=5),
    text=st.text(max_size=2000),
    lift=ANYTHING,
)
def test_whatever_a_model_says_nothing_out_of_bounds_is_taken(asked, models, answer, text, lift):
    """Also where no Critic reads it."""
    said = json.dumps({"proposals": [idea(config, text, watch=lift) for config in answer]})
    context = asked(models.scripted(said))
    found = LLMActor().propose(context)
    reviews = NoCritic().review(context, found)
    space = Space(context.task)
    taken = [p for p, review in zip(found, reviews, strict=True) if review.taken]
    assert taken
    assert all(space.feasible(p.config.values) for p in found)
    for proposal in found:
        assert proposal.hypothesis.statement.isprintable()
        assert len(proposal.hypothesis.statement) < 1200
        assert all(abs(p.lift) <= 0.5 for p in proposal.hypothesis.predictions if proposal.author == "llm")


# --- with a panel ---


@pytest.fixture
def paneled(kit):
    """A task whose slates depend on the ratio of two weights alone, and a panel of it."""
    params = {name: {"production": 1.0, "low": 0.2, "high": 3.0} for name in ("w_a", "w_b")}
    base = kit.task(params, guardrails={}, arms=2).model_dump(mode="json", exclude_none=True)
    base["signals"] = {"a": {}, "b": {}}
    base["stages"]["rank"]["score"] = "w_a * a + w_b * b"
    rng = np.random.default_rng(0)
    heads = {name: rng.random((200, 30)).astype(np.float32) for name in ("a", "b")}
    panel = Panel({"rank": heads}, {}, np.arange(200 * 30).reshape(200, 30))
    return type(kit.task()).model_validate(base), panel


def test_what_shows_the_same_slates_is_one_idea(asked, models, paneled):
    task, panel = paneled
    same = [{"w_a": 1.2, "w_b": 0.8}, {"w_a": 1.5, "w_b": 1.0}, {"w_a": 2.0, "w_b": 2.0}]
    found = LLMActor().propose(asked(models.scripted(ideas(*same)), task=task, panel=panel))
    own = [p for p in found if p.author == "llm"]
    assert [dict(p.config.values) for p in own] == same[:1]  # the last one shows what production does
    assert "items unchanged" in own[0].hypothesis.shows
