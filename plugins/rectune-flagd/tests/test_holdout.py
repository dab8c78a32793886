"""The users who are held out: who they are, and that they keep what they have, whatever others are served."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from platforms import DAY, FIRST, PRODUCTION, USERS, Platform, binomial, spec_of

from rectune_dsl.hooks.api import HOLDOUT, Arm, BackendError, Config, ExperimentSpec

OTHER = {"w": 1.0}
"""Production of a task of the same surface that tunes something else."""


def test_the_holdout_takes_part_as_its_own_arm_only(platform: Platform) -> None:
    explore = spec_of(holdout_share=0.3, users_per_arm=1_500)
    delivery = platform.launch(explore)
    first = platform.arms(explore.key)
    delivery.stop(explore.key, "finished")
    confirm = confirmed()
    platform.launch(confirm)
    second = platform.arms(confirm.key, at=confirm.start)
    held = {user for user, arm in second.items() if arm == HOLDOUT}
    assert not held & first.keys()
    counts = Counter(second.values())
    assert all(binomial(counts[arm.name], len(USERS), 1_500 / 12_000) for arm in confirm.arms)


def test_the_holdout_keeps_the_first_config_whatever_ships(platform: Platform) -> None:
    spec = spec_of(holdout_share=0.3, users_per_arm=500)
    delivery = platform.launch(spec)
    delivery.stop(spec.key, "finished")
    for a in (2.0, 3.0):
        delivery.deliver(Config({"a": a, "b": 0.5}))
    kept = Counter(value["config"]["a"] for value in platform.values().values())
    assert kept.keys() == {1.0, 3.0}
    assert binomial(kept[1.0], len(USERS), 0.3)


def test_the_holdout_keeps_what_another_task_tunes_and_ships(platform: Platform) -> None:
    """Also in a flag that does not know yet that there is such a param, and in its arm of a confirmation."""
    first = spec_of(holdout_share=0.3, users_per_arm=500)
    platform.launch(first).stop(first.key, "finished")
    other = platform.delivery(production=OTHER)
    other.deliver(Config({"w": 9.0}))
    served = Counter(value["config"]["w"] for value in platform.values().values())
    assert served.keys() == {1.0, 9.0}
    assert binomial(served[1.0], len(USERS), 0.3)
    second = confirmed(users_per_arm=1_000)
    platform.launch(second)
    values = [v for v in platform.values(at=second.start).values() if v["experiment"] == second.key]
    assert {(v["arm"] == HOLDOUT, v["config"]["w"]) for v in values} == {(True, 1.0), (False, 9.0)}


def test_a_rollback_leaves_the_holdout_alone(platform: Platform) -> None:
    spec = spec_of(holdout_share=0.3, users_per_arm=500)
    platform.launch(spec).stop(spec.key, "finished")
    other = platform.delivery(production=OTHER)
    other.deliver(Config({"w": 9.0}))
    other.rollback()
    assert {value["config"]["w"] for value in platform.values().values()} == {1.0}


def test_an_experiment_of_a_task_without_a_holdout_leaves_the_surface_s_out(platform: Platform) -> None:
    """But one that was there before goes on with the users that it has."""
    before = spec_of(key="before", salt="before", users_per_arm=4_000)
    platform.launch(before)
    users = platform.arms(before.key)
    first = spec_of(holdout_share=0.3, users_per_arm=500, start=FIRST + 4 * DAY)
    platform.launch(first).stop(first.key, "finished")
    assert platform.arms(before.key) == users
    arms = (Arm("control", Config(OTHER)), Arm("r1-a", Config({"w": 5.0})))
    other = spec_of(key="other", salt="other", arms=arms, users_per_arm=6_000, start=FIRST + 8 * DAY)
    platform.launch(other, production=OTHER)
    values = platform.values(at=other.start).values()
    held = [v for v in values if v["experiment"] is None]
    assert {v["config"]["w"] for v in held} == {1.0}
    assert binomial(len(held), len(USERS), 0.3)


@pytest.mark.parametrize("share", [0.2, 0.31, 0.5])
def test_a_changed_share_does_not_move_the_boundary(platform: Platform, share: float) -> None:
    first = spec_of(holdout_share=0.3, users_per_arm=500)
    platform.launch(first).stop(first.key, "finished")
    written = platform.path.read_bytes()
    changed = spec_of(key="k", salt="k", holdout_share=share, users_per_arm=500)
    with pytest.raises(BackendError, match=r"0\.3 of the flag's users") as error:
        platform.delivery().create(changed, "k", platform.population)
    assert "share = 0.3 in [holdout]" in error.value.help
    assert platform.path.read_bytes() == written


def confirmed(**changes: Any) -> ExperimentSpec:
    """A confirmation after the first experiment, with an arm for the holdout."""
    spec = spec_of(
        key="feed-1/confirm",
        salt="feed/0/confirm",
        purpose="confirm",
        start=FIRST + 4 * DAY,
        arms=(*spec_of().arms[:2], Arm(HOLDOUT, PRODUCTION)),
        holdout_share=0.3,
        users_per_arm=1_500,
    )
    return replace(spec, **changes)
