from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rectune_dsl.agents.elite import elite, farthest, pareto_front
from rectune_dsl.agents.evidence import Evidence, ParamWitness
from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.sensitivity import effects, slopes
from rectune_dsl.agents.skill_numeric import MOST, NumericSkill, _surest, record_id
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Arm, Config, KnowledgeRecord, Mechanic, Scope, Skill
from rectune_dsl.surrogate.gp import Observations

ERRORS = {"watch": 0.01, "returns": 0.002}
SLOPES = np.array([0.2, -0.1, 0.0, 0.15])
"""Of watch, per full range of each param."""


def linear_rounds(kit, task, seed, rounds=5, arms=5, bend=0.0):
    """Rounds of a linear world, optionally bent."""
    space, rng = Space(task), np.random.default_rng(seed)
    history = []
    for number in range(1, rounds + 1):
        points = space.sample(rng, arms, radius=0.4)
        named = [Arm(f"r{number}a{i}", Config(space.from_unit(p))) for i, p in enumerate(points)]
        offsets = points - space.production
        watch = offsets @ SLOPES + bend * (offsets**2).sum(1)
        history.append(kit.round_of(task, number, named, [{"watch": float(w)} for w in watch], ERRORS, rng))
    return history


def test_the_regression_is_the_brute_force_average_over_its_grid():
    """Against the primal normal equations, one grid point at a time."""
    rng = np.random.default_rng(2)
    offsets, root = rng.normal(size=(9, 3)), rng.normal(size=(9, 9)) * 0.1
    noise = root @ root.T + 0.01 * np.eye(9)
    y = offsets @ np.array([1.0, -0.5, 0.0]) + rng.multivariate_normal(np.zeros(9), noise)
    size, reach = np.sqrt(np.mean(y**2)), np.sqrt((offsets**2).sum(1).mean())
    logs, means, covariances = [], [], []
    for tau in (0.1, 0.3, 0.6, 1.0, 1.7, 3.0):
        for spare in (0.01, 0.1, 0.2, 0.4, 0.7):
            precision = np.linalg.inv(noise + (spare * size) ** 2 * np.eye(9))
            covariance = np.linalg.inv(
                offsets.T @ precision @ offsets + np.eye(3) / (tau * size / reach) ** 2
            )
            means.append(covariance @ offsets.T @ precision @ y)
            covariances.append(covariance)
            total = np.linalg.inv(precision) + (tau * size / reach) ** 2 * offsets @ offsets.T
            logs.append(-0.5 * y @ np.linalg.solve(total, y) - 0.5 * np.linalg.slogdet(total)[1])
    weight = np.exp(np.array(logs) - max(logs))
    weight /= weight.sum()
    mean = weight @ np.array(means)
    apart = np.array(means) - mean
    together = sum(w * (c + np.outer(d, d)) for w, c, d in zip(weight, covariances, apart, strict=True))
    found = slopes(offsets, Observations(offsets, y, noise))
    assert found.mean == pytest.approx(mean, rel=1e-6)
    assert found.covariance == pytest.approx(together, rel=1e-5, abs=1e-12)


def test_planted_sensitivities_are_found_with_sign_and_coverage(kit):
    task = kit.task()
    covered, signs, false = [], [], []
    for seed in range(30):
        for effect, slope in zip(effects(task, linear_rounds(kit, task, seed), "watch"), SLOPES, strict=True):
            covered.append(effect.low <= slope / 10 <= effect.high)
            if slope:
                signs.append(np.sign(effect.effect) == np.sign(slope))
            else:
                false.append(effect.known)
    assert np.mean(covered) >= 0.83  # 120 intervals at 90 %, of dependent arms
    assert np.mean(signs) >= 0.97
    assert np.mean(false) <= 0.25


def test_intervals_widen_where_the_world_is_not_linear(kit):
    task = kit.task()

    def width(bend):
        return np.mean(
            [e.high - e.low for e in effects(task, linear_rounds(kit, task, 1, bend=bend), "watch")]
        )

    assert width(1.0) > 1.5 * width(0.0)


def test_mechanics_say_the_numbers_and_the_unit(kit):
    task = kit.task()
    history = linear_rounds(kit, task, 3)
    insight = NumericInsight().learn(kit.context(task, history))
    assert len(insight.mechanics) == 2 * 4
    by = {(m.metric, m.cause): m for m in insight.mechanics}
    found = by["watch", "a_click"]
    assert found.low <= found.effect <= found.high
    assert found.low > 0
    assert found.unit == "+0.28 (+10 % of its range)"
    assert found.evidence == tuple(result.key for result in history)
    assert f"{found.effect * 100:+.2f} %" in found.statement
    assert f"[{found.low * 100:+.2f} %, {found.high * 100:+.2f} %]" in found.statement
    moved = [abs(a.config["a_click"] - 1.0) / 2.8 >= 0.02 for r in history for a in r.arms]
    assert f"({sum(moved)} arms)" in found.statement
    assert by["watch", "w_like"].unit == "x1.86 (+10 % of its log range)"  # 500 ** .1
    unclear = [m for m in insight.mechanics if m.low <= 0 <= m.high]
    assert unclear
    assert all("not known yet" in m.statement for m in unclear)


def test_notes_tell_the_best_from_the_worst_and_what_is_unknown(kit):
    task = kit.task()
    space = Space(task)
    history = []
    for number in (1, 2):
        points = [{"a_click": 0.3}, {"a_click": 0.5}, {"a_click": 1.6}, {"a_click": 1.9}]
        arms = [Arm(f"r{number}a{i}", Config({**task.production, **p})) for i, p in enumerate(points)]
        watch = [float((space.to_unit(a.config.values) - space.production)[0] * 0.3) for a in arms]
        history.append(kit.round_of(task, number, arms, [{"watch": w} for w in watch], ERRORS))
    insight = NumericInsight().learn(kit.context(task, history))
    assert any("differ from the worst" in n and "more a_click" in n for n in insight.notes)
    unknown = next(n for n in insight.notes if n.startswith("Nothing is known about"))
    assert "w_like, w_hate and a_long: no arm moved them" in unknown
    assert {m.cause for m in insight.mechanics} == {"a_click"}


def test_without_rounds_it_says_that_nothing_is_known(kit):
    insight = NumericInsight().learn(kit.context(kit.task()))
    assert insight.elite == ()
    assert insight.mechanics == ()
    assert any("Nothing is known about a_click, w_like, w_hate and a_long" in n for n in insight.notes)


def test_a_param_that_arms_moved_unmeasured_is_not_called_unmoved(kit):
    task = kit.task()
    arm = Arm("r1a1", Config({**task.production, "a_click": 0.5}))
    unmeasured = replace(
        kit.round_of(task, 1, [arm], [{"watch": 0.0}], ERRORS), frozen="sample-ratio mismatch"
    )
    notes = NumericInsight().learn(kit.context(task, [unmeasured])).notes
    assert any("about w_like, w_hate and a_long: no arm moved them" in n for n in notes)
    assert any("Nothing is known about a_click: arms moved it too little, or nothing" in n for n in notes)


def test_frozen_rounds_are_named_and_teach_nothing(kit):
    task = kit.task()
    arm = Arm("r1p1", Config({**task.production, "a_click": 1.2}))
    frozen = kit.round_of(task, 1, [arm], [{"watch": 0.5}], ERRORS, frozen="sample-ratio mismatch")
    insight = NumericInsight().learn(kit.context(task, [frozen]))
    assert insight.elite == ()
    assert insight.mechanics == ()
    assert insight.notes[0] == "Nothing was learnt from round-1/experiment: sample-ratio mismatch"


# --- the elite set ---


@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.integers(0, 4)))
def test_the_front_is_what_nothing_dominates(values):
    def dominated(row):
        return any((other >= row).all() and (other > row).any() for other in values)

    assert pareto_front(values).tolist() == [not dominated(row) for row in values]


def test_farthest_spreads_over_standardised_columns():
    values = np.array([[0.0, 0.0], [10.0, 0.001], [10.1, 0.0], [5.0, 0.002]])
    chosen = farthest(values, 3)
    assert len(set(chosen)) == 3
    assert set(chosen) >= {0, 3}  # the first column's unit does not drown the second
    assert farthest(values, 9).__len__() == 4


def test_the_elite_is_pareto_and_bounded(kit):
    task = kit.task()
    history = linear_rounds(kit, task, 5, rounds=8)
    found = elite(task, history, size=4)
    assert len(found) <= 4
    lifts = [dict(zip(r.estimates.metrics, row, strict=True)) for r in history for row in r.estimates.lift]
    for arm in found:
        better = [o for o in lifts if all(o[m] > arm.lifts[m] for m in ("watch", "returns"))]
        assert better == []
    assert max(a["watch"] for a in lifts) in [arm.lifts["watch"] for arm in elite(task, history, size=99)]


def test_stopped_arms_are_no_elite(kit):
    task = kit.task()
    arms = [Arm(f"a{i}", Config({**task.production, "a_click": 1.1 + i / 10})) for i in range(2)]
    truths = [{"watch": 0.5}, {"watch": 0.1}]
    result = kit.round_of(task, 1, arms, truths, ERRORS, stopped={"a0": "harm"})
    assert [arm.arm for arm in elite(task, [result])] == ["a1"]


# --- the Skill agent ---


def evolved(kit, task, history, skill=None):
    context = kit.context(task, history, skill=skill)
    insight = NumericInsight().learn(context)
    return insight, NumericSkill().evolve(context, insight)


def test_what_excludes_zero_becomes_a_candidate_with_its_evidence(kit):
    task = kit.task()
    history = linear_rounds(kit, task, 3)
    insight, (revision,) = evolved(kit, task, history)
    known = [m for m in insight.mechanics if m.low > 0 or m.high < 0]
    about = [record for record in revision.records if record.mechanic]
    assert revision.skill == "fusion"
    surest = sorted(known, key=lambda m: -abs(m.effect) / (m.high - m.low))
    assert [record.mechanic for record in about] == surest
    assert revision.why
    keys = {result.key for result in history}
    for record in about:
        assert record.status == "candidate"
        assert record.scope == Scope("rank", "feed")
        assert record.id == record_id("fusion", record.mechanic.metric, record.mechanic.cause)
        assert set(record.supports) | set(record.contradicts) <= keys
        assert not set(record.supports) & set(record.contradicts)
        assert len(record.supports) > len(record.contradicts)
    assert len({record.id for record in revision.records}) == len(revision.records)


def mechanics_of(kit, task, seed):
    _, (revision,) = evolved(kit, task, linear_rounds(kit, task, seed))
    return [record for record in revision.records if record.mechanic]


def test_ids_depend_on_skill_metric_and_cause_only(kit):
    task = kit.task()
    first = mechanics_of(kit, task, 3)
    second = mechanics_of(kit, task, 4)
    same = {(r.mechanic.metric, r.mechanic.cause): r.id for r in first}
    for record in second:
        assert same.get((record.mechanic.metric, record.mechanic.cause), record.id) == record.id
    other = kit.task(skill="diversity")
    assert not {r.id for r in first} & {r.id for r in mechanics_of(kit, other, 3)}


def test_an_experiment_that_points_the_other_way_contradicts(kit):
    task = kit.task()
    history = linear_rounds(kit, task, 3, rounds=6)
    arms = [Arm(f"x{i}", Config({**task.production, "a_click": v})) for i, v in enumerate((0.5, 1.8))]
    odd = kit.round_of(task, 7, arms, [{"watch": 0.04}, {"watch": -0.04}], ERRORS)
    _, (revision,) = evolved(kit, task, [*history, odd])
    record = next(r for r in revision.records if r.id == record_id(revision.skill, "watch", "a_click"))
    assert odd.key in record.contradicts
    assert odd.key not in record.supports


def test_an_experiment_is_not_judged_by_effects_fitted_on_itself(kit):
    """w_like did nothing in the first round. In the second it moves along with a_click, by chance nearly
    alike: what both went with is a_click's, though a fit on both rounds gives w_like a share of it."""
    task = kit.task(guardrails={})
    space = Space(task)

    def round_(number, moves, lifts):
        points = [space.production + np.array([a, b, 0.0, 0.0]) for a, b in moves]
        arms = [Arm(f"r{number}a{i}", Config(space.from_unit(p))) for i, p in enumerate(points)]
        return kit.round_of(task, number, arms, [{"watch": w} for w in lifts], {"watch": 0.01})

    first = round_(1, [(0.0, 0.2), (0.0, -0.2)], [0.0, 0.0])
    second = round_(2, [(0.1, 0.2), (-0.1, -0.2)], [0.02, -0.02])

    def without(judged, *others):
        evidence = Evidence(kit.context(task, [*others, judged]))
        return evidence._without(ParamWitness(task), judged, "watch")

    assert without(second, first) == pytest.approx(np.zeros(4), abs=1e-8)
    assert without(second) == pytest.approx(np.zeros(4))
    changed = round_(2, [(0.1, 0.2), (-0.1, -0.2)], [0.3, -0.1])
    assert (without(changed, first) == without(second, first)).all()


def test_no_status_is_asked_for_and_only_this_campaigns_evidence_is_given(kit):
    task = kit.task()
    history = linear_rounds(kit, task, 3)
    _, (revision,) = evolved(kit, task, history)
    old = revision.records[0]
    known = KnowledgeRecord(
        old.id, "older", old.scope, "active", old.mechanic, ("other-run/round-1",), (), "a person"
    )
    skill = Skill("fusion", "", "", "", "", "", "", "", knowledge=(known,))
    _, (again,) = evolved(kit, task, history, skill)
    record = next(r for r in again.records if r.id == old.id)
    assert record.status == "candidate"  # the Skillhub keeps what it has
    assert "other-run/round-1" not in record.supports  # the Skillhub joins it
    assert record.statement == old.statement


def test_nothing_to_say_gives_no_revision(kit):
    assert evolved(kit, kit.task(), [])[1] == ()


def test_where_no_skill_covers_the_task_one_is_made_that_is_called_like_it(kit):
    task = kit.task(skill=None)
    _, (revision,) = evolved(kit, task, linear_rounds(kit, task, 3))
    assert revision.skill == task.task.name
    assert all(metric in revision.novel.requirement for metric in task.guarded)
    assert all(param in revision.novel.description for param in task.params)
    known = Skill(task.task.name, "", "", "", "", "", "", "")
    _, (again,) = evolved(kit, task, linear_rounds(kit, task, 3), known)
    assert again.novel is None


def test_only_the_surest_mechanics_of_a_metric_are_kept():
    many = [Mechanic("watch", f"p{i}", "", 0.01 * (i + 1), 0.001, 0.02, (), "") for i in range(MOST + 3)]
    slates = [replace(m, cause=f"slate {m.cause}") for m in many]
    unsure = Mechanic("watch", "q", "", 1.0, -0.1, 2.0, (), "")
    kept = _surest([*many, *slates, unsure])
    assert len(kept) == 2 * MOST
    assert {m.cause for m in kept if " " not in m.cause} == {f"p{i}" for i in range(3, MOST + 3)}


def test_what_tasks_have_in_common_is_told_with_how_much_they_differ(kit):
    task = kit.task()
    history = linear_rounds(kit, task, 3)
    found = next(m for m in NumericInsight().learn(kit.context(task, history)).mechanics if m.low > 0)
    elsewhere = replace(found, effect=found.effect * 1.1)
    record = KnowledgeRecord("k", "", Scope(), "candidate", elsewhere, (), (), "a person")
    skill = Skill("fusion", "", "", "", "", "", "", "", knowledge=(record,))
    notes = NumericInsight().learn(kit.context(task, history, skill=skill)).notes
    (note,) = [note for note in notes if note.startswith("Tasks share: ")]
    assert found.cause in note
    assert "over 2 tasks" in note
    assert "heterogeneity" in note
    assert not any(
        n.startswith("Tasks share") for n in NumericInsight().learn(kit.context(task, history)).notes
    )
