"""Users who are served what they should not be."""

from __future__ import annotations

import house
from house_backend import HouseBackend

from house_faults.planting import fault, in_flag, in_service, in_sql
from rectune_dsl.hooks.api import USER

RIGHT = house.arm_of


@fault
class TakesPercentages(HouseBackend):
    def set_exposure(self, experiment, fraction, arm=None, at=None):
        super().set_exposure(experiment, min(max(fraction, 0), 1), arm, at)


@fault
class StepsUpWhenRepeated(HouseBackend):
    def set_exposure(self, experiment, fraction, arm=None, at=None):
        last, self._asked = getattr(self, "_asked", None), fraction
        super().set_exposure(experiment, min(2 * fraction, 1.0) if fraction == last else fraction, arm, at)


@fault
class OnlyRises(HouseBackend):
    def set_exposure(self, experiment, fraction, arm=None, at=None):
        for (now,) in self._ask("SELECT open FROM experiments WHERE id = ?", experiment):
            if arm is None and now < 1 and fraction < now:
                return
        super().set_exposure(experiment, fraction, arm, at)


@fault
class ReshufflesOnRamp(HouseBackend):
    def set_exposure(self, experiment, fraction, arm=None, at=None):
        super().set_exposure(experiment, fraction, arm, at)
        if arm is None:
            self._ask("UPDATE experiments SET flag = json_set(flag, '$.salt', ?)", f"salt of {fraction}")


@fault
class AStepOfTheRampRevivesArms(HouseBackend):
    def set_exposure(self, experiment, fraction, arm=None, at=None):
        super().set_exposure(experiment, fraction, arm, at)
        if arm is None:
            self._ask("UPDATE experiments SET stopped = '[]' WHERE id = ?", experiment)


@fault
class ItsDaysBeginOnce(HouseBackend):
    """Those of the first time that all were served: it ends with them."""

    def set_exposure(self, experiment, fraction, arm=None, at=None):
        super().set_exposure(experiment, fraction, arm, at)
        self._full = getattr(self, "_full", []) + [fraction == 1] * (arm is None)
        if self._full == [False, True, False, True]:
            self._ask("UPDATE experiments SET state = 'over' WHERE id = ?", experiment)


@fault
class ARestartServesAll(HouseBackend):
    def create(self, spec, key):
        experiment = super().create(spec, key)
        self._ask("UPDATE experiments SET open = 1 WHERE id = ?", experiment)
        return experiment


in_sql("an_arm_cannot_be_stopped", "SET stopped = ?", "SET stopped = MAX(stopped, ?)")
in_flag("ignores_the_salt", salt="always the same")
in_flag("ignores_fresh_of", fresh_of=[])
in_flag("ignores_the_slot", slot=None)
in_flag("ignores_the_holdout", holdout_share=0.0)
in_flag("randomises_users_only", unit=USER)


@in_service
def ramps_by_rehashing(flag, opened, stopped, unit):
    """One hash for both: an arm is a part of those whom the gate lets in."""
    arm = RIGHT(flag, opened, stopped, unit)
    if arm in (None, "holdout"):
        return arm
    names = [name for name in flag["arms"] if name != "holdout"]
    at = house.place(flag["salt"], unit) / (flag["share"] * opened)
    return None if names[int(at * len(names))] in stopped else names[int(at * len(names))]


@in_service
def a_stopped_arm_s_users_go_to_others(flag, opened, stopped, unit):
    arms = [name for name in flag["arms"] if name not in stopped]
    return RIGHT({**flag, "arms": arms}, opened, [], unit)


@in_service
def splits_unevenly(flag, opened, stopped, unit):
    names = [name for name in flag["arms"] if name != "holdout"]
    return RIGHT({**flag, "arms": [*flag["arms"], names[0]]}, opened, stopped, unit)


@in_service
def the_gate_is_a_lottery(flag, opened, stopped, unit):
    """Of every step of the ramp other users."""
    salt = flag["salt"] if opened == 1 else f"{flag['salt']}/{opened}"
    is_in = house.place(salt, unit) < flag["share"] * opened
    return RIGHT(flag, 1.0, stopped, unit) if is_in or opened == 1 else None
