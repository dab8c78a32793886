"""What the study reports: shares of many simulated cases, each with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scipy.special import betaincinv
from speed import figures

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure(figures.Figure):
    """`interval`: Clopper and Pearson's 95 % bounds of a share, in its unit."""

    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Share:
    """`times` of `of` independent cases. Shares of the same question add up."""

    times: int
    of: int

    def __add__(self, other: Share) -> Share:
        return Share(self.times + other.times, self.of + other.of)

    @property
    def value(self) -> float:
        return self.times / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson 1934."""
        tail, missed = (1 - CONFIDENCE) / 2, self.of - self.times
        low = float(betaincinv(self.times, missed + 1, tail)) if self.times else 0.0
        high = float(betaincinv(self.times + 1, missed, 1 - tail)) if missed else 1.0
        return low, high

    def at_most(self, name: str, limit: float) -> Figure:
        """Not ok once chance no longer explains that it lies above the limit."""
        return self._figure(name, f"<= {100 * limit:g}", self.interval[0] <= limit)

    def near(self, name: str, target: float, slack: float) -> Figure:
        """Not ok once chance no longer explains that it lies farther from the target."""
        low, high = self.interval
        ok = low <= target + slack and high >= target - slack
        return self._figure(name, f"{100 * target:.3g} +- {100 * slack:g}", ok)

    def shown(self, name: str) -> Figure:
        """Without a goal."""
        return self._figure(name, "none", True)

    def _figure(self, name: str, goal: str, ok: bool) -> Figure:
        low, high = (round(100 * end, 2) for end in self.interval)
        return Figure(name, round(100 * self.value, 2), "%", goal, ok, (low, high))


def total(shares: Iterable[Share]) -> Share:
    return sum(shares, Share(0, 0))
