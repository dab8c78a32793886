"""Users are counted by value exactly, whoever computes; caps hold for every user; households are units."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.designs import design
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.quantiles import value_at
from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.experiments.winsor import caps
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import BackendContext, BackendError
from rectune_dsl.simulator.assignment import assign, units_among
from rectune_dsl.simulator.counts import ROUNDING, Counts, quantile
from rectune_dsl.simulator.days import Block, Setting
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine
from rectune_dsl.simulator.keyed import key_of
from rectune_dsl.simulator.novelty import strangeness
from rectune_dsl.simulator.oracle import paired_lifts
from rectune_dsl.simulator.responses import draw
from rectune_dsl.simulator.segments import segment_columns
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import build_world

END = EPOCH.replace(day=EPOCH.day + 4)
QUANTILES = """
latency_p95 = { kind = "quantile", column = "latency_ms", quantile = 0.95 }
watched = { kind = "quantile", column = "watch_minutes", quantile = 0.5 }
"""


@pytest.fixture(scope="module")
def changed_task(task_text):
    """The task with some of its text replaced."""

    def make(*changes):
        text = task_text
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        return Task.model_validate(tomllib.loads(text))

    return make


@pytest.fixture(scope="module")
def quantile_task(changed_task):
    guarded = ('hate_rate = "<= +15%"', 'latency_p95 = "<= +5%"')
    return changed_task(guarded, ("[metrics]\n", f"[metrics]\n{QUANTILES}"))


@pytest.fixture(scope="module")
def winsorized_task(changed_task):
    return changed_task(("watch_minutes = {", "watch_minutes = { winsorize = 0.9,"))


def rows_of(world, task, config, ids, spec, strange=0.0):
    """What each user of an arm did, one by one."""
    traffic = key_of("experiment", 1, spec.salt)
    told = {"strange": strange, "caps": spec.caps}
    setting = Setting(world, Funnel(task), config, traffic, 0, spec.days, draw, **told)
    block = Block(setting, ids)
    block.advance(spec.days + 1)
    return block.columns()


def test_values_keep_eleven_bits_and_whole_numbers_stay():
    rng = np.random.Generator(np.random.Philox(key=1))
    values = np.concatenate([rng.lognormal(0, 5, 4_000), np.arange(2_049.0), -rng.lognormal(0, 1, 50)])
    counts = Counts.of(values)
    assert counts.counts.sum() == values.size
    assert set(np.arange(2_049.0)) <= set(counts.values)
    nearest = counts.values[np.abs(counts.values[:, None] - values).argmin(axis=0)]
    assert (np.abs(nearest - values) <= ROUNDING * np.abs(values)).all()
    halves = Counts.of(values[::2]) + Counts.of(values[1::2])
    assert (halves.values == counts.values).all()
    assert (halves.counts == counts.counts).all()
    assert counts.histogram() == Counts.of(values[::2]).histogram() + Counts.of(values[1::2]).histogram()
    assert quantile(counts.histogram(), 0.3) == value_at(counts.histogram(), 0.3)


def test_histograms_are_those_of_the_arms_users(quantile_task, world, make_spec):
    spec = make_spec()
    found = Experiment(world, Funnel(quantile_task), spec, 1, counted=quantile_task.quantiles).observe(END)
    for arm, members, moments in zip(spec.arms, assign(spec, world.population), found.arms, strict=True):
        rows = rows_of(world, quantile_task, arm.config, members.within(0, world.population), spec)
        came = rows[-1] > 0
        for column in quantile_task.quantiles:
            histogram, values = moments.histograms[column], rows[found.columns.index(column), came]
            assert sum(histogram.counts) == moments.n == came.sum()
            exact = np.quantile(values, 0.95, method="inverted_cdf")
            assert value_at(histogram, 0.95) == pytest.approx(exact, rel=ROUNDING)


def test_histograms_depend_on_neither_chunks_nor_threads(quantile_task, world, make_spec, monkeypatch):
    spec = make_spec()
    several = []
    for chunk, threads, block in ((512, 1, 4096), (37, 2, 4096), (512, 2, 100)):
        monkeypatch.setattr("rectune_dsl.simulator.shards.BLOCK", block)
        machine = Machine(Threads(threads), chunk) if threads == 1 else Machine(chunk=chunk)
        ran = Experiment(
            world, Funnel(quantile_task), spec, 1, machine=machine, counted=quantile_task.quantiles
        )
        several.append([arm.histograms for arm in ran.observe(END).arms])
    assert several[0] == several[1] == several[2]


def test_a_quantile_is_planned_guarded_and_judged(quantile_task, make_spec):
    backend = SimulatorBackend(BackendContext(quantile_task, 1))
    planned = design(backend.baseline(3), quantile_task, 300)
    assert planned.missing == {}
    assert planned.error("latency_p95") > 0
    spec = make_spec(arms=tuple(replace(a, config=make_spec().arms[0].config) for a in make_spec().arms))
    seen = backend.observe(backend.create(spec, "k"), END)
    found = estimate(seen, quantile_task.judged)
    at = found.metrics.index("latency_p95")
    assert found.covariance[at][at] ** 0.5 == pytest.approx(planned.error("latency_p95"), rel=0.5)
    assert abs(found.lift[0][at]) < 4 * found.covariance[at][at] ** 0.5
    ruled = verdict(quantile_task, seen, spec=replace(spec, purpose="confirm"), confirmation=1)
    (bound,) = [b for b in ruled.bounds if b.metric == "latency_p95"]
    assert bound.estimate == pytest.approx(found.lift[0][at])
    assert bound.estimate < bound.bound


def test_the_truth_has_quantiles_too(quantile_task, world, changed):
    lifts = paired_lifts(quantile_task, world, [changed(), changed(a_long=2.0)], users=1_500)
    assert lifts["latency_p95"][0] == lifts["watched"][0] == 0
    assert lifts["watched"][1] == pytest.approx(lifts["watch_minutes"][1], abs=0.1)


# --- caps -------------------------------------------------------------------------------------------


def test_a_cap_holds_for_each_user_before_sums_and_segments(make_task, world, make_spec):
    task = make_task(
        '[segments.new]\nwhen = "is_new_user"\n[segments.new.guardrails]\nwatch_minutes = ">= -9%"'
    )
    spec = make_spec(caps={"watch_minutes": 8.0})
    segments = segment_columns(task, world.columns)
    found = Experiment(world, Funnel(task), spec, 1, segments=segments).observe(END)
    free = Experiment(world, Funnel(task), make_spec(), 1, segments=segments).observe(END)
    (members, _), at = assign(spec, world.population), found.columns.index("watch_minutes")
    ids = members.within(0, world.population)
    values = rows_of(world, task, spec.arms[0].config, ids, make_spec())[at]
    assert found.arms[0].sums[at] == pytest.approx(np.minimum(values, 8.0).sum())
    assert found.arms[0].sums[at] < free.arms[0].sums[at]
    within, others = found.columns.index("watch_minutes@new"), found.columns.index("likes")
    new = np.where(world.users(ids).is_new, np.minimum(values, 8.0), 0)
    assert found.arms[0].sums[within] == pytest.approx(new.sum())
    assert found.arms[0].sums[others] == free.arms[0].sums[others]


def test_the_cap_is_productions_quantile_over_as_many_days(winsorized_task):
    task = winsorized_task
    backend = SimulatorBackend(BackendContext(task, 1))
    baseline = backend.baseline(3)
    (cap,) = caps(task.winsorized, baseline).values()
    histogram = baseline.arms[0].histograms["watch_minutes"]
    below = sum(c for v, c in zip(histogram.values, histogram.counts, strict=True) if v <= cap)
    assert below / baseline.arms[0].n == pytest.approx(0.9, abs=0.002)
    assert caps(task.winsorized, backend.baseline(1))["watch_minutes"] < cap
    with pytest.raises(BackendError, match="does not count users by their likes"):
        caps({"likes": 0.9}, baseline)


def test_a_plan_knows_what_a_cap_does(task, winsorized_task, make_spec):
    """Means and variances as in an experiment that has the cap."""
    plain, task = task, winsorized_task
    backend = SimulatorBackend(BackendContext(task, 1))
    baseline = backend.baseline(3)
    found = caps(task.winsorized, baseline)
    planned = design(baseline, task, 6_000)
    spec = make_spec(caps=found, users_per_arm=6_000)
    seen = estimate(backend.observe(backend.create(spec, "k"), END), task.judged)
    at = seen.metrics.index("watch_minutes")
    assert planned.levels["watch_minutes"] == pytest.approx(seen.level[0][at], rel=0.05)
    assert planned.error("=watch_minutes") == pytest.approx(seen.level_se[0][at], rel=0.05)
    assert planned.error("watch_minutes") == pytest.approx(seen.covariance[at][at] ** 0.5, rel=0.08)
    free = SimulatorBackend(BackendContext(plain, 1)).baseline(3)
    assert planned.error("watch_minutes") < design(free, task, 6_000).error("watch_minutes")


# --- households -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def household_task(changed_task):
    return changed_task(("[experiment]\n", '[experiment]\nunit = "household"\n'))


def test_a_household_is_in_one_arm_and_has_one_row(household_task, world, make_spec):
    spec = make_spec(unit="household")
    found = Experiment(world, Funnel(household_task), spec, 1).observe(END)
    assert found.columns == (*world.columns, "users")
    size = world.file.users.household
    arms = assign(spec, world.population, unit=size)
    homes = [set(members.within(0, world.population) // size) for members in arms]
    assert not homes[0] & homes[1]
    strange = strangeness(world, Funnel(household_task), spec.arms)
    for arm, members, moments, new in zip(spec.arms, arms, found.arms, strange, strict=True):
        ids = members.within(0, world.population)
        assert len(ids) > (size - 0.2) * len(set(ids // size)), "households are whole"
        rows = rows_of(world, household_task, arm.config, ids, make_spec(), new)
        table = np.array([rows[:, ids // size == home].sum(axis=1) for home in np.unique(ids // size)])
        came = table[:, -1] > 0
        assert moments.assigned == len(table)
        assert moments.n == came.sum()
        assert moments.sums == pytest.approx(table.sum(axis=0).tolist())
        assert np.array(moments.products) == pytest.approx(table.T @ table)
    assert sum(len(h) for h in homes) == pytest.approx(600, rel=0.2), "`users_per_arm` are households"


def test_shards_part_no_household(household_task, world, make_spec, monkeypatch):
    spec = make_spec(unit="household")
    whole = Experiment(world, Funnel(household_task), spec, 1).observe(END)
    monkeypatch.setattr("rectune_dsl.simulator.shards.BLOCK", 97)
    parted = Experiment(world, Funnel(household_task), spec, 1).observe(END)
    for one, other in zip(whole.arms, parted.arms, strict=True):
        assert (one.assigned, one.n) == (other.assigned, other.n)
        assert np.array(one.products) == pytest.approx(np.array(other.products), rel=1e-9)


def test_households_are_planned_and_judged(task, household_task, make_spec):
    backend = SimulatorBackend(BackendContext(household_task, 1))
    world = build_world(household_task.simulator)
    assert backend.capabilities().population == units_among(world.population, 3)
    planned = design(backend.baseline(3), household_task, 300)
    alone = design(SimulatorBackend(BackendContext(task, 1)).baseline(3), task, 900)
    for metric in ("watch_minutes", "next_day_return", "hate_rate"):
        assert planned.levels[metric] == pytest.approx(alone.levels[metric], rel=0.05)
        # users of a household are as different as others in this world, so that three count as three
        assert planned.error(f"={metric}") == pytest.approx(alone.error(f"={metric}"), rel=0.12)
        assert planned.error(metric) == pytest.approx(alone.error(metric), rel=0.12)
    spec = make_spec(unit="household", purpose="confirm")
    seen = backend.observe(backend.create(spec, "k"), END)
    assert all(
        b.estimate is not None for b in verdict(household_task, seen, spec=spec, confirmation=1).bounds
    )


def test_a_unit_that_the_world_does_not_have(task, world, make_spec):
    with pytest.raises(BackendError, match="no unit 'session'"):
        Experiment(world, Funnel(task), make_spec(unit="session"), 1)
