"""One requirement of a verdict: a limit that an estimate must be shown to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.experiments.intervals import Measured, quantile
from rectune_dsl.experiments.wording import amount, users
from rectune_dsl.hooks.api import Bound

MOST_USERS = 1e10
"""Per arm; what so many do not show, no traffic shows."""


@dataclass(frozen=True)
class Standard:
    """What counts as shown: the one-sided level `alpha`. `power` and `users_per_arm` serve to forecast how
    many users would show what these did not."""

    alpha: float
    power: float
    users_per_arm: int


@dataclass(frozen=True)
class Requirement:
    """`name` must keep `limit`; where `strict`, lie beyond it."""

    name: str
    limit: Limit
    strict: bool = False

    def __str__(self) -> str:
        if not self.strict:
            return str(self.limit)
        value = "0" if self.limit.bound == 0 else amount(self.limit.bound, self.limit.relative)
        return f"{self.limit.direction[0]} {value}"

    def inconclusive(self, why: str) -> Bound:
        """The requirement, untested. `why` is a sentence without its full stop."""
        limit = self.limit
        detail = f"{self.name} is inconclusive: {why}."
        return Bound(
            self.name, None, None, limit.bound, limit.direction, limit.relative, False, False, detail
        )

    def test(self, seen: Measured, standard: Standard) -> Bound:
        """Shown when the bound towards the limit keeps it, refuted when the opposite bound breaks it."""
        limit = self.limit
        (near, near_side), (far, far_side) = self._sides(seen, standard)
        shown = limit.holds(near) and not (self.strict and near == limit.bound)
        refuted = math.isfinite(far) and not limit.holds(far)
        towards = self._numbers(seen, near, near_side, standard)
        if shown:
            detail = f"{self.name} is shown to be {self}: {towards}."
        elif refuted:
            against = self._numbers(seen, far, far_side, standard)
            detail = f"{self.name} is shown not to be {self}: {against}."
        else:
            detail = f"{self.name} is not shown to be {self}: {towards}; {self._forecast(seen, standard)}."
        return Bound(
            self.name,
            seen.value,
            near if math.isfinite(near) else None,
            limit.bound,
            limit.direction,
            limit.relative,
            shown,
            refuted,
            detail,
        )

    def _sides(self, seen: Measured, standard: Standard) -> tuple[tuple[float, str], tuple[float, str]]:
        """The bound that must keep the limit, and the opposite one, each with its name."""
        lower, upper = (seen.lower(standard.alpha), "lower"), (seen.upper(standard.alpha), "upper")
        return (lower, upper) if self.limit.direction == ">=" else (upper, lower)

    def _numbers(self, seen: Measured, bound: float, side: str, standard: Standard) -> str:
        relative = self.limit.relative
        if math.isinf(bound):
            return f"estimate {amount(seen.value, relative)}, no {side} bound at level {standard.alpha:.2g}"
        return (
            f"estimate {amount(seen.value, relative)}, {side} bound {amount(bound, relative)} "
            f"at level {standard.alpha:.2g}"
        )

    def _forecast(self, seen: Measured, standard: Standard) -> str:
        """Users per arm that would show it, if the estimate were the truth: errors shrink with their root."""
        room = seen.value - self.limit.bound
        if self.limit.direction == "<=":
            room = -room
        # the limit is judged with the error at it; the estimate varies with the one where the truth is
        needed = quantile(standard.alpha, seen.degrees) * seen.error_at(self.limit.bound)
        needed += float(ndtri(standard.power)) * seen.error
        most = math.sqrt(MOST_USERS / standard.users_per_arm)  # before squaring, which could overflow
        if needed >= most * room:
            return "if the truth is what was seen, no number of users would show it"
        count = standard.users_per_arm * (needed / room) ** 2
        return (
            f"if the truth is what was seen, about {users(count)} users per arm would show it "
            f"with {standard.power:.0%} power"
        )
