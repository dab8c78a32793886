"""Which users an experiment has: a range of a namespace, of which every arm gets equally many.

GrowthBook hashes twice. A user's place in the namespace, in thousandths, decides about taking part: ranges
that do not meet have no user in common. The hash under the experiment's seed, in ten-thousandths, decides
about the arm: arm i of k has [i/k, i/k + c/k) of it, c being the coverage. So a coverage that rises moves
nobody: see `weights` for why the arms keep exactly the same size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rectune_dsl.hooks.api import BackendError, ExperimentSpec, Slot

PLACES = 1000
"""Places of a namespace that can be told apart."""
BUCKETS = 10_000
"""Values of the hash that assigns the arms."""
_NUDGE = 1e-9

Range = tuple[int, int]
"""From a place on, to before another one."""


@dataclass(frozen=True)
class Share:
    """The users of an experiment: those of a range, of which each arm gets `buckets` of the hash's values
    when all are served."""

    low: int
    high: int
    arms: int
    buckets: int

    @property
    def range(self) -> list[float]:
        """As GrowthBook has it."""
        return [self.low / PLACES, self.high / PLACES]

    @property
    def weights(self) -> list[float]:
        """Equal weights, the first ones a hair too small. Sums of 1/k are rounded, up or down: an arm that
        begins where a bucket does would have it or not as that goes. Now every arm begins a hair before."""
        equal = 1 / self.arms
        return [equal - _NUDGE, *[equal] * (self.arms - 2), equal + _NUDGE]

    def coverage(self, fraction: float) -> float:
        """At which this fraction of the users is served: as many whole buckets of every arm."""
        buckets = max(1, round(self.buckets * fraction)) if fraction > 0 else 0
        return buckets * self.arms / BUCKETS


def share_of(spec: ExperimentSpec, population: int, taken: Iterable[Range]) -> Share:
    """The first users of the spec's slot that are not in the ranges `taken`. Raises BackendError where there
    are too few."""
    part, arms = spec.users / population, len(spec.arms)
    wide = max(1, math.ceil(part * PLACES - 1e-6))
    low, high = _region(spec.slot)
    for start, end in sorted([*taken, (high, high)]):
        if low + wide <= min(start, high):
            buckets = min(round(part * PLACES / wide * BUCKETS / arms), BUCKETS // arms)
            return Share(low, low + wide, arms, max(1, buckets))
        low = max(low, end)
    raise BackendError(
        f"{arms} arms of {spec.users_per_arm:,} users are {part:.1%} of {population:,}; so many users that "
        "may take part, and were in none of the experiments before, are not there in one piece",
        help="lower `users_per_arm` or `arms`, or widen the `share` of [exclusion]",
    )


def _region(slot: Slot | None) -> Range:
    """The whole places of a slot."""
    if slot is None:
        return 0, PLACES
    return math.ceil(slot.low * PLACES - 1e-6), math.floor(slot.high * PLACES + 1e-6)
