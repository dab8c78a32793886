"""Results by tuner and problem, as means with standard errors, and paired with each other's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tuning.campaign import Campaign, Round
from tuning.unit import Result

Case = tuple[str, str, float, str]
"""Problem, setting, noise, tuner."""


@dataclass(frozen=True)
class Mean:
    """`error` is None where there is one value only."""

    value: float
    error: float | None
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Mean:
        found = np.array(list(values), np.float64)
        error = float(found.std(ddof=1) / np.sqrt(len(found))) if len(found) > 1 else None
        return cls(float(found.mean()), error, len(found))

    @property
    def twice(self) -> float:
        """Two standard errors; infinite where there is none."""
        return np.inf if self.error is None else 2.0 * self.error


@dataclass(frozen=True)
class Table:
    """Campaigns by case and seed."""

    campaigns: Mapping[Case, Mapping[int, Campaign]]

    @classmethod
    def of(cls, results: Iterable[Result]) -> Table:
        found: dict[Case, dict[int, Campaign]] = {}
        for result in sorted(results, key=lambda one: one.unit):
            place = result.unit.place
            case = (place.problem, place.setting, result.unit.noise, result.unit.tuner)
            found.setdefault(case, {})[place.seed] = result.campaign
        return cls(found)

    def tuners(self, problem: str, setting: str, noise: float) -> list[str]:
        return [case[3] for case in self.campaigns if case[:3] == (problem, setting, noise)]

    def mean(self, case: Case, score: Callable[[Campaign], float]) -> Mean:
        return Mean.of(map(score, self.campaigns[case].values()))

    def paired(self, case: Case, other: Case, score: Callable[[Campaign], float]) -> Mean:
        """`case` less `other` in the worlds that both met."""
        own, theirs = self.campaigns[case], self.campaigns[other]
        return Mean.of(score(own[seed]) - score(theirs[seed]) for seed in own if seed in theirs)


def after(number: int) -> Callable[[Campaign], Round]:
    """The round with this number."""
    return lambda campaign: next(one for one in campaign.rounds if one.number == number)


def safe_gain(number: int) -> Callable[[Campaign], float]:
    return lambda campaign: float(after(number)(campaign).safe_gain or 0.0)


def chance_to_ship(number: int) -> Callable[[Campaign], float]:
    return lambda campaign: 100.0 * float(after(number)(campaign).chance_to_ship or 0.0)


def violating_recommendations(campaign: Campaign) -> float:
    """In % of those that were judged."""
    judged = [one.violates for one in campaign.rounds if one.violates is not None]
    return 100.0 * sum(judged) / len(judged)


def violating_arms(first: bool) -> Callable[[Campaign], float]:
    """In % of the arms tested in round 1, or after it; 0 where none was."""

    def score(campaign: Campaign) -> float:
        rounds = [one for one in campaign.rounds if (one.number == 1) == first]
        return 100.0 * sum(one.violating for one in rounds) / max(sum(one.arms for one in rounds), 1)

    return score


def seconds_per_batch(campaign: Campaign) -> float:
    return sum(one.seconds for one in campaign.rounds) / len(campaign.rounds)


def memory(campaign: Campaign) -> float:
    return campaign.memory or 0.0
