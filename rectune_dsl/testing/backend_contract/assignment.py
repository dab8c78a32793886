"""Who takes part, and in which arm: what makes a comparison of arms one of the configs alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from scipy.stats import chi2_contingency, chisquare

from rectune_dsl.hooks.api import HOLDOUT, Arm, Exposure, Ramp, Slot
from rectune_dsl.hooks.serving import DAY
from rectune_dsl.testing.backend_contract.rig import Rig
from rectune_dsl.testing.backend_contract.trial import Trial, asked, can, created, moved, sizes, started

STEPS = (0.01, 0.05, 0.25, 0.5)
FEWEST = 100
"""Users of an arm below which a rig shows nothing."""
_UNLIKELY = 1e-6


class Assignment:
    """Every user is in one arm or none, by chance, and stays there."""

    def test_a_ramp_moves_nobody_between_arms(self, rig: Rig) -> None:
        """Else users have seen two configs, and the comparison is of neither."""
        trial = ramped(rig)
        arms: list[dict[str, str]] = []
        for day, fraction in enumerate((*STEPS, 1.0)):
            trial.expose(fraction, day=day)
            trial.after(day + 1)
            arms.append(dict(trial.arms()))
        for before, after in pairwise(arms):
            assert not moved(before, after)
            assert before.keys() <= after.keys(), "users went out of the experiment when the ramp rose"
        assert min(sizes(arms[-1], rig.spec)) >= FEWEST, "too few users: the rig's spec needs more"

    def test_a_ramp_serves_the_share_that_was_set(self, rig: Rig) -> None:
        """Else a first step that was to harm few users reaches many."""
        trial = ramped(rig)
        found = []
        for day, fraction in enumerate((*STEPS, 1.0)):
            trial.expose(fraction, day=day)
            trial.after(day + 1)
            found.append(sizes(trial.arms(), rig.spec))
        for fraction, counts in zip(STEPS, found, strict=False):
            for count, whole in zip(counts, found[-1], strict=True):
                room = 6 * (whole * fraction * (1 - fraction)) ** 0.5 + 1
                assert abs(count - fraction * whole) <= room, f"{count} of {whole} users at {fraction:.0%}"

    def test_a_step_back_takes_users_out_and_moves_nobody(self, rig: Rig) -> None:
        """Else taking traffic away, the one thing that has to work in an emergency, mixes the arms."""
        trial = ramped(rig)
        trial.expose(0.5, day=0)
        trial.after(1)
        before = trial.arms()
        trial.expose(0.05, day=1)
        trial.after(2)
        after = trial.arms()
        assert after.keys() < before.keys()
        assert not moved(before, after)

    def test_arms_have_equally_many_users(self, rig: Rig) -> None:
        """Else the sample-ratio check freezes every campaign, and rightly."""
        counts = sizes(whole(rig), rig.spec)
        assert min(counts) >= FEWEST, f"arms of {counts} users: the rig's spec needs more"
        assert chisquare(counts).pvalue > _UNLIKELY, f"arms of {counts} users"

    def test_another_salt_assigns_anew(self, rig: Rig) -> None:
        """Else what a treatment did to its users in one round is found in the same arm of the next one."""
        first = started(rig)
        first.after(rig.spec.days)
        before = first.arms()
        second = next_to(first)
        both = Counter((before[u], arm) for u, arm in second.items() if u in before)
        names = [arm.name for arm in rig.spec.arms]
        table = [[both[one, other] for other in names] for one in names]
        assert min(map(min, table)) > 0, f"users by their arms in two experiments: {table}"
        assert chi2_contingency(table).pvalue > _UNLIKELY, f"users by their arms in two experiments: {table}"


class Exclusion:
    """Who may not take part. A backend that cannot keep somebody out refuses the spec, with a help."""

    def test_users_of_earlier_experiments_take_no_part(self, rig: Rig) -> None:
        """Else a confirmation is made on users who have seen the arms before, and confirms what they got used
        to."""
        population = can(rig, "population", "the users who can be assigned are not counted").population
        first = started(rig)
        first.after(rig.spec.days)
        used, arms = rig.spec.exposure(population or 1), first.arms()
        again = next_to(first, fresh_of=(used, Exposure("of-long-ago", 0.1)))
        assert arms
        assert again
        assert not arms.keys() & again.keys(), "users of the first experiment take part in the second"

    def test_the_holdout_takes_no_part(self, rig: Rig) -> None:
        """Else the users who show what all changes together have done were themselves experimented on."""
        can(rig, "randomises", "the backend assigns nobody")
        held = Arm(HOLDOUT, rig.spec.arms[0].config)
        confirm: dict[str, Any] = {
            "purpose": "confirm",
            "holdout_share": 0.4,
            "arms": (*rig.spec.arms[:2], held),
        }
        first = asked("a holdout", lambda: started(rig, **confirm))
        first.after(rig.spec.days)
        arms = first.arms()
        holdout = {user for user, arm in arms.items() if arm == HOLDOUT}
        assert len(holdout) >= FEWEST, "too few users in the holdout's arm: the rig needs more"
        again = next_to(first, holdout_share=0.4, purpose="explore", arms=rig.spec.arms)
        assert again
        assert not holdout & again.keys(), "users of the holdout take part"

    def test_only_users_of_its_slot_take_part(self, rig: Rig) -> None:
        """Else two campaigns that were given different users share them, and each one's arms disturb the
        other's."""
        can(rig, "randomises", "the backend assigns nobody")
        first = asked("a slot", lambda: started(rig, slot=Slot("layer", 0.0, 0.5)))
        first.after(rig.spec.days)
        arms = first.arms()
        other = next_to(first, slot=Slot("layer", 0.5, 1.0))
        assert arms
        assert other
        assert not arms.keys() & other.keys(), "users of one slot take part in an experiment of another"


def ramped(rig: Rig) -> Trial:
    """An experiment that has begun with the first step of a ramp."""
    can(rig, "randomises", "the backend assigns nobody")
    trial = created(rig, ramp=Ramp(STEPS, days=1))
    trial.start()
    return trial


def whole(rig: Rig) -> dict[str, str]:
    """The users of an experiment that serves all of its users."""
    can(rig, "randomises", "the backend assigns nobody")
    trial = started(rig)
    trial.after(rig.spec.days)
    return dict(trial.arms())


def next_to(first: Trial, **changes: Any) -> dict[str, str]:
    """The users of an experiment after a first one, with another salt and the given changes."""
    rig, backend = first.rig, first.backend
    if not backend.capabilities().randomises:
        pytest.skip("the backend assigns nobody")
    backend.stop(first.experiment, "finished")
    spec = replace(
        first.spec, key=f"{first.spec.key}/2", salt=f"{first.spec.salt}/2", start=first.spec.ends + DAY
    )
    spec = replace(spec, **changes)
    kinds = ", ".join(changes) or "another salt"
    experiment = asked(kinds, lambda: backend.create(spec, spec.key))
    second = Trial(rig, spec, backend, experiment)
    second.start()
    second.after(spec.days)
    return dict(second.arms())
