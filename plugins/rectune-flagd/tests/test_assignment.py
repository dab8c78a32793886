"""Who is served what, as the real provider has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from platforms import DAY, FIRST, PRODUCTION, UNLIKELY, USERS, Platform, binomial, spec_of
from scipy.stats import chi2_contingency, chisquare

from rectune_dsl.hooks.api import BackendError, Exposure, Ramp, Slot

RAMP = (0.01, 0.05, 0.25, 0.5, 1.0)


# --- a ramp ------------------------------------------------------------------------------------------


def test_nobody_changes_arms_while_a_ramp_rises(platform: Platform) -> None:
    """0 of 10,000 users, over 1 -> 5 -> 25 -> 50 -> 100 %."""
    spec = spec_of(ramp=Ramp(RAMP[:-1]), users_per_arm=4_000)
    delivery = platform.launch(spec, RAMP[0])
    seen = []
    for day, fraction in enumerate(RAMP):
        delivery.set_exposure(spec.key, fraction, at=FIRST + day * DAY)
        seen.append(platform.arms(spec.key, at=FIRST + day * DAY))
    for before, after in pairwise(seen):
        assert all(after.get(user) == arm for user, arm in before.items())
    assert len(seen[-1]) > 9_900  # 3 x 4,000 of 12,000: everybody


def test_each_step_serves_its_share_and_arms_stay_even(platform: Platform) -> None:
    spec = spec_of(ramp=Ramp(RAMP[:-1]))  # half of all
    delivery = platform.launch(spec)
    for fraction in RAMP:
        delivery.set_exposure(spec.key, fraction)
        arms = platform.arms(spec.key)
        counts = Counter(arms.values())
        assert binomial(len(arms), len(USERS), 0.5 * fraction)
        assert chisquare([counts[arm.name] for arm in spec.arms]).pvalue > UNLIKELY


def test_a_step_back_takes_out_whom_the_step_brought(platform: Platform) -> None:
    spec = spec_of(ramp=Ramp((0.25, 0.5)))
    delivery = platform.launch(spec, 0.25)
    few = platform.arms(spec.key)
    delivery.set_exposure(spec.key, 0.5)
    assert platform.arms(spec.key).keys() > few.keys()
    delivery.set_exposure(spec.key, 0.25)
    assert platform.arms(spec.key) == few
    delivery.set_exposure(spec.key, 0.0)
    assert platform.arms(spec.key) == {}


def test_gate_and_split_are_independent_of_each_other_and_of_another_salt(platform: Platform) -> None:
    """Users of the low half of the gate are in each arm as often as others, and so are another round's."""
    first = spec_of(users_per_arm=4_000)
    delivery = platform.launch(first, 0.5)
    low = platform.arms(first.key)
    delivery.set_exposure(first.key, 1.0)
    arms = platform.arms(first.key)
    split = Counter((user in low, arm) for user, arm in arms.items())
    delivery.stop(first.key, "finished")
    second = replace(first, key="feed-1/round-2", salt="feed/0/round-2", start=FIRST + 4 * DAY)
    platform.launch(second)
    again = platform.arms(second.key, at=second.start)
    rounds = Counter((arms.get(user), arm) for user, arm in again.items())
    names = [arm.name for arm in first.arms]
    assert chi2_contingency([[split[h, n] for n in names] for h in (True, False)]).pvalue > UNLIKELY
    assert chi2_contingency([[rounds[one, two] for two in names] for one in names]).pvalue > UNLIKELY


# --- exclusions --------------------------------------------------------------------------------------


def test_no_user_of_an_earlier_experiment_is_in_a_fresh_one(platform: Platform) -> None:
    """Also none who was only going to be served: the first stopped at a tenth of its users."""
    first = spec_of(ramp=Ramp((0.1,)))
    delivery = platform.launch(first, 1.0)
    used = platform.arms(first.key)
    delivery.set_exposure(first.key, 0.1)
    delivery.stop(first.key, "frozen")
    earlier = first.exposure(platform.population)
    fresh = spec_of(
        key="feed-1/confirm",
        salt="feed/0/confirm",
        start=FIRST + 9 * DAY,
        fresh_of=(earlier, Exposure("long-ago", 0.2)),
        users_per_arm=1_500,
    )
    platform.launch(fresh)
    arms = platform.arms(fresh.key, at=fresh.start)
    assert not used.keys() & arms.keys()
    assert binomial(len(arms), len(USERS), 4_500 / 12_000)


def test_only_users_of_its_slot_take_part_and_two_slots_fill_one_flag(platform: Platform) -> None:
    low = spec_of(slot=Slot("feed", 0.0, 0.5), users_per_arm=2_000)
    high = spec_of(
        key="other-1/round-1", salt="other/0/round-1", slot=Slot("feed", 0.5, 1.0), users_per_arm=2_000
    )
    platform.launch(low)
    alone = platform.arms(low.key)
    platform.launch(high)
    assert platform.arms(low.key) == alone
    others = platform.arms(high.key)
    assert not alone.keys() & others.keys()
    assert len(alone) + len(others) == len(USERS)  # 3 x 2,000 are all that a half has
    assert binomial(len(alone), len(USERS), 0.5)


def test_experiments_that_would_share_users_are_not_served_at_once(platform: Platform) -> None:
    first = spec_of()
    delivery = platform.launch(first)
    for slot in (None, Slot("feed", 0.0, 0.5)):
        key = f"feed-2/{slot}"
        delivery.create(spec_of(key=key, salt=key, slot=slot, users_per_arm=500), key, platform.population)
        with pytest.raises(BackendError, match="serves users of this flag") as error:
            delivery.start(key)
        assert "[exclusion]" in error.value.help
    fresh = (first.exposure(platform.population),)
    platform.launch(spec_of(key="feed-3", salt="feed-3", fresh_of=fresh, users_per_arm=500))
    later = spec_of(key="feed-4", salt="feed-4", start=FIRST + 3 * DAY)
    platform.launch(later)


# --- who is not served -------------------------------------------------------------------------------


def test_the_users_of_a_stopped_arm_get_production_and_nobody_else_moves(platform: Platform) -> None:
    spec = spec_of(ramp=Ramp((0.5,)))
    delivery = platform.launch(spec, 0.5)
    before = platform.arms(spec.key)
    delivery.set_exposure(spec.key, 0.0, "r1-a")
    after = platform.arms(spec.key)
    assert after == {user: arm for user, arm in before.items() if arm != "r1-a"}
    stopped = [user for user, arm in before.items() if arm == "r1-a"]
    assert all(value == production() for value in platform.values(stopped).values())
    delivery.set_exposure(spec.key, 1.0)
    assert "r1-a" not in platform.arms(spec.key).values()
    assert platform.arms(spec.key).keys() > after.keys()


@pytest.mark.parametrize("hours", [-1, 3 * 24, 3 * 24 + 1])
def test_nobody_is_served_outside_of_its_days(platform: Platform, hours: int) -> None:
    spec = spec_of()
    platform.launch(spec)
    at = FIRST + hours * DAY / 24
    assert platform.arms(spec.key, at=at) == {}
    assert platform.arms(spec.key, at=FIRST + 2.99 * DAY)


def test_a_late_ramp_puts_the_end_off(platform: Platform) -> None:
    spec = spec_of(ramp=Ramp((0.5,)))
    delivery = platform.launch(spec, 0.5)
    assert platform.arms(spec.key, at=FIRST + 30 * DAY)  # held at half until somebody says more
    delivery.set_exposure(spec.key, 1.0, at=FIRST + 30 * DAY)
    assert platform.arms(spec.key, at=FIRST + 32.9 * DAY)
    assert not platform.arms(spec.key, at=FIRST + 33 * DAY)


def test_after_a_step_back_the_days_begin_anew(platform: Platform) -> None:
    spec = spec_of(ramp=Ramp((0.5,)))
    delivery = platform.launch(spec, 0.5)
    for day, fraction in ((1, 1.0), (2, 0.5)):
        delivery.set_exposure(spec.key, fraction, at=FIRST + day * DAY)
    assert platform.arms(spec.key, at=FIRST + 30 * DAY)  # for the campaign, too, its days have not begun
    delivery.set_exposure(spec.key, 1.0, at=FIRST + 5 * DAY)
    assert platform.arms(spec.key, at=FIRST + 7.9 * DAY)
    assert not platform.arms(spec.key, at=FIRST + 8 * DAY)


def test_a_step_that_is_repeated_after_a_crash_counts_from_then(platform: Platform) -> None:
    """That is when the campaign has it from."""
    spec = spec_of(ramp=Ramp((0.5,)))
    delivery = platform.launch(spec, 0.5)
    for day in (1.0, 1.25):
        delivery.set_exposure(spec.key, 1.0, at=FIRST + day * DAY)
    assert platform.arms(spec.key, at=FIRST + 4.2 * DAY)
    assert not platform.arms(spec.key, at=FIRST + 4.25 * DAY)


def test_a_service_that_gives_no_time_is_served_by_the_clock(platform: Platform) -> None:
    """A rehearsal's `time` that was left in does not silence an experiment of real users."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for key, start in (("now", today - DAY), ("later", today + 5 * DAY)):
        spec = spec_of(key=key, salt=key, start=start, users_per_arm=4_000)
        delivery = platform.launch(spec, time="now")
        assert len(platform.arms(key, at=None)) == (len(USERS) if key == "now" else 0)
        assert len(platform.arms(key, at=start)) == len(USERS)
        delivery.stop(key, "finished")


def test_what_serves_at_another_time_than_the_clock_s_says_so(platform: Platform) -> None:
    known = "flag 'home-feed' of the flagd file flags.json"
    assert platform.delivery(time="$flagd.timestamp").description == known
    assert platform.delivery(time="now").description == f"{known}, at the time that a service gives as `now`"


def test_whoever_has_no_id_is_in_no_experiment(platform: Platform) -> None:
    platform.launch(spec_of(users_per_arm=4_000))
    assert platform.values([""])[""] == production()


def test_units_are_told_by_the_attribute_that_is_named(platform: Platform) -> None:
    spec = spec_of(unit="household", users_per_arm=4_000)
    delivery = platform.delivery(targeting_key="household")
    delivery.create(spec, spec.key, platform.population)
    delivery.start(spec.key)
    both = [platform.values(["ann", "bob"], household=f"h{n}") for n in range(40)]
    assert all(home["ann"] == home["bob"] for home in both)
    assert len({str(home["ann"]["arm"]) for home in both}) == 3
    with pytest.raises(BackendError, match="household"):
        platform.delivery().create(replace(spec, key="k"), "k", platform.population)


def production() -> dict[str, object]:
    return {"experiment": None, "arm": None, "config": dict(PRODUCTION.values)}
