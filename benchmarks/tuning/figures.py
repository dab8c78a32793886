"""What the study reports: means, differences from the best peer, and the goals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from speed import figures

from tuning.campaign import JUDGED_AFTER, Campaign
from tuning.plan import FUNCTIONS, MAIN
from tuning.registry import PEERS
from tuning.tables import (
    Case,
    Mean,
    Table,
    chance_to_ship,
    memory,
    safe_gain,
    seconds_per_batch,
    violating_arms,
    violating_recommendations,
)

Score = Callable[[Campaign], float]
OURS = "rectune"
_LEAD = 20.0


@dataclass(frozen=True)
class Figure(figures.Figure):
    """`error` is the standard error over `worlds`."""

    error: float | None = None
    worlds: int = 0


def reported(table: Table) -> list[Figure]:
    return [*goals(table), *_means(table)]


def goals(table: Table) -> Iterator[Figure]:
    """Those of which there are results."""
    for size, number, least in ((12, 4, 75), (12, 8, 85), (6, 4, 75), (6, 8, 88), (24, 8, 60)):
        if (case := _ours(f"world-{size}")) in table.campaigns:
            mean = table.mean(case, safe_gain(number))
            yield _figure(
                f"{_named(case)}: safe gain after {number}", mean, "%", f">= {least}", mean.value >= least
            )
    yield from _against_peers(table)
    yield from _safety(table)
    for problem in FUNCTIONS:
        case, other = _ours(problem), (problem, "plain", MAIN, "bayes")
        if case in table.campaigns and other in table.campaigns:
            mean = table.paired(case, other, safe_gain(8))
            name = f"{_named(case)}: safe gain less bayes' after 8"
            yield _figure(name, mean, "points", "not below 0 by more than 2 SE", mean.value + mean.twice >= 0)
    if (case := _ours("world-24")) in table.campaigns:
        mean = table.mean(case, seconds_per_batch)
        yield _figure(f"{_named(case)}: processor time per batch", mean, "s", "<= 1", mean.value <= 1)


def _against_peers(table: Table) -> Iterator[Figure]:
    for size in (4, 12):
        case = _ours(f"world-{size}")
        if case not in table.campaigns:
            continue
        best = _best_peer(table, case, 4)
        if best is not None:
            mean = table.paired(case, best, safe_gain(4))
            name = f"{_named(case)}: safe gain less {best[3]}'s, the best peer, after 4"
            if size == 12:
                yield _figure(
                    name, mean, "points", f"less 2 SE >= {_LEAD:g}", mean.value - mean.twice >= _LEAD
                )
            else:
                yield _figure(
                    name, mean, "points", "not below 0 by more than 2 SE", mean.value + mean.twice >= 0
                )


def _best_peer(table: Table, case: Case, number: int) -> Case | None:
    """The one with the largest mean, own `bayes` among them, of those that met half of our worlds at least: a
    few lucky worlds are no peer."""
    others = [
        other for other in _peers(table, case) if 2 * len(table.campaigns[other]) >= _worlds(table, case)
    ]
    return max(others, key=lambda other: table.mean(other, safe_gain(number)).value, default=None)


def _peers(table: Table, case: Case) -> list[Case]:
    return [(*case[:3], tuner) for tuner in table.tuners(*case[:3]) if tuner in PEERS or tuner == "bayes"]


def _worlds(table: Table, case: Case) -> int:
    return len(table.campaigns.get(case, ()))


def _safety(table: Table) -> Iterator[Figure]:
    """Over all worlds of all sizes at the main noise."""
    cases = [
        case for case in table.campaigns if case[0].startswith("world-") and case[1:] == ("plain", MAIN, OURS)
    ]
    campaigns = [campaign for case in cases for campaign in table.campaigns[case].values()]
    if not campaigns:
        return
    limits: tuple[tuple[str, Score, float], ...] = (
        ("violating arms in round 1", violating_arms(True), 15),
        ("violating arms after round 1", violating_arms(False), 10),
        ("violating recommendations", violating_recommendations, 2),
    )
    for name, score, most in limits:
        mean = Mean.of(map(score, campaigns))
        yield _figure(f"all worlds at 25 %, {OURS}: {name}", mean, "%", f"<= {most:g}", mean.value <= most)


def _means(table: Table) -> Iterator[Figure]:
    for case in sorted(table.campaigns):
        scores: list[tuple[str, Score, str]] = [
            *((f"safe gain after {n}", safe_gain(n), "%") for n in JUDGED_AFTER),
            *((f"chance to ship after {n}", chance_to_ship(n), "%") for n in JUDGED_AFTER),
            ("violating arms in round 1", violating_arms(True), "%"),
            ("violating arms after round 1", violating_arms(False), "%"),
            ("violating recommendations", violating_recommendations, "%"),
            ("processor time per batch", seconds_per_batch, "s"),
            ("memory", memory, "MB"),
        ]
        for name, score, unit in scores:
            yield _figure(f"{_named(case)}: {name}", table.mean(case, score), unit, "none", True)
        for peer in _peers(table, case) if case[3] == OURS else ():
            for number in JUDGED_AFTER:
                name = f"{_named(case)}: safe gain less {peer[3]}'s after {number}"
                yield _figure(name, table.paired(case, peer, safe_gain(number)), "points", "none", True)


def _ours(problem: str) -> Case:
    return problem, "plain", MAIN, OURS


def _named(case: Case) -> str:
    problem, setting, noise, tuner = case
    return f"{problem}{'' if setting == 'plain' else f', {setting}'} at {100 * noise:g} %, {tuner}"


def _figure(name: str, mean: Mean, unit: str, goal: str, ok: bool) -> Figure:
    error = None if mean.error is None else round(mean.error, 3)
    return Figure(name, round(mean.value, 3), unit, goal, bool(ok), error, mean.count)
