"""What records predict before an experiment, and what knowledge makes of a first round."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.agents.actor_funnel import FunnelActor
from rectune_dsl.agents.forecasts import _Linear, forecasts
from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.skill_numeric import NumericSkill
from rectune_dsl.agents.trust import looked_at
from rectune_dsl.hooks.api import Arm, Config, KnowledgeRecord, Mechanic, Scope, Skill, TightBounds
from rectune_dsl.skillhub.gate import score
from rectune_dsl.surrogate import slates
from rectune_dsl.surrogate.cautious import CautiousSurrogate
from rectune_dsl.surrogate.told import Told, told_by


@pytest.fixture(scope="module")
def records(kit, feed, history):
    context = kit.slated(feed, history)
    (revision,) = NumericSkill().evolve(context, NumericInsight().learn(context))
    return revision.records


def of_kind(records, kind):
    wanted = {
        "slopes": lambda r: any(response.causes for response in r.responses),
        "sizes": lambda r: r.responses and not any(response.causes for response in r.responses),
        "mechanic": lambda r: r.mechanic is not None,
        "bounds": lambda r: r.bounds is not None,
    }[kind]
    return [record for record in records if wanted(record)]


def flipped(record):
    turned = [replace(r, mean=tuple(-x for x in r.mean)) for r in record.responses]
    return replace(record, responses=tuple(turned))


def arms_of(feed, *moves):
    task, _ = feed
    return [Arm(f"new{i}", Config({**task.production, **move})) for i, move in enumerate(moves)]


# --- forecasts ---


@given(st.integers(0, 2**32 - 1))
def test_without_a_cause_is_the_same_model_told_that_its_slope_is_0(seed):
    """By an oracle: conditioning on a measurement of the slope, 0, with next to no error."""
    rng = np.random.default_rng(seed)
    size, cause = 4, (rng.random(4) < 0.5).astype(float)
    root = rng.normal(size=(size, size))
    model = _Linear(
        rng.normal(size=(3, size)), rng.normal(size=size), root @ root.T + 0.1 * np.eye(size), 0.1
    )
    found = model.without(cause)
    gain = (
        model.covariance @ cause / (cause @ model.covariance @ cause + 1e-9)
        if cause.any()
        else np.zeros(size)
    )
    assert found.mean == pytest.approx(model.mean - gain * (cause @ model.mean), abs=1e-5)
    assert found.covariance == pytest.approx(
        model.covariance - np.outer(gain, cause @ model.covariance), abs=1e-5
    )


def test_what_is_right_is_scored_for_and_its_opposite_against(kit, feed, history, records):
    (slopes,) = of_kind(records, "slopes")
    result = kit.measured(feed, [Config({"w_click": 1.0, "w_like": w, "w_hate": 2.0}) for w in (2.0, 4.0)], 9)
    arms = result.arms[1:]

    def gained(record):
        return score(forecasts(kit.slated(feed), arms, (), [record]), result).gained

    assert gained(slopes) > 0 > gained(flipped(slopes))


def test_sizes_are_set_against_no_sizes_and_slopes_against_the_same_sizes(kit, feed, records):
    (slopes,), (sizes,) = of_kind(records, "slopes"), of_kind(records, "sizes")
    arms = arms_of(feed, {"w_like": 3.0})
    of_slopes = forecasts(kit.slated(feed), arms, (), [slopes])
    of_sizes = forecasts(kit.slated(feed), arms, (), [sizes])
    assert {f.metric for f in of_slopes} == {f.metric for f in of_sizes} == {"likes", "watch", "hate_rate"}
    for one, other in zip(of_slopes, of_sizes, strict=True):
        assert one.other_doubt == pytest.approx(np.array(other.doubt))  # both know sizes alone
        assert other.expected == pytest.approx(other.otherwise)  # sizes say nothing of directions


def test_no_experiment_of_this_campaign_has_a_part_in_what_is_known_elsewhere(kit, feed, history, records):
    (slopes,) = of_kind(records, "slopes")
    arms = arms_of(feed, {"w_like": 3.0})
    before = forecasts(kit.slated(feed), arms, (), [slopes])
    assert forecasts(kit.slated(feed, history), arms, (), [slopes]) == before


def test_a_mechanic_is_forecast_where_its_cause_moves_only(kit, feed, history):
    about = Mechanic("watch", "w_like", "", 0.01, 0.0, 0.02, (), "")
    record = KnowledgeRecord("m", "", Scope(), "candidate", about, (), (), "a test")
    context = kit.slated(feed, history)
    assert forecasts(context, arms_of(feed, {"w_hate": 2.0}), [record], ()) == ()
    (found,) = forecasts(context, arms_of(feed, {"w_like": 2.0}, {"w_hate": 2.0}), [record], ())
    assert found.expected[0] != found.otherwise[0]
    strange = replace(record, mechanic=replace(about, cause="w_gone"))
    assert forecasts(context, arms_of(feed, {"w_like": 2.0}), [strange], ()) == ()


def test_bounds_are_set_against_all_that_may_be_looked_at(kit, feed, history):
    bounds = TightBounds("w_like", 1.0, 20.0)
    record = KnowledgeRecord("b", "", Scope(), "candidate", None, (), (), "a test", bounds=bounds)
    context = kit.slated(feed, history)
    (found,) = forecasts(context, arms_of(feed, {"w_like": 3.0}, {"w_like": 0.2}), [record], ())
    inside, outside = found.expected
    assert inside < found.otherwise[0] < outside  # more weight on likes shows fewer clicks to watch
    assert found.otherwise[0] == found.otherwise[1]


# --- what knowledge makes of a first round ---


def skilled(kit, feed, records):
    task, whatif = feed
    active = tuple(replace(record, status="active") for record in records)
    surrogate = slates.fit_cautiously(task, (), whatif, told_by(active, whatif.names))
    skill = Skill("fusion", "", "", "", "", "", "", "", knowledge=active)
    return (
        kit.slated(feed, skill=skill)
        if not active
        else replace(kit.slated(feed), surrogate=surrogate, knowledge=active, skill=skill)
    )


def test_what_was_told_makes_nothing_safe_before_the_first_round(kit, feed, records):
    task, whatif = feed
    told = told_by([*of_kind(records, "slopes"), *of_kind(records, "sizes")], whatif.names)
    careful = slates.fit_cautiously(task, (), whatif, told)
    assert isinstance(careful, CautiousSurrogate)
    rng = np.random.default_rng(0)
    region = looked_at(kit.slated(feed))
    configs = region.configs(region.starts(rng, 60))
    alone = slates.fit(task, (), whatif, Told(sizes=told.sizes)).p_feasible(configs)
    believing = slates.fit(task, (), whatif, told)
    assert careful.p_feasible(configs) == pytest.approx(np.minimum(alone, believing.p_feasible(configs)))
    assert careful.objective(configs)[0] == pytest.approx(believing.objective(configs)[0])


def test_after_a_round_that_taught_something_it_is_a_surrogate_like_any_other(feed, history, records):
    task, whatif = feed
    told = told_by(of_kind(records, "slopes"), whatif.names)
    assert not isinstance(slates.fit_cautiously(task, history, whatif, told), CautiousSurrogate)
    frozen = [replace(history[0], frozen="unequal")]
    assert isinstance(slates.fit_cautiously(task, frozen, whatif, told), CautiousSurrogate)


@pytest.mark.slow
def test_a_first_round_with_knowledge_gains_more_and_a_flipped_one_is_as_safe(kit, feed, records):
    """By the truth of the arms that an Actor proposes."""
    _, whatif = feed

    def proposed(known):
        context = skilled(kit, feed, known)
        return [kit.truth(whatif, p.config) for p in FunnelActor().propose(context) if not p.hedge]

    known = [*of_kind(records, "slopes"), *of_kind(records, "sizes")]
    bad = [*map(flipped, of_kind(records, "slopes")), *of_kind(records, "sizes")]

    def u(lifts):
        return np.mean([0.3 * lift["likes"] + lift["watch"] for lift in lifts])

    assert u(proposed(known)) > u(proposed(()))
    assert u(proposed(known)) > u(proposed(bad))
    assert max(lift["hate_rate"] for lift in proposed(bad)) <= 0.10
