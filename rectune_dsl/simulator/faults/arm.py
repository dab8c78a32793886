"""The faults of one arm, as its block of users meets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.rehearsal import Faults
from rectune_dsl.hooks.api import CONTROL, HOLDOUT
from rectune_dsl.simulator.faults.crowd import Crowded, among
from rectune_dsl.simulator.faults.records import Records
from rectune_dsl.simulator.keyed import Ids, key_of, uniform
from rectune_dsl.simulator.population import Users

if TYPE_CHECKING:
    from rectune_dsl.simulator.days import Setting

Rows = NDArray[np.float64]
Places = NDArray[np.intp]


class Disturbance(Protocol):
    """Where the world lets faults in."""

    @property
    def late(self) -> int:
        """Days after all is over on which values still arrive."""
        ...

    def users(self, users: Users) -> Users:
        """The users who really come."""
        ...

    def served(self, setting: Setting, ids: Ids, rows: Places, day: int) -> Iterable[tuple[Setting, Places]]:
        """Who is served what on a calendar day: the `rows` of `ids`, parted by setting."""
        ...

    def recorded(self, ids: Ids, after: Iterable[Rows]) -> Iterable[Rows]:
        """What is on record after each day, given what happened until then."""
        ...


@dataclass(frozen=True)
class NoFaults:
    """Everything as it should be."""

    late: int = 0

    def users(self, users: Users) -> Users:
        return users

    def served(self, setting: Setting, ids: Ids, rows: Places, day: int) -> Iterable[tuple[Setting, Places]]:
        return ((setting, rows),)

    def recorded(self, ids: Ids, after: Iterable[Rows]) -> Iterable[Rows]:
        return after


NO_FAULTS = NoFaults()


@dataclass(frozen=True, eq=False)
class ArmFaults:
    """Faults as a task asks for them. `spilt` are the settings that also serve this arm's users; `traffic`
    and the world's `seed` key what is drawn."""

    faults: Faults
    seed: int
    traffic: int
    records: Records
    spilt: tuple[Setting, ...] = ()

    @property
    def late(self) -> int:
        return self.records.late

    def users(self, users: Users) -> Users:
        return among(users, self.faults.bots, self.seed) if self.faults.bots else users

    def served(self, setting: Setting, ids: Ids, rows: Places, day: int) -> Iterable[tuple[Setting, Places]]:
        if not self.spilt:
            return ((setting, rows),)
        luck = uniform(key_of("spilt", self.traffic, day), ids[rows]) / self.faults.interference
        by = np.where(luck < 1, (luck * len(self.spilt)).astype(np.intp), len(self.spilt))
        return [(server, rows[by == n]) for n, server in enumerate((*self.spilt, setting))]

    def recorded(self, ids: Ids, after: Iterable[Rows]) -> Iterable[Rows]:
        return self.records(ids, after)


def disturbed(settings: Sequence[Setting], arms: Sequence[str], faults: Faults | None) -> tuple[Setting, ...]:
    """The settings of an experiment's arms, with faults. Treatments lose users; control's are served by
    treatments, too."""
    if faults is None:
        return tuple(settings)
    crowded = [_crowded(setting, faults) for setting in settings]
    treatments = tuple(s for s, arm in zip(crowded, arms, strict=True) if _is_treatment(arm))
    return tuple(
        _with_faults(
            setting,
            faults,
            lost=faults.lost_users if _is_treatment(arm) else 0.0,
            spilt=treatments if arm == CONTROL and faults.interference > 0 else (),
        )
        for setting, arm in zip(crowded, arms, strict=True)
    )


def _is_treatment(arm: str) -> bool:
    return arm not in (CONTROL, HOLDOUT)


def _crowded(setting: Setting, faults: Faults) -> Setting:
    if faults.bots is None and faults.outliers is None:
        return setting
    seed = setting.world.seed
    return replace(setting, respond=Crowded(setting.respond, faults.bots, faults.outliers, seed))


def _with_faults(setting: Setting, faults: Faults, lost: float, spilt: tuple[Setting, ...]) -> Setting:
    records = Records(setting.columns, faults, setting.traffic, lost)
    return replace(setting, faults=ArmFaults(faults, setting.world.seed, setting.traffic, records, spilt))
