"""Making, starting, exposing and stopping experiments: repeated, out of order, and after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from rectune_dsl.hooks.api import Config, ExperimentSpec, Ramp
from rectune_dsl.hooks.serving import DAY
from rectune_dsl.testing.backend_contract.recount import assert_same
from rectune_dsl.testing.backend_contract.rig import Rig
from rectune_dsl.testing.backend_contract.trial import (
    can,
    created,
    done_or_refused,
    moved,
    refused,
    started,
    treatments,
)

RAMP = Ramp((0.25, 0.5), days=1)
NOBODY = "nobody-made-this-experiment"


class Lifecycle:
    """A campaign may be killed between doing something and recording it: so it does it again."""

    def test_the_same_key_and_spec_are_the_same_experiment(self, rig: Rig) -> None:
        """Else a campaign that is resumed launches its test twice, and pays for it with twice the users."""
        first = created(rig)
        assert created(rig, first.backend).experiment == first.experiment
        first.start()
        assert created(rig, first.backend).experiment == first.experiment

    def test_creating_again_leaves_one_experiment_on_the_platform(self, rig: Rig) -> None:
        """Else a second experiment stays behind that no campaign knows of and nobody stops."""
        backend = rig.backend()
        assert list(rig.experiments()) == []
        for _ in range(3):
            trial = created(rig, backend)
        assert len(rig.experiments()) == 1
        trial.start()
        backend.stop(trial.experiment, "finished")
        created(rig, backend)
        assert len(rig.experiments()) == 1

    def test_another_spec_under_a_used_key_is_refused(self, rig: Rig) -> None:
        """Else results of one set of configs are taken for those of another."""
        backend = rig.backend()
        created(rig, backend)
        for changed in others(rig.spec):
            refused(partial(backend.create, changed, rig.spec.key))

    def test_another_key_is_another_experiment(self, rig: Rig) -> None:
        """Else the next round finds the experiment of the last one, and reads its results."""
        first = created(rig)
        later = {"salt": f"{rig.spec.salt}/2", "start": rig.spec.ends + DAY}
        assert created(rig, first.backend, key=f"{rig.spec.key}/2", **later).experiment != first.experiment

    def test_what_nobody_created_is_refused(self, rig: Rig) -> None:
        """Else a mistyped or lost id looks like an experiment in which nothing happens."""
        backend = rig.backend()
        refused(partial(backend.start, NOBODY))
        refused(partial(backend.set_exposure, NOBODY, 0.5, None, rig.spec.start))
        refused(partial(backend.observe, NOBODY, rig.spec.start))
        refused(partial(backend.stop, NOBODY, "finished"))

    def test_started_twice_it_runs_once(self, rig: Rig) -> None:
        """Else a crash after the start begins the experiment anew, without what was counted so far."""
        trial = started(rig)
        trial.backend.start(trial.experiment)
        trial.after(2)
        before = trial.observe(1)
        trial.backend.start(trial.experiment)
        assert_same(trial.observe(1), before, rig.tolerance)

    def test_stopped_twice_it_stays_stopped(self, rig: Rig) -> None:
        """Else an abort that is given twice, or resumed, ends with an error while traffic may still run."""
        trial = started(rig)
        trial.after(2)
        for outcome in ("finished", "finished", "aborted"):
            trial.backend.stop(trial.experiment, outcome)

    def test_a_stop_leaves_what_was_observed(self, rig: Rig) -> None:
        """Else what an experiment has shown is gone with its last day."""
        trial = started(rig)
        trial.after(2)
        before = trial.observe(2)
        trial.backend.stop(trial.experiment, "finished")
        trial.after(3)
        assert_same(trial.observe(2), before, rig.tolerance)

    def test_an_exposure_set_twice_is_set_once(self, rig: Rig) -> None:
        """Else a crash after a step of the ramp takes the next step, too."""
        can(rig, "randomises", "the backend assigns nobody")
        trial = started(rig, ramp=RAMP)
        trial.after(1)
        before = trial.arms()
        for _ in range(2):
            trial.expose(0.25, day=1)
        trial.after(2)
        assert trial.arms() == before

    def test_no_share_of_users_is_above_one_or_below_zero(self, rig: Rig) -> None:
        """Else a percentage that is taken for a share (50 for 0.5) serves an arm to everybody."""
        can(rig, "randomises", "the backend assigns nobody")
        trial = created(rig)
        for fraction in (50.0, 1.01, -0.1, float("nan")):
            refused(partial(trial.backend.set_exposure, trial.experiment, fraction, None, rig.spec.start))


class Serving:
    """What people are served: only where `real_traffic` says that there are some."""

    def test_before_it_is_started_it_serves_nobody(self, rig: Rig) -> None:
        """Else users see a config that nobody has approved yet."""
        can(rig, "real_traffic", "nobody is served")
        trial = created(rig)
        trial.after(1)
        assert not served_treatments(trial.arms(), rig.spec)

    def test_before_its_first_day_it_serves_nobody(self, rig: Rig) -> None:
        """Else the first day is longer than the others, or a day of a freeze."""
        can(rig, "real_traffic", "nobody is served")
        trial = started(rig)
        rig.pass_until(rig.spec.start - DAY / 24)
        assert not served_treatments(trial.arms(), rig.spec)
        trial.after(1)
        assert served_treatments(trial.arms(), rig.spec)

    def test_stopped_it_serves_nobody_any_more(self, rig: Rig) -> None:
        """Else an arm that was stopped for harm goes on harming."""
        can(rig, "real_traffic", "nobody is served")
        trial = started(rig)
        trial.after(1)
        assert served_treatments(trial.arms(), rig.spec)
        for _ in range(2):
            trial.backend.stop(trial.experiment, "finished")
            assert not served_treatments(trial.arms(), rig.spec)

    def test_stopped_before_its_start_it_never_serves(self, rig: Rig) -> None:
        """Else an experiment that a campaign gave up, since its first day had come, runs all the same."""
        can(rig, "real_traffic", "nobody is served")
        trial = created(rig)
        trial.backend.stop(trial.experiment, "it was not started in time")
        trial.after(1)
        assert not served_treatments(trial.arms(), rig.spec)

    def test_created_again_a_stopped_experiment_stays_stopped(self, rig: Rig) -> None:
        """Else an abort, which finds experiments by creating them again, revives them."""
        can(rig, "real_traffic", "nobody is served")
        trial = started(rig)
        trial.after(1)
        trial.backend.stop(trial.experiment, "finished")
        created(rig, trial.backend)
        assert not served_treatments(trial.arms(), rig.spec)

    def test_started_after_a_stop_it_stays_stopped(self, rig: Rig) -> None:
        """Else a start that is repeated after an abort serves the harmful arms again. It may be refused."""
        can(rig, "real_traffic", "nobody is served")
        trial = started(rig)
        trial.after(1)
        trial.backend.stop(trial.experiment, "aborted")
        done_or_refused(partial(trial.backend.start, trial.experiment))
        assert not served_treatments(trial.arms(), rig.spec)
        trial.after(2)
        assert not served_treatments(trial.arms(), rig.spec)

    def test_an_arm_s_stop_gives_its_users_production_and_moves_nobody(self, rig: Rig) -> None:
        """Else the users of a harmful arm are served another treatment, and both arms' results are mixed."""
        can(rig, "real_traffic", "nobody is served")
        trial = started(rig)
        trial.after(1)
        before, stopped = trial.arms(), treatments(rig.spec)[0]
        for _ in range(2):
            trial.expose(0.0, stopped, day=1)
            after = trial.arms()
            assert stopped not in after.values()
            assert not moved(before, after)
            assert {u for u, arm in before.items() if arm != stopped} == after.keys()

    def test_a_stopped_arm_stays_stopped_when_the_ramp_goes_on(self, rig: Rig) -> None:
        """Else the next step of the ramp serves the harmful arm again, to more users."""
        can(rig, "real_traffic", "nobody is served")
        trial = started(rig, ramp=RAMP)
        stopped = treatments(rig.spec)[0]
        trial.after(1)
        trial.expose(0.0, stopped, day=1)
        for day, fraction in ((1, 0.5), (2, 1.0)):
            trial.expose(fraction, day=day)
            assert stopped not in trial.arms().values()

    def test_after_a_step_back_its_days_begin_anew(self, rig: Rig) -> None:
        """Else one whose ramp went back for a day ends early, and shows less than it was to show."""
        can(rig, "real_traffic", "nobody is served")
        trial = started(rig, ramp=Ramp((0.5,), days=1))
        for day, fraction in ((1, 1.0), (2, 0.5), (3, 1.0)):
            trial.expose(fraction, day=day)
        rig.pass_until(trial.on(3 + rig.spec.days) - DAY / 24)
        assert served_treatments(trial.arms(), rig.spec)


class Restart:
    """A backend is made anew after every crash: what it needs to know is on the platform, or in the spec."""

    def test_a_new_process_finds_the_experiment(self, rig: Rig) -> None:
        """Else a resumed campaign cannot go on, or launches its test again."""
        trial = started(rig)
        first = trial.experiment
        trial.restart()
        assert trial.experiment == first

    def test_a_new_process_makes_no_second_experiment(self, rig: Rig) -> None:
        """Else each crash leaves one more experiment running."""
        trial = started(rig)
        count = len(rig.experiments())
        trial.restart()
        assert len(rig.experiments()) == count == 1

    def test_a_new_process_refuses_another_spec_under_the_key(self, rig: Rig) -> None:
        """Else a task that was changed between crash and resume reads the old configs' results as the new
        ones'."""
        created(rig)
        backend = rig.backend()
        if backend.capabilities().virtual_time:
            pytest.skip("where time is virtual, a new process has a platform of its own")
        for changed in others(rig.spec):
            refused(partial(backend.create, changed, rig.spec.key))

    def test_a_new_process_observes_the_same(self, rig: Rig) -> None:
        """Else what a resumed campaign concludes depends on where it was killed."""
        trial = started(rig)
        trial.after(2)
        before = trial.observe(2)
        trial.restart()
        assert_same(trial.observe(2), before, rig.tolerance)

    def test_a_new_process_goes_on_with_the_ramp(self, rig: Rig) -> None:
        """Else a crash puts a ramp back to its beginning, or serves everybody at once."""
        can(rig, "randomises", "the backend assigns nobody")
        trial = started(rig, ramp=RAMP)
        trial.after(1)
        before = trial.arms()
        trial.restart()
        assert trial.arms() == before
        trial.expose(0.5, day=1)
        trial.after(2)
        assert len(trial.arms()) > len(before)
        assert not moved(before, trial.arms())

    def test_a_new_process_can_start_what_an_earlier_one_made(self, rig: Rig) -> None:
        """Else a crash between `create` and `start` leaves an experiment that cannot begin."""
        trial = created(rig)
        trial.restart()
        trial.start()
        trial.after(2)
        assert trial.observe(2).as_of == trial.on(2)

    def test_a_new_process_can_stop_what_an_earlier_one_started(self, rig: Rig) -> None:
        """Else an experiment of a campaign that has crashed runs on, and no abort ends it."""
        trial = started(rig)
        trial.after(1)
        trial.restart()
        trial.backend.stop(trial.experiment, "aborted")
        if trial.backend.capabilities().real_traffic:
            assert not served_treatments(trial.arms(), rig.spec)


def others(spec: ExperimentSpec) -> tuple[ExperimentSpec, ...]:
    """Specs that are not the same experiment: other days, another config, another start."""
    *arms, last = spec.arms
    values = {name: value + 0.125 for name, value in last.config.values.items()}
    return (
        replace(spec, days=spec.days + 1),
        replace(spec, arms=(*arms, replace(last, config=Config(values)))),
        replace(spec, start=spec.start + DAY),
    )


def served_treatments(arms: Mapping[str, str], spec: ExperimentSpec) -> list[str]:
    """The treatments that somebody is served."""
    return sorted({arm for arm in arms.values() if arm in treatments(spec)})
