"""What is observed: what the platform's own rows have, at the moment asked for, and honestly told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rectune_dsl.hooks.api import (
    CONTROL,
    USER,
    USERS,
    BaselineBackend,
    Estimates,
    Moments,
    Observation,
)
from rectune_dsl.hooks.serving import DAY
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.testing.backend_contract import recount
from rectune_dsl.testing.backend_contract.lifecycle import RAMP
from rectune_dsl.testing.backend_contract.rig import Rig
from rectune_dsl.testing.backend_contract.trial import LATE, Trial, can, started

Floats = NDArray[np.float64]
MATURES = 1
"""Days after the last one on which an experiment is looked at once more."""
LATEST = 7
"""Days after which everything that comes late has come."""


class Statistics:
    """Every verdict is computed from these numbers and from nothing else."""

    def test_an_observation_is_whole(self, rig: Rig) -> None:
        """Else the campaign fails when it first looks, with real users in the experiment."""
        trial = started(rig)
        trial.after(rig.spec.days)
        found = trial.observe(rig.spec.days)
        assert_whole(found, [arm.name for arm in rig.spec.arms])
        assert found.as_of == trial.on(rig.spec.days)

    def test_an_observation_can_be_journalled(self, rig: Rig) -> None:
        """Else a look is lost when the process ends, and `show` cannot tell what was concluded from it."""
        trial = started(rig)
        trial.after(1)
        found = trial.observe(1)
        assert decode(Observation, encode(Observation, found)) == found  # type: ignore[arg-type]

    def test_moments_are_those_of_the_platform_s_rows(self, rig: Rig) -> None:
        """Else lifts, intervals and verdicts are wrong: of n and sums the lift, of products its error."""
        trial = started(rig)
        for days in range(1, rig.spec.days + MATURES + 1):
            trial.after(days)
            assert_recounted(trial, trial.moments(days))

    def test_moments_of_a_ramp_are_those_of_the_platform_s_rows(self, rig: Rig) -> None:
        """Else users who came in later are lost, or counted from before they were served."""
        can(rig, "randomises", "the backend assigns nobody")
        trial = started(rig, ramp=RAMP)
        for day, fraction in ((1, 0.5), (2, 1.0)):
            trial.expose(fraction, day=day)
            trial.after(day + 1)
            assert_recounted(trial, trial.moments(day + 1))

    def test_a_look_after_a_step_is_of_the_moment_asked_for(self, rig: Rig) -> None:
        """Else a ramp ends the campaign: after a step its looks are at whatever microsecond the step was
        done."""
        can(rig, "real_traffic", "looks are at whole days")
        trial = started(rig, ramp=RAMP)
        trial.after(1)
        trial.expose(0.5, day=1)
        moment = trial.exposures[-1][-1] + DAY
        rig.pass_until(moment + LATE)
        for _ in range(2):
            found = trial.backend.observe(trial.experiment, moment)
            assert found.as_of == moment
            assert_whole(found, [arm.name for arm in rig.spec.arms])
            if isinstance(found, Moments):
                assert_recounted(trial, found)

    def test_a_look_at_the_past_shows_nothing_later(self, rig: Rig) -> None:
        """Else a look that is taken late, after a crash or a weekend, peeks at what came after it."""
        trial = started(rig)
        trial.after(rig.spec.days)
        trial.moments(rig.spec.days)
        for days in range(rig.spec.days - 1, -1, -1):
            found = trial.moments(days)
            assert found.as_of == trial.on(days)
            assert_recounted(trial, found)

    def test_values_above_a_cap_count_as_the_cap(self, rig: Rig) -> None:
        """Else the few who watch all day decide about everybody, though the task winsorises them."""
        can(rig, "winsorises", "the backend does not winsorise")
        if not rig.caps:
            pytest.skip("the rig names no caps: give `caps`")
        trial = started(rig, caps=rig.caps)
        trial.after(rig.spec.days)
        rows = rig.rows(trial.experiment, trial.on(rig.spec.days))
        for column, cap in rig.caps.items():
            above = [row for row in rows if row.values.get(column, 0.0) > cap]
            assert above, f"nobody's {column!r} exceeds {cap}: give a lower cap"
        assert_recounted(trial, trial.moments(rig.spec.days))

    def test_histograms_count_the_users_of_the_rows(self, rig: Rig) -> None:
        """Else quantiles, a latency's p95 among them, are those of other users."""
        can(rig, "quantiles", "the backend gives no quantiles")
        trial = started(rig)
        trial.after(rig.spec.days)
        found = trial.moments(rig.spec.days)
        counted = {column for arm in found.arms for column in arm.histograms}
        if not counted:
            pytest.skip("the rig's task takes no quantile, so that there are no histograms")
        rows = rig.rows(trial.experiment, found.as_of)
        for arm in found.arms:
            assert arm.histograms.keys() == counted
            for column, histogram in arm.histograms.items():
                recount.assert_histogram(histogram, rows, arm.arm, column)

    def test_groups_of_users_are_randomised_and_summed_as_one(self, rig: Rig) -> None:
        """Else users of a group count as independent, and intervals are too narrow."""
        units = [unit for unit in rig.backend().capabilities().units if unit != USER]
        if not units:
            pytest.skip("the backend randomises users only")
        start = rig.spec.start
        for unit in units:
            key: dict[str, Any] = {"key": f"{rig.spec.key}/{unit}", "salt": f"{rig.spec.salt}/{unit}"}
            fewer = rig.spec.users_per_arm // 4
            trial = started(rig, unit=unit, users_per_arm=fewer, start=start, **key)
            start = trial.spec.ends + DAY
            trial.after(rig.spec.days)
            found = trial.moments(rig.spec.days)
            assert USERS in found.columns, f"no column {USERS!r}, which counts the users of a {unit}"
            rows = rig.rows(trial.experiment, found.as_of)
            arms = {(row.unit, row.arm) for row in rows}
            assert len(arms) == len({row.unit for row in rows}) < len(rows), f"a {unit} is in several arms"
            assert_recounted(trial, found)
            trial.backend.stop(trial.experiment, "finished")

    def test_estimates_are_those_of_a_recount(self, rig: Rig) -> None:
        """Else what the platform computes is taken for lifts and errors, and is something else."""
        trial = started(rig)
        for days in (1, rig.spec.days):
            trial.after(days)
            found = trial.observe(days)
            if not isinstance(found, Estimates):
                pytest.skip("the backend gives moments, which are recounted from rows")
            recount.assert_estimates(found, rig.recount(trial.experiment, trial.on(days)), rig.tolerance)

    def test_a_baseline_is_whole(self, rig: Rig) -> None:
        """Else `plan` promises power that the traffic does not have, or fails."""
        backend = rig.backend()
        if not isinstance(backend, BaselineBackend):
            pytest.skip("the backend has no baseline")
        rig.pass_until(rig.spec.start + rig.spec.days * DAY)  # before that there may be nothing to tell
        found = backend.baseline(rig.spec.days)
        assert_whole(found, [CONTROL] if isinstance(found, Moments) else [CONTROL, *found.arms])
        assert decode(Observation, encode(Observation, found)) == found  # type: ignore[arg-type]


class Freshness:
    """What is not known yet, or cannot be known, is said and not guessed."""

    def test_what_comes_late_is_said_to_be_incomplete(self, rig: Rig) -> None:
        """Else half of a day's events are taken for all of them, and a metric that lags looks like harm."""
        trial, looks = lagging(rig)
        for found in looks:
            for column in set(rig.late) - found.missing.keys():
                complete = recount.complete_until(found, column)
                assert complete < found.as_of, f"{column!r} comes late, and is said to be complete"
        assert_bounded(trial, looks)

    def test_what_is_late_is_counted_once_it_has_come(self, rig: Rig) -> None:
        """Else late events are lost, or counted twice: once when they happened, once when they came."""
        trial, _ = lagging(rig)
        assert_bounded(trial, [trial.moments(days) for days in (rig.spec.days, rig.spec.days + LATEST)])

    def test_what_cannot_be_measured_is_missing_with_a_reason(self, rig: Rig) -> None:
        """Else a guardrail that nobody measures reads as one that is kept."""
        if not rig.unmeasured:
            pytest.skip("everything is measured on the rig: give `unmeasured`")
        trial = started(rig)
        trial.after(rig.spec.days)
        found = trial.observe(rig.spec.days)
        for name in rig.unmeasured:
            assert found.missing.get(name), f"{name!r} is not measured, and `missing` does not say so"


def lagging(rig: Rig) -> tuple[Trial, list[Moments]]:
    """An experiment that is over for so long that everything has come, and what was seen of it each day."""
    if not rig.late:
        pytest.skip("nothing comes late on the rig: give `late`")
    trial = started(rig)
    looks = []
    for days in range(1, rig.spec.days + 1):
        trial.after(days)
        looks.append(trial.moments(days))
    trial.after(rig.spec.days + LATEST)
    return trial, looks


def assert_bounded(trial: Trial, looks: Sequence[Moments]) -> None:
    """What came late by each look is at least what it says is complete, and no more than all of it."""
    rig = trial.rig
    for found in looks:
        for column in set(rig.late) - found.missing.keys():
            complete = recount.complete_until(found, column)
            least, most = (rig.rows(trial.experiment, until) for until in (complete, found.as_of))
            recount.assert_between(found, least, most, column, rig.tolerance)


def assert_recounted(trial: Trial, found: Moments) -> None:
    """The moments are those of the rig's rows of the same moment."""
    rig, spec = trial.rig, trial.spec
    rows = rig.rows(trial.experiment, found.as_of)
    recount.assert_moments(found, rows, spec.caps, spec.unit, rig.tolerance)


def assert_whole(found: Observation, arms: Sequence[str]) -> None:
    """All arms in the spec's order, axes as they are documented, numbers that data can have."""
    assert all(isinstance(why, str) and why for why in found.missing.values()), "`missing` gives no reason"
    assert all(time <= found.as_of for time in found.complete_until.values()), "complete until after `as_of`"
    if isinstance(found, Moments):
        _assert_whole_moments(found, arms)
    else:
        _assert_whole_estimates(found, arms)


def _assert_whole_moments(found: Moments, arms: Sequence[str]) -> None:
    size = len(found.columns)
    assert [arm.arm for arm in found.arms] == list(arms)
    assert len(set(found.columns)) == size > 0
    assert set(found.columns) - found.missing.keys(), f"nothing is measured: {dict(found.missing)}"
    for arm in found.arms:
        assert 0 < arm.n <= arm.assigned, f"{arm.n} of {arm.assigned} units of {arm.arm!r} came"
        sums, products = np.array(arm.sums), np.array(arm.products)
        assert (sums.shape, products.shape) == ((size,), (size, size)), f"axes of {arm.arm!r}"
        _assert_products(products - np.outer(sums, sums) / arm.n, np.sqrt(np.diag(products)), arm.arm)


def _assert_whole_estimates(found: Estimates, arms: Sequence[str]) -> None:
    many, metrics = len(arms) - 1, len(found.metrics)
    assert [CONTROL, *found.arms] == list(arms)
    assert len(set(found.metrics)) == metrics > 0
    lift = np.array(found.lift, np.float64)  # None is NaN
    covariance = np.array(found.covariance)
    assert lift.shape == np.shape(found.effective_n) == (many, metrics)
    assert np.array(found.level, np.float64).shape == np.shape(found.level_se) == (many + 1, metrics)
    assert covariance.shape == (many * metrics, many * metrics)
    _assert_products(covariance, np.sqrt(np.diag(covariance)), "the lifts")
    gone = [
        [metric in found.missing or f"{arm}/{metric}" in found.missing for metric in found.metrics]
        for arm in found.arms
    ]
    assert (np.isnan(lift) == np.array(gone)).all(), "a lift is None, and `missing` has no reason for it"
    assert not covariance[np.isnan(lift).ravel()].any(), "the covariance of a missing lift is not 0"
    assert (np.array(found.effective_n)[~np.isnan(lift)] > 0).all(), "a lift without an effective n"


def _assert_products(found: Floats, scale: Floats, what: str) -> None:
    """Finite, symmetric and, but for rounding, without a negative direction."""
    size = np.outer(scale, scale)
    assert np.isfinite(found).all(), f"products of {what} are not finite"
    assert (np.abs(found - found.T) <= 1e-9 * size).all(), f"products of {what} are not symmetric"
    unit = np.divide(found, size, out=np.zeros_like(found), where=size > 0)
    assert np.linalg.eigvalsh(unit).min() > -1e-6, f"products of {what} are of no data"
