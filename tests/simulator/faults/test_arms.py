"""What goes wrong with whole arms: nothing, lost users, interference. And who is told."""

import pickle
from datetime import timedelta

import pytest

from rectune_dsl.experiments.srm import mismatch
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Cohort
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import build_world


def test_no_faults_are_no_change(on):
    assert repr(on.observe(on.task())) == repr(on.observe(on.plain))
    assert on.backend(on.task()).capabilities() == on.backend(on.plain).capabilities()


def test_faults_are_told(on):
    assert (
        "with faults on purpose: bots, flaky"
        in on.backend(on.task("flaky = 0.1\nbots = { share = 0.1 }")).capabilities().description
    )


def test_faults_are_the_same_however_they_are_computed(on):
    task = on.task(on.every_fault)
    world, funnel, faults = build_world(task.simulator), Funnel(task), task.simulator.faults
    found = {
        repr(
            Experiment(
                world, funnel, on.spec(users_per_arm=5_000), 1, machine=machine, faults=faults
            ).observe(EPOCH + timedelta(days=5))
        )
        for machine in (Machine(Threads(1), 77), Machine(Threads(2), 4_096))
    }
    assert len(found) == 1


def test_the_work_of_a_faulty_experiment_can_be_sent_away(on):
    task = on.task(on.every_fault)
    made = Experiment(build_world(task.simulator), Funnel(task), on.spec(), 1, faults=task.simulator.faults)
    work = made._arms(Cohort(0.2, 1.0, 1, 2))
    shard = work.shards()[0]
    assert repr(pickle.loads(pickle.dumps(work))(shard).sums) == repr(work(shard).sums)


def test_only_drift_is_true(on):
    """The oracle is not fooled by what is measured wrongly."""
    false = on.task(on.every_fault.partition("drift")[0])
    assert on.backend(false).oracle_lifts([on.other]) == on.backend(on.plain).oracle_lifts([on.other])


def test_a_baseline_has_the_faults_that_last(on):
    plain, faulty = (on.backend(task).baseline(2) for task in (on.plain, on.task(on.every_fault)))
    assert faulty.arms[0].n > plain.arms[0].n  # bots
    assert not faulty.missing
    assert on.column(faulty, "likes") > 0
    without = "lost_users = 0.5\ndelays = { clicks = 1 }\nmissing = ['hates']\ninterference = 1.0"
    assert on.backend(on.task(without)).baseline(2).arms == plain.arms


def test_lost_users_are_a_mismatch_that_freezes(on):
    task = on.task("lost_users = 0.3")
    whole, found = (on.observe(t, users_per_arm=2_000) for t in (on.plain, task))
    assert found.arms[0] == whole.arms[0]
    assert found.arms[1].assigned == whole.arms[1].assigned
    assert found.arms[1].n / whole.arms[1].n == pytest.approx(0.7, abs=0.05)
    assert mismatch(whole) is None
    seen = on.verdict(found, task)
    assert seen.decision == "hold"
    assert "sample-ratio mismatch" in seen.reasons[0]


def test_who_is_lost_stays_lost(on):
    task = on.task("lost_users = 0.3")
    counted = [on.observe(task, days).arms[1].n for days in (1, 2, 3, 4)]
    assert counted == sorted(counted)
    assert on.observe(task).arms != on.observe(task, salt="other").arms


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_interference_hides_its_share_of_a_lift(on, share):
    given = {"users_per_arm": 3_000}
    whole, found = (on.lifts(on.observe(t, **given)) for t in (on.plain, on.task(f"interference = {share}")))
    for metric in ("topics_shown", "latency_ms"):
        true = whole[metric]
        assert abs(true) > 0.03
        # control has become production's and the treatment's mixture
        assert found[metric] == pytest.approx((1 - share) * true / (1 + share * true), abs=0.1 * abs(true))


def test_all_of_control_can_be_served_by_treatments(on):
    found = on.observe(on.task("interference = 1.0"), users_per_arm=3_000)
    assert on.lifts(found)["latency_ms"] == pytest.approx(0, abs=0.02)
    assert found.arms[1] == on.observe(on.plain, users_per_arm=3_000).arms[1]


def test_several_treatments_share_control(on):
    asked = on.spec(on.other, on.production, users_per_arm=3_000)
    seen = []
    for task in (on.plain, on.task("interference = 1.0")):
        platform = on.backend(task)
        seen.append(on.lifts(platform.observe(platform.create(asked, "k"), EPOCH + timedelta(days=4))))
    true = seen[0]["latency_ms"]
    assert seen[1]["latency_ms"] == pytest.approx(0.5 * true / (1 + 0.5 * true), abs=0.1 * true)
