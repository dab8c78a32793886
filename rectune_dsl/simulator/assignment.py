"""Who takes part in an experiment, and in which arm: intervals of a salted hash of the user's id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import HOLDOUT, ExperimentSpec
from rectune_dsl.hooks.errors import BackendError
from rectune_dsl.simulator.keyed import Ids, key_of, uniform

_AT_ONCE = 1 << 18


def assign(spec: ExperimentSpec, population: int) -> tuple[tuple[Ids, NDArray[np.float64]], ...]:
    """Per arm its users' ids, ascending, and where in the arm's interval each lies, in [0, 1).

    Arm a has the users whose hash under the spec's salt lies in [a * w, (a + 1) * w), w being the arm's
    part of `spec.exposure(population).share`, but for those of `fresh_of` and the surface's holdout. An
    arm named `holdout` has users of the holdout instead, again without those of `fresh_of`.

    Raises BackendError when there are too few users.
    """
    served = [arm.name for arm in spec.arms if arm.name != HOLDOUT]
    width = _width(spec, population, len(served))
    holdout_width = _holdout_width(spec, population) if len(served) < len(spec.arms) else 0.0
    parts: list[list[tuple[Ids, NDArray[np.float64]]]] = [[] for _ in spec.arms]
    for start in range(0, population, _AT_ONCE):
        ids = np.arange(start, min(start + _AT_ONCE, population), dtype=np.int64)
        ids, hashes = _reached(spec, ids, max(width * len(served), holdout_width))
        held = _held_out(spec, ids)
        first = 0.0
        for part, arm in zip(parts, spec.arms, strict=True):
            if arm.name == HOLDOUT:
                place, allowed = hashes / holdout_width, held
            else:
                place, allowed = hashes / width - first, ~held
                first += 1
            taken = allowed & (place >= 0) & (place < 1)
            part.append((ids[taken], place[taken]))
    return tuple(
        (np.concatenate([ids for ids, _ in part]), np.concatenate([places for _, places in part]))
        for part in parts
    )


def _reached(spec: ExperimentSpec, ids: Ids, share: float) -> tuple[Ids, NDArray[np.float64]]:
    """Users with a hash below `share` whom no earlier experiment used, and their hashes."""
    hashes = _hash(spec.salt, ids)
    reached = hashes < share
    ids, hashes = ids[reached], hashes[reached]
    fresh = np.ones(ids.size, np.bool_)
    for used in spec.fresh_of:
        fresh &= _hash(used.salt, ids) >= used.share
    return ids[fresh], hashes[fresh]


def _held_out(spec: ExperimentSpec, ids: Ids) -> NDArray[np.bool_]:
    if spec.holdout_share <= 0:
        return np.zeros(ids.size, np.bool_)
    return uniform(key_of("holdout", spec.surface), ids) < spec.holdout_share


def _width(spec: ExperimentSpec, population: int, arms: int) -> float:
    fresh = _fresh_share(spec) * (1 - spec.holdout_share)
    if population * fresh < spec.users_per_arm * arms:
        raise BackendError(
            f"{arms} arms of {spec.users_per_arm:,} users need {arms * spec.users_per_arm:,}; of the "
            f"{population:,} simulated users {max(0, round(population * fresh)):,} are free",
            help="raise `users` in [simulator], or lower `users_per_arm`, `arms` or `rounds`",
        )
    return spec.exposure(population).share / arms


def _holdout_width(spec: ExperimentSpec, population: int) -> float:
    held = population * spec.holdout_share * _fresh_share(spec)
    if held < spec.users_per_arm:
        raise BackendError(
            f"the holdout arm needs {spec.users_per_arm:,} users; the holdout has {max(0, round(held)):,}",
            help="raise `share` in [holdout] or `users` in [simulator], or lower `users_per_arm`",
        )
    return spec.users_per_arm / held


def _fresh_share(spec: ExperimentSpec) -> float:
    """The share of users that no experiment of `fresh_of` used: their hashes are independent."""
    if any(used.salt == spec.salt for used in spec.fresh_of):
        raise BackendError(
            f"the experiment's users shall be fresh of an experiment with its own salt {spec.salt!r}",
            help="give every experiment a salt of its own",
        )
    return float(np.prod([max(0.0, 1 - used.share) for used in spec.fresh_of]))


def _hash(salt: str, ids: Ids) -> NDArray[np.float64]:
    return uniform(key_of("assign", salt), ids)
