"""Who takes part in an experiment, and in which arm: intervals of a salted hash of the user's id or, where
the unit is a group of users (neighbouring ids), of the group's.

Nobody's list of users is ever held: an arm is a rule, asked about one range of ids at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import HOLDOUT, ExperimentSpec, Exposure, Slot
from rectune_dsl.hooks.errors import BackendError
from rectune_dsl.simulator.keyed import Ids, key_of, uniform

_AT_ONCE = 1 << 14
"""Ids hashed together: what is made of them stays in cache."""


class Members(Protocol):
    """Users of one arm."""

    @property
    def expected(self) -> float:
        """About how many there are."""
        ...

    @property
    def bounds(self) -> tuple[int, int]:
        """The first of the ids that may be among them, and the one after the last."""
        ...

    def within(self, start: int, stop: int) -> Ids:
        """Those of the ids `start` ... `stop` - 1, ascending."""
        ...


@dataclass(frozen=True)
class Everyone:
    """All users with ids from `start` to `stop` - 1."""

    start: int
    stop: int

    @property
    def expected(self) -> float:
        return float(self.stop - self.start)

    @property
    def bounds(self) -> tuple[int, int]:
        return self.start, self.stop

    def within(self, start: int, stop: int) -> Ids:
        return np.arange(max(start, self.start), min(stop, self.stop), dtype=np.int64)


@dataclass(frozen=True)
class Assigned:
    """Users whose hash under `salt` lies in [number * width, (number + 1) * width), from `low` to `high` of
    that; without those of `fresh_of`, of the `slot` only, and either of the surface's holdout (`held`) or not
    of it. `unit` neighbouring ids are one, and have one hash; `users` counts units, `population` ids."""

    salt: str
    number: int
    width: float
    fresh_of: tuple[Exposure, ...]
    surface: str
    holdout_share: float
    held: bool
    slot: Slot | None
    low: float
    high: float
    users: int
    population: int
    unit: int = 1

    @property
    def expected(self) -> float:
        return self.users * self.unit * (self.high - self.low)

    @property
    def bounds(self) -> tuple[int, int]:
        return 0, self.population

    def within(self, start: int, stop: int) -> Ids:
        return self.placed(start, stop)[0]

    def placed(self, start: int, stop: int) -> tuple[Ids, NDArray[np.float64]]:
        """The users of a range of ids, and where in the arm's interval each lies, in [`low`, `high`)."""
        parts = [
            self._placed(np.arange(at, min(at + _AT_ONCE, stop), dtype=np.int64))
            for at in range(start, stop, _AT_ONCE)
        ]
        if not parts:
            return np.empty(0, np.int64), np.empty(0)
        return np.concatenate([ids for ids, _ in parts]), np.concatenate([places for _, places in parts])

    def _placed(self, ids: Ids) -> tuple[Ids, NDArray[np.float64]]:
        units = ids // self.unit
        places = _hash(self.salt, units) / self.width - self.number
        taken = np.flatnonzero((places >= self.low) & (places < self.high))
        ids, units, places = ids[taken], units[taken], places[taken]
        allowed = self._held_out(units) == self.held
        for used in self.fresh_of:
            allowed &= _hash(used.salt, units) >= used.share
        if self.slot is not None:
            layer = uniform(key_of("layer", self.slot.layer), units)
            allowed &= (layer >= self.slot.low) & (layer < self.slot.high)
        return ids[allowed], places[allowed]

    def _held_out(self, units: Ids) -> NDArray[np.bool_]:
        if self.holdout_share <= 0:
            return np.zeros(units.size, np.bool_)
        return uniform(key_of("holdout", self.surface), units) < self.holdout_share


def units_among(population: int, unit: int) -> int:
    """How many units of so many neighbouring ids a population has."""
    return -(-population // unit)


def assign(
    spec: ExperimentSpec, population: int, part: tuple[float, float] = (0.0, 1.0), unit: int = 1
) -> tuple[Assigned, ...]:
    """The users of each arm, of units that are `unit` neighbouring ids each.

    Arm a has the users whose hash under the spec's salt lies in [a * w, (a + 1) * w), w being the arm's
    part of `spec.exposure(population).share`, but for those of `fresh_of` and the surface's holdout. An
    arm named `holdout` has users of the holdout instead, again without those of `fresh_of`. All are of the
    spec's slot, where it has one. Only a `part` of every arm is taken, from one place to another in [0, 1].

    Raises BackendError when there are too few users.
    """
    served = [arm.name for arm in spec.arms if arm.name != HOLDOUT]
    units = units_among(population, unit)
    width = _width(spec, units, len(served))
    holdout_width = _holdout_width(spec, units) if len(served) < len(spec.arms) else 0.0

    def users(name: str) -> Assigned:
        held = name == HOLDOUT
        return Assigned(
            salt=spec.salt,
            number=0 if held else served.index(name),
            width=holdout_width if held else width,
            fresh_of=spec.fresh_of,
            surface=spec.surface,
            holdout_share=spec.holdout_share,
            held=held,
            slot=spec.slot,
            low=part[0],
            high=part[1],
            users=spec.users_per_arm,
            population=population,
            unit=unit,
        )

    return tuple(users(arm.name) for arm in spec.arms)


def _width(spec: ExperimentSpec, population: int, arms: int) -> float:
    fresh = _eligible_share(spec) * (1 - spec.holdout_share)
    if population * fresh < spec.users_per_arm * arms:
        raise BackendError(
            f"{arms} arms of {spec.users_per_arm:,} users need {arms * spec.users_per_arm:,}; of the "
            f"{population:,} simulated users {max(0, round(population * fresh)):,} are free",
            help="raise `users` in [simulator] or the `share` of [exclusion], or lower `users_per_arm`, "
            "`arms` or `rounds`",
        )
    return spec.exposure(population).share / arms


def _holdout_width(spec: ExperimentSpec, population: int) -> float:
    held = population * spec.holdout_share * _eligible_share(spec)
    if held < spec.users_per_arm:
        raise BackendError(
            f"the holdout arm needs {spec.users_per_arm:,} users; the holdout has {max(0, round(held)):,}",
            help="raise `share` in [holdout] or `users` in [simulator], or lower `users_per_arm`",
        )
    return spec.users_per_arm / held


def _eligible_share(spec: ExperimentSpec) -> float:
    """The share of users that are of the slot, and that no experiment of `fresh_of` used: their hashes are
    independent."""
    if any(used.salt == spec.salt for used in spec.fresh_of):
        raise BackendError(
            f"the experiment's users shall be fresh of an experiment with its own salt {spec.salt!r}",
            help="give every experiment a salt of its own",
        )
    slot = spec.slot.share if spec.slot else 1.0
    return float(slot * np.prod([max(0.0, 1 - used.share) for used in spec.fresh_of]))


def _hash(salt: str, ids: Ids) -> NDArray[np.float64]:
    return uniform(key_of("assign", salt), ids)
