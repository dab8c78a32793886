"""Calls that are repeated, come out of order, or cannot be done."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from platforms import DAY, FIRST, PRODUCTION, Platform, spec_of
from rectune_flagd.delivery import FlagdDelivery

from rectune_dsl.hooks.api import HOLDOUT, Arm, BackendError, Config, Exposure, Ramp, Slot

SPEC = spec_of()


def test_a_call_that_is_repeated_changes_not_a_byte(platform: Platform) -> None:
    """By the same object, or in a new process."""
    calls: list[Callable[[FlagdDelivery], object]] = [
        lambda d: d.create(SPEC, SPEC.key, platform.population),
        lambda d: d.set_exposure(SPEC.key, 0.5, at=FIRST),
        lambda d: d.start(SPEC.key),
        lambda d: d.set_exposure(SPEC.key, 0.0, "r1-a", at=FIRST + DAY),
        lambda d: d.set_exposure(SPEC.key, 1.0, at=FIRST + DAY),
        lambda d: d.stop(SPEC.key, "finished"),
        lambda d: d.deliver(Config({"a": 2.0, "b": 0.5})),
        lambda d: d.rollback(),
    ]
    delivery = platform.delivery()
    for number, call in enumerate(calls):
        call(delivery)
        text = platform.path.read_bytes()
        call(delivery)
        call(platform.delivery())
        assert platform.path.read_bytes() == text, f"call {number}"
    for call in calls[:6]:  # what was stopped stays stopped, whatever is set again
        call(platform.delivery())
        assert not platform.arms(SPEC.key, ["ann", "bob"])


def test_another_spec_or_population_under_a_key_is_refused(platform: Platform) -> None:
    delivery = platform.launch(SPEC)
    others = [
        replace(SPEC, days=4),
        replace(SPEC, salt="another"),
        replace(SPEC, arms=(*SPEC.arms[:2], Arm("r1-b", Config({"a": 1.0, "b": 3.1})))),
    ]
    for other in others:
        with pytest.raises(BackendError, match="another experiment with the key"):
            delivery.create(other, SPEC.key, platform.population)
    with pytest.raises(BackendError, match="12,000 users, and there are 13,000"):
        delivery.create(SPEC, SPEC.key, 13_000)
    delivery.stop(SPEC.key, "finished")
    with pytest.raises(BackendError, match="another experiment with the key"):
        delivery.create(others[0], SPEC.key, platform.population)


def test_deliveries_and_rollbacks(platform: Platform) -> None:
    delivery, (one, two) = platform.delivery(), (Config({"a": v, "b": 0.5}) for v in (2.0, 3.0))

    def production() -> object:
        return platform.values(["ann"])["ann"]["config"]["a"]

    delivery.rollback()
    assert production() == 1.0
    delivery.deliver(one)
    delivery.deliver(one)
    assert production() == 2.0
    delivery.rollback()
    delivery.rollback()
    assert production() == 1.0
    delivery.deliver(one)
    platform.delivery().deliver(two)
    platform.delivery().rollback()
    assert production() == 2.0


def test_tasks_of_one_surface_that_tune_other_params_keep_each_other_s(platform: Platform) -> None:
    delivery = platform.delivery()
    delivery.deliver(Config({"a": 2.0, "b": 0.5}))
    other = spec_of(key="o", salt="o", arms=(Arm("control", Config({"z": 7.0})),), users_per_arm=12_000)
    delivery.create(other, "o", platform.population)
    delivery.start("o")
    assert platform.values(["ann"])["ann"]["config"] == {"a": 2.0, "b": 0.5, "z": 7.0}
    delivery.deliver(Config({"z": 8.0}))
    delivery.stop("o", "finished")
    assert platform.values(["ann"])["ann"]["config"] == {"a": 2.0, "b": 0.5, "z": 8.0}


def test_a_rollback_leaves_what_another_task_has_brought_since(platform: Platform) -> None:
    platform.delivery().deliver(Config({"a": 2.0, "b": 0.5}))
    other = spec_of(key="o", salt="o", arms=(Arm("control", Config({"z": 7.0})),))
    platform.launch(other, production={"z": 7.0}).stop("o", "finished")
    platform.delivery().rollback()
    assert platform.values(["ann"])["ann"]["config"] == {"a": 1.0, "b": 0.5, "z": 7.0}


@pytest.mark.parametrize("fraction", [50.0, 1.01, -0.1, math.nan])
def test_what_is_no_share_is_refused(platform: Platform, fraction: float) -> None:
    with pytest.raises(BackendError, match="not a share of users"):
        platform.launch(SPEC).set_exposure(SPEC.key, fraction)


def test_what_cannot_be_done_is_said(platform: Platform) -> None:
    delivery = platform.launch(SPEC)
    for call in (
        lambda: delivery.start("nobody"),
        lambda: delivery.stop("nobody", ""),
        lambda: delivery.set_exposure("nobody", 1.0),
        lambda: delivery.set_exposure(SPEC.key, 0.0, "nobody"),
        lambda: delivery.set_exposure(SPEC.key, 0.5, "r1-a"),
    ):
        with pytest.raises(BackendError) as error:
            call()
        assert error.value.help


@pytest.mark.parametrize(
    "changes",
    [
        {"users_per_arm": 4_001},
        {"users_per_arm": 2_001, "slot": Slot("feed", 0.2, 0.7)},
        {"users_per_arm": 2_001, "fresh_of": (Exposure("before", 0.5),)},
        {"fresh_of": (Exposure("before", 1.0),)},
        {"fresh_of": (Exposure(SPEC.salt, 0.1),)},
        {"holdout_share": 0.1, "arms": (*SPEC.arms, Arm(HOLDOUT, PRODUCTION)), "users_per_arm": 1_201},
    ],
)
def test_too_few_users_are_told_of_before_anything_is_written(
    platform: Platform, changes: dict[str, object]
) -> None:
    spec = spec_of(**changes)
    with pytest.raises(BackendError) as error:
        platform.delivery().create(spec, spec.key, platform.population)
    assert error.value.help
    assert not platform.path.exists()


def test_all_who_are_free_may_take_part(platform: Platform) -> None:
    platform.launch(spec_of(users_per_arm=4_000, ramp=Ramp((0.5,))))
    with pytest.raises(BackendError, match="needs 12,000 users"):
        platform.delivery().create(spec_of(key="k", users_per_arm=4_000), "k", 11_999)
