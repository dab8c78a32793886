"""The agents that see slates: where they look, what they propose, recommend, refuse and learn."""

from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.agents.actor_bayes import BayesActor
from rectune_dsl.agents.actor_funnel import FunnelActor
from rectune_dsl.agents.critic_none import NoCritic
from rectune_dsl.agents.critic_numeric import NumericCritic
from rectune_dsl.agents.evidence import Evidence
from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.recommend import DOUBTED, SAFE
from rectune_dsl.agents.shown import shown
from rectune_dsl.agents.skill_numeric import NumericSkill
from rectune_dsl.agents.trust import LEAST_OVERLAPS, SlateRegion
from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import (
    Arm,
    Config,
    Hypothesis,
    Mechanic,
    Panel,
    Prediction,
    Proposal,
)
from rectune_dsl.surrogate import slates


def campaign(kit, feed, rounds):
    history = []
    for number in range(1, rounds + 1):
        known = kit.slated(feed, history)
        proposals = FunnelActor().propose(known)
        taken = {r.proposal for r in NumericCritic().review(known, proposals) if r.taken}
        arms = [p.config for p in proposals if p.name in taken]
        history.append(kit.measured(feed, arms, number))
    return history


@pytest.fixture(scope="module")
def three_rounds(kit, feed):
    return campaign(kit, feed, 3)


# --- where it looks ---


@pytest.mark.parametrize("learnt", [0, 2, 9])
def test_it_looks_where_users_still_see_much_of_what_they_saw(kit, feed, three_rounds, learnt):
    history = (three_rounds * 3)[:learnt]
    _, whatif = feed
    region = SlateRegion.trusted(kit.slated(feed, history), whatif)
    configs = region.configs(region.starts(np.random.default_rng(0), 300))
    assert len(configs) > 100
    assert (whatif.overlaps(configs) >= LEAST_OVERLAPS[min(learnt, 4)]).all()
    keys = whatif.slate_keys([*configs, Config(feed[0].production)])
    assert len(set(keys)) == len(keys)  # each shows something else, none what production does


def test_configs_with_the_same_ratios_of_weights_are_one(kit, feed):
    _, whatif = feed
    region = SlateRegion.trusted(kit.slated(feed), whatif)
    twice = [{"w_click": k, "w_like": 0.6 * k, "w_hate": 1.1 * k} for k in (1.0, 2.0, 4.0)]
    as_production = {"w_click": 2.0, "w_like": 1.0, "w_hate": 2.0}
    points = region.unit([Config(values) for values in (*twice, as_production)])
    assert len(region.configs(points)) == 1


def test_what_stages_keep_on_the_way_tells_configs_apart(kit, feed):
    """The first stage keeps more than the second ever shows: users see the same, and wait less for less."""
    heads = {"p": np.random.default_rng(1).random((20, 30)).astype(np.float32)}
    task = Task.model_validate(
        feed[0].model_dump(mode="json")
        | {
            "signals": {"p": {}},
            "stages": {
                "pre": {"keep": {"production": 20, "low": 10, "high": 25, "type": "int"}, "score": "p"},
                "rank": {
                    "keep": 5,
                    "score": "w * p",
                    "params": {"w": {"production": 1.0, "low": 0.5, "high": 2.0}},
                },
            },
        }
    )
    whatif = WhatIf(task, Panel({"pre": heads, "rank": heads}, {}, np.arange(600).reshape(20, 30)))
    known = kit.context(task, whatif=whatif)
    region = SlateRegion.trusted(known, whatif)
    rows = [{"pre.keep": keep, "w": w} for keep, w in ((10, 1.0), (10, 1.5), (12, 1.0), (20, 2.0))]
    found = region.configs(region.unit([Config(row) for row in rows]))
    assert [config["pre.keep"] for config in found] == [10, 12]


def test_the_step_limit_holds_for_it_too(kit, feed):
    task, whatif = feed
    strict = task.model_copy(update={"limits": task.limits.model_copy(update={"step": 0.1})})
    known = kit.context(strict, surrogate=slates.fit(strict, (), whatif), whatif=whatif)
    space = SlateRegion.trusted(known, whatif).space
    for proposal in FunnelActor().propose(known):
        assert np.abs(space.to_unit(proposal.config.values) - space.production).max() <= 0.1 + 1e-6


# --- what it proposes ---


def test_the_first_round_is_safe_by_what_heads_are_named(kit, feed):
    """Nothing was measured: the head named like the guarded metric tells what more of it would do."""
    known = kit.slated(feed)
    proposed = FunnelActor().propose(known)
    configs = [p.config for p in proposed]
    assert len(configs) == 8
    assert (known.surrogate.p_feasible(configs) >= 1 - known.task.experiment.risk).all()
    assert (feed[1].overlaps(configs) >= LEAST_OVERLAPS[0]).all()
    violated = [kit.truth(feed[1], c)["hate_rate"] > 0.10 for c in configs]
    assert sum(violated) <= 1
    assert all("of 8 items unchanged" in p.hypothesis.shows for p in proposed)
    assert all(f"It {p.hypothesis.shows}." in p.hypothesis.statement for p in proposed)


def test_without_a_panel_it_is_the_tuner_over_params(kit):
    task = kit.task()
    history = [kit.world(task).measure(1, [Config({**task.production, "a_click": 1.4})])]
    funnel = FunnelActor().propose(kit.context(task, history))
    bayes = BayesActor().propose(kit.context(task, history))
    assert [p.config for p in funnel] == [p.config for p in bayes]
    assert not any(p.hypothesis.shows for p in funnel)


def test_bayes_sees_params_only_though_there_is_a_panel(kit, feed):
    known = kit.slated(feed)
    blind = replace(known, whatif=None, rng=kit.slated(feed).rng)
    ours, others = BayesActor().propose(known), BayesActor().propose(blind)
    assert [p.config for p in ours] == [p.config for p in others]


def test_part_of_the_first_round_doubts_what_was_learnt_elsewhere(kit, feed):
    """A mechanic that is wrong: that clicks cost watch time. 40 % of the proposals are made without it."""
    wrong = Mechanic("watch", "slate p_click", "+1%", -0.01, -0.011, -0.009, ("e",), "")
    known = kit.slated(feed, mechanics=[wrong])
    proposed = FunnelActor().propose(known)
    changes = slates.relative_changes(feed[1], [p.config for p in proposed])
    clicks = changes[:, feed[1].names.index("mean:p_click")]
    hedged = np.array([p.hedge for p in proposed])
    assert hedged.sum() == 3
    assert clicks[~hedged].mean() < -0.05 < clicks[hedged].mean()  # the others act on it
    hedges = {p.name for p in proposed if p.hedge}
    for critic, least in ((NumericCritic(), 2), (NoCritic(), 1)):
        taken = {r.proposal for r in critic.review(known, proposed) if r.taken}
        assert least <= len(taken & hedges) <= 2 < len(taken)


def test_nothing_is_hedged_where_nothing_learnt_elsewhere_applies(kit, feed):
    elsewhere = Mechanic("watch", "slate p_follow", "+1%", 0.01, 0.009, 0.011, ("e",), "")
    about_params = replace(elsewhere, cause="w_like")
    known = kit.slated(feed, mechanics=[elsewhere, about_params])
    assert not any(p.hedge for p in FunnelActor().propose(known))


# --- what it recommends ---


def test_it_finds_what_is_good_and_safe(kit, feed, three_rounds):
    found = FunnelActor().recommend(kit.slated(feed, three_rounds))
    true = kit.truth(feed[1], found.config)
    assert not found.is_production
    assert true["hate_rate"] <= 0.10
    assert 0.3 * true["likes"] + true["watch"] > 0.015
    assert found.p_feasible >= SAFE
    assert "items unchanged" in found.why


def test_doubts_ask_for_more_safety(kit, feed, three_rounds):
    doubting = kit.slated(feed, three_rounds, doubts=("the mean of rank/p_hate went from 1 to 2",))
    found = FunnelActor().recommend(doubting)
    assert not found.is_production
    assert found.p_feasible >= DOUBTED
    assert "because the mean of rank/p_hate went from 1 to 2" in found.why


# --- what the Critic asks ---


def proposal(config, *predicted, name="r1p1"):
    return Proposal(name, config, Hypothesis("because", tuple(predicted)), "someone")


def checks(review):
    return {check.name: check for check in review.checks}


def test_a_hypothesis_against_the_mechanics_is_refused(kit, feed, three_rounds):
    known = kit.slated(feed, three_rounds)
    config = max(FunnelActor().propose(known), key=lambda p: kit.truth(feed[1], p.config)["likes"]).config
    lifts = {m: Prediction(m, sign, sign, sign) for m, sign in (("likes", 0.05), ("watch", 0.01))}
    agree, against = NumericCritic().review(
        known,
        [
            proposal(config, lifts["likes"]),
            proposal(config, replace(lifts["likes"], lift=-0.05, low=-0.06, high=-0.04), name="r1p2"),
        ],
    )
    assert checks(agree)["mechanics"].passed
    assert "likes" in checks(agree)["mechanics"].detail
    assert not checks(against)["mechanics"].passed
    assert "not -5.00 %" in checks(against)["mechanics"].detail
    assert not against.taken


def test_information_is_counted_in_bits(kit, feed, three_rounds):
    known = kit.slated(feed, three_rounds)
    config = FunnelActor().propose(known)[0].config
    (review,) = NumericCritic().review(known, [proposal(config)])
    error = np.hypot(0.3 * kit.errors["likes"], kit.errors["watch"])  # an arm's standard error of U
    sd = known.surrogate.objective([config])[1][0]
    bits = 0.5 * np.log2(1 + (sd / error) ** 2)
    assert f"{bits:.2f} bits of U" in checks(review)["information"].detail
    before = NumericCritic().review(kit.slated(feed), [proposal(config)])[0]
    assert "no arm was measured yet" in checks(before)["information"].detail


def test_all_numbers_are_in_the_justification(kit, feed, three_rounds):
    known = kit.slated(feed, three_rounds)
    reviews = NumericCritic().review(known, FunnelActor().propose(known))
    taken = [r for r in reviews if r.taken]
    assert taken
    for review in taken:
        for name in ("goal", "risk", "mechanics", "information", "failures", "diversity"):
            assert checks(review)[name].detail in review.justification


def test_without_a_critic_the_first_valid_ones_are_taken(kit, feed):
    known = kit.slated(feed)
    proposals = FunnelActor().propose(known)
    invalid = proposal(Config({"w_click": -1.0, "w_like": 1.0, "w_hate": 1.0}), name="r1p0")
    reviews = NoCritic().review(known, [invalid, *proposals])
    assert [r.proposal for r in reviews if r.taken] == [p.name for p in proposals[:4]]
    assert "w_click" in reviews[0].justification
    assert "the budget is 4 arms" in reviews[-1].justification


# --- what is learnt ---


def test_mechanics_of_slates_are_learnt_told_and_kept(kit, feed, three_rounds):
    known = kit.slated(feed, three_rounds)
    insight = NumericInsight().learn(known)
    found = {(m.metric, m.cause): m for m in insight.mechanics if m.cause.startswith("slate ")}
    hate = found["hate_rate", "slate p_hate"]
    assert hate.low < 0.007 < hate.high
    assert hate.unit == "+1%"
    assert hate.statement.startswith("+1% hate of the slate: hate_rate +0.")
    assert any("What slates do: " in note for note in insight.notes)
    assert all(not m.low <= 0 <= m.high for m in found.values())
    (revision,) = NumericSkill().evolve(known, insight)
    record = next(r for r in revision.records if r.mechanic == hate)
    assert set(record.supports) | set(record.contradicts) <= set(hate.evidence)
    assert len(record.supports) > len(record.contradicts)


def test_an_experiment_that_says_otherwise_contradicts_a_mechanic_of_slates(kit, feed, three_rounds):
    task, whatif = feed
    configs = [arm.config for arm in three_rounds[0].arms[1:]]
    turned = [{"hate_rate": -kit.truth(whatif, c)["hate_rate"]} for c in configs]
    arms = [Arm(f"r9p{i}", c) for i, c in enumerate(configs)]
    odd = kit.round_of(task, 9, arms, turned, kit.errors)
    mechanic = Mechanic(
        "hate_rate", "slate p_hate", "+1%", 0.007, 0.006, 0.008, (odd.key, three_rounds[0].key), ""
    )
    supports, contradicts = Evidence(kit.slated(feed, [*three_rounds, odd])).sides(mechanic)
    assert odd.key in contradicts
    assert three_rounds[0].key in supports


def test_a_feature_that_the_panel_no_longer_has_is_no_evidence(kit, feed, three_rounds):
    mechanic = Mechanic("watch", "slate p_gone", "+1%", 0.1, 0.05, 0.2, (three_rounds[0].key,), "")
    assert Evidence(kit.slated(feed, three_rounds)).sides(mechanic) == ((), ())
    assert Evidence(kit.context(feed[0], three_rounds)).sides(mechanic) == ((), ())


def test_rounds_of_failures_do_not_widen_where_it_looks(kit, feed, three_rounds):
    task, whatif = feed
    configs = [arm.config for arm in three_rounds[0].arms[1:]]
    arms = [Arm(f"r4p{i}", config) for i, config in enumerate(configs)]
    harmful = kit.round_of(task, 4, arms, [{"hate_rate": 0.5}] * len(arms), kit.errors)
    for history, learnt in (([harmful], 0), ([*three_rounds, harmful], 3)):
        region = SlateRegion.trusted(kit.slated(feed, history), whatif)
        assert region.least == LEAST_OVERLAPS[learnt]


def test_a_guardrail_without_a_margin_is_learnt_like_any_metric(kit, feed):
    task, whatif = feed
    strict = Task.model_validate(task.model_dump(mode="json") | {"guardrails": {"hate_rate": "<= 0%"}})
    known = kit.context(strict, surrogate=slates.fit(strict, (), whatif), whatif=whatif)
    assert np.isfinite(known.surrogate.p_feasible([p.config for p in FunnelActor().propose(known)])).all()


# --- words ---


def test_what_is_shown_in_words(feed):
    """Two items of which one is shown. Production shows the first; the other is liked twice as likely and
    hated half as likely."""
    task, _ = feed
    one = task.model_copy(update={"stages": {"rank": task.stages["rank"].model_copy(update={"keep": 1})}})
    row = {"p_click": [0.5, 0.1], "p_like": [0.1, 0.2], "p_hate": [0.04, 0.02]}
    heads = {name: np.array([values] * 3, np.float32) for name, values in row.items()}
    whatif = WhatIf(one, Panel({"rank": heads}, {}, np.arange(6).reshape(3, 2)))
    said = shown(whatif, Config({"w_click": 0.05, "w_like": 20.0, "w_hate": 1.0}))
    assert said.endswith("; 0.0 of 1 items unchanged")
    assert any(words in said for words in ("80 % less click", "100 % more like", "50 % less hate"))
    assert shown(whatif, Config(one.production)) == "shows about the same; 1.0 of 1 items unchanged"
