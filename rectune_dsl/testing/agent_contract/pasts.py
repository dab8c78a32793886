"""What a campaign may have measured: rounds of arms near production, and what can go wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Arm, Config, RoundResult
from rectune_dsl.testing.rounds import round_of

ARMS = 3
ERRORS = {"watch": 0.01, **dict.fromkeys(("returns", "skips", "hides", "wait", "new.returns"), 0.002)}
"""Standard errors of lifts; a metric that a task does not judge is not measured."""


def unmeasured(task: Task) -> tuple[RoundResult, ...]:
    """The campaign begins."""
    return ()


def measured(task: Task) -> tuple[RoundResult, ...]:
    """Two rounds, of which the second looked nearer to what was good in the first."""
    return tuple(_round(task, number, towards) for number, towards in ((1, 0.0), (2, 0.1)))


def best_stopped(task: Task) -> tuple[RoundResult, ...]:
    """The arm that raised the goal most also cost most."""
    first, second = measured(task)
    best = max(range(len(second.estimates.arms)), key=lambda row: _watched(second, row))
    return first, replace(second, stopped={second.estimates.arms[best]: "returns breaks its guardrail"})


def best_breaks(metric: str, lift: float) -> Callable[[Task], tuple[RoundResult, ...]]:
    """The arm that raised the goal most moved a guarded metric this far, which was seen at the end only."""

    def past(task: Task) -> tuple[RoundResult, ...]:
        rounds = measured(task)
        arms = [(result, row) for result in rounds for row in range(len(result.estimates.arms))]
        best, row = max(arms, key=lambda arm: _watched(*arm))
        return tuple(_with_lift(r, row, metric, lift) if r is best else r for r in rounds)

    return past


def all_stopped(task: Task) -> tuple[RoundResult, ...]:
    first, _ = measured(task)
    return (replace(first, stopped={arm.name: "returns breaks its guardrail" for arm in first.arms[1:]}),)


def frozen(task: Task) -> tuple[RoundResult, ...]:
    first, _ = measured(task)
    return (replace(first, frozen="sample-ratio mismatch"),)


def nothing_known(task: Task) -> tuple[RoundResult, ...]:
    """Every number of the estimates is missing."""
    return (_without(measured(task)[0], {"watch", "returns"}),)


def gap(task: Task) -> tuple[RoundResult, ...]:
    """In the second round a guardrail was not measured."""
    first, second = measured(task)
    return first, _without(second, {"returns"})


def _watched(result: RoundResult, row: int) -> float:
    """What an arm did to the goal."""
    found = result.estimates
    return found.lift[row][found.metrics.index("watch")] or 0.0


def _with_lift(result: RoundResult, row: int, metric: str, lift: float) -> RoundResult:
    """The round, where one arm's metric was measured at another lift; control has it at 1."""
    found = result.estimates
    column = found.metrics.index(metric)
    lifts, levels = np.array(found.lift, np.float64), np.array(found.level, np.float64)
    lifts[row, column], levels[row + 1, column] = lift, 1.0 + lift
    estimates = replace(
        found, lift=tuple(map(tuple, lifts.tolist())), level=tuple(map(tuple, levels.tolist()))
    )
    return replace(result, estimates=estimates)


def _without(result: RoundResult, gone: set[str]) -> RoundResult:
    """The round, with metrics that were not measured."""
    found = result.estimates
    known = np.array([metric not in gone for metric in found.metrics])

    def kept(rows: tuple[tuple[float | None, ...], ...]) -> tuple[tuple[float | None, ...], ...]:
        return tuple(tuple(v if k else None for v, k in zip(row, known, strict=True)) for row in rows)

    both = np.tile(known, len(found.arms))
    covariance = np.where(np.outer(both, both), found.covariance, 0.0)
    estimates = replace(
        found,
        lift=kept(found.lift),
        level=kept(found.level),
        covariance=tuple(map(tuple, covariance.tolist())),
        missing=dict.fromkeys(sorted(gone), "the table is late"),
    )
    return replace(result, estimates=estimates)


def _round(task: Task, number: int, towards: float) -> RoundResult:
    """A measured round of a few arms near production, some of them shifted `towards` what is better."""
    space = Space(task)
    rng = np.random.default_rng(number)
    points = space.sample(rng, ARMS, radius=0.15 - towards / 2)
    configs = [Config(space.from_unit(np.clip(point + towards * 0.1, 0.0, 1.0))) for point in points]
    configs = [config for config in configs if space.feasible(config.values)]
    arms = [Arm(f"r{number}p{place}", config) for place, config in enumerate(configs, 1)]
    truths = [_truth(space, config) for config in configs]
    return round_of(task, number, arms, truths, ERRORS, rng)


def _truth(space: Space, config: Config) -> Mapping[str, float]:
    """More of everything is watched more and skipped less, and beyond a while people come back less."""
    moved = float((space.to_unit(config.values) - space.production).sum())
    return {"watch": 0.15 * moved, "skips": -0.15 * moved, "returns": -0.01 * max(moved - 0.2, 0.0)}
