"""What the study reports of each row: means with intervals, and differences in the same worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from tuning import figures

from ablations.campaigns import Outcome
from ablations.plan import Case, Row

CONFIDENCE = 0.90
Found = Mapping[Case, Mapping[int, Outcome]]
"""Campaigns by case and seed."""
Score = Callable[[Outcome], float]
_LEAST_ANSWERED = 90.0


@dataclass(frozen=True)
class Figure(figures.Figure):
    """`low` and `high` are an interval that covers the mean over all worlds in 90 % of such studies; None
    where one world tells of no other."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` worlds with its standard error and interval."""

    value: float
    count: int
    error: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of_values(cls, values: Sequence[float]) -> Estimate:
        """With Student's interval, which takes the mean of so many values to be normal."""
        count, mean = len(values), float(np.mean(values))
        if count < 2:
            return cls(mean, count)
        error = float(np.std(values, ddof=1)) / count**0.5
        half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1)) * error
        return cls(mean, count, error, mean - half, mean + half)

    @classmethod
    def of_share(cls, events: Sequence[bool]) -> Estimate:
        """In %, with Clopper's and Pearson's interval: of yes and no a normal one would be a point where all
        worlds agree."""
        count, happened = len(events), sum(events)
        exact = stats.binomtest(happened, count).proportion_ci(CONFIDENCE, method="exact")
        share = happened / count
        error = 100.0 * (share * (1.0 - share) / (count - 1)) ** 0.5 if count > 1 else None
        return cls(100.0 * share, count, error, 100.0 * float(exact.low), 100.0 * float(exact.high))


def reported(tables: Mapping[str, Sequence[Row]], found: Found) -> list[Figure]:
    """Of the rows that have campaigns, by table."""
    return [
        figure
        for table, rows in tables.items()
        for row in rows
        if row.case in found
        for figure in _row(table, row, found)
    ]


def _row(table: str, row: Row, found: Found) -> Iterator[Figure]:
    case, own = row.case, list(found[row.case].values())
    name = f"{table}: {case}"
    yield _mean(f"{name}: U left in production, of the oracle's", [o.left for o in own], "%")
    yield _mean(f"{name}: U recommended, of the oracle's", [o.recommended for o in own], "%")
    yield from _shares(name, table, own)
    yield _mean(f"{name}: arms that violate", [_violating(o) for o in own], "%")
    yield _mean(f"{name}: arms stopped for harm", [float(o.stopped) for o in own], "arms")
    if table == "stages":
        for metric in own[0].lifts:
            yield _mean(f"{name}: true lift of {metric}", [o.lifts[metric] for o in own], "%")
    if case.team.model is not None:
        yield from _costs(name, case, own)
    for other in row.against:
        if other in found:
            yield from _differences(name, table, case, other, found)


def _shares(name: str, table: str, own: Sequence[Outcome]) -> Iterator[Figure]:
    ships, harm = [o.ships for o in own], [o.harm for o in own]
    share = Estimate.of_share(ships)
    goal, ok = (">= 50", share.value >= 50) if table == "stages" else ("none", True)
    yield _figure(f"{name}: ships", share, "%", goal, ok)
    yield _figure(f"{name}: ships what violates", Estimate.of_share(harm), "%", "0", not any(harm))


def _costs(name: str, case: Case, own: Sequence[Outcome]) -> Iterator[Figure]:
    costs = [o.cost for o in own]
    yield _mean(f"{name}: calls paid for", [float(c.calls) for c in costs], "per campaign")
    yield _mean(f"{name}: tokens in", [float(c.input_tokens) for c in costs], "per campaign")
    yield _mean(f"{name}: tokens out", [float(c.output_tokens) for c in costs], "per campaign")
    yield _mean(f"{name}: cost", [c.usd for c in costs], "USD per campaign")
    yield _mean(f"{name}: calls without a price", [float(c.unpriced) for c in costs], "per campaign")
    yield _mean(f"{name}: answers had for nothing", [float(c.recalled) for c in costs], "per campaign")
    answered = [100.0 * c.answered / c.questions for c in costs if c.questions]
    if answered:
        goal, ok = f">= {_LEAST_ANSWERED:g}", float(np.mean(answered)) >= _LEAST_ANSWERED
        if _is_stand_in(case):
            goal, ok = "none", True
        yield _mean(f"{name}: questions with an answer of use", answered, "%", goal, ok)


def _differences(name: str, table: str, case: Case, other: Case, found: Found) -> Iterator[Figure]:
    """Less the other's, in the worlds that both met."""
    gain = _paired(case, other, found, lambda o: o.left)
    goal, ok = ("not shown below 0", _may_be_positive(gain)) if table == "skills" else ("none", True)
    yield _figure(f"{name}: U left in production, less that of {other}", gain, "points", goal, ok)
    advised = _paired(case, other, found, lambda o: o.recommended)
    yield _figure(f"{name}: U recommended, less that of {other}", advised, "points")
    harm = _paired(case, other, found, _violating)
    judged = table == "critic" and not _is_stand_in(case)
    goal, ok = ("<= 0", harm.value <= 0) if judged else ("none", True)
    yield _figure(f"{name}: arms that violate, less those of {other}", harm, "points", goal, ok)


def _is_stand_in(case: Case) -> bool:
    """Whose rows say nothing of what a model would do."""
    return case.team.model is not None and case.team.model.is_stand_in


def _may_be_positive(found: Estimate) -> bool:
    return (found.value if found.high is None else found.high) >= 0


def _paired(case: Case, other: Case, found: Found, score: Score) -> Estimate:
    own, theirs = found[case], found[other]
    return Estimate.of_values([score(own[seed]) - score(theirs[seed]) for seed in own if seed in theirs])


def _violating(outcome: Outcome) -> float:
    """In % of the arms tested; 0 where none was."""
    return 100.0 * outcome.violating / max(outcome.arms, 1)


def _mean(name: str, values: Sequence[float], unit: str, goal: str = "none", ok: bool = True) -> Figure:
    return _figure(name, Estimate.of_values(values), unit, goal, ok)


def _figure(name: str, found: Estimate, unit: str, goal: str = "none", ok: bool = True) -> Figure:
    error, low, high = (None if v is None else round(v, 4) for v in (found.error, found.low, found.high))
    return Figure(name, round(found.value, 4), unit, goal, ok, error, found.count, low, high)


def by_case(results: Iterable[tuple[Case, int, Outcome]]) -> Found:
    found: dict[Case, dict[int, Outcome]] = {}
    for case, seed, outcome in results:
        found.setdefault(case, {})[seed] = outcome
    return found
