"""Campaigns side by side: what differs in what they were asked, and in what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.written import complete, dotted, literal, written
from rectune_dsl.report.facts.records import ArmFacts, Facts, Measure, Span
from rectune_dsl.report.resolved import leaves
from rectune_dsl.skillhub.revisions import SHORT

ABSENT = "-"
"""What stands for a key that a task does not have."""


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same in all campaigns: its values, one per run."""

    setting: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """One campaign. `best` is the highest U measured, `safe_gain` the highest of a safe arm, both raw;
    `gains` are the safe gains after each round, and `bests` the best U. `reached_in` is the number of rounds
    until the safe gain was at least the comparison's `target`. `beyond_guardrail` are arms of which a whole
    interval lies beyond a guardrail's limit, or that were stopped. `confirmed` is what the confirmation
    measured of U, and `alpha` the one-sided level of its bounds.
    """

    run: str
    task: str
    state: str
    rounds: int
    best: Span | None
    safe_gain: Span
    safe_arm: str
    bests: tuple[float | None, ...]
    gains: tuple[float, ...]
    reached_in: int | None
    confirmed: Span | None
    alpha: float | None
    arms: int
    beyond_guardrail: tuple[str, ...]
    experiments: int
    users: int
    days: int
    usd: float
    unpriced: int
    calls: int
    config: Mapping[str, float] | None


@dataclass(frozen=True)
class Comparison:
    """`not_comparable` says, a sentence each, what must not be held against each other; `same_objective`
    whether U means the same in all campaigns. `target` is the least of the final safe gains, None where it is
    0 or U does not mean the same."""

    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]
    not_comparable: tuple[str, ...]
    same_objective: bool
    target: float | None
    production: tuple[Mapping[str, float], ...]


def comparison(tasks: Sequence[Task], found: Sequence[Facts]) -> Comparison:
    """Of at least two campaigns, in the given order."""
    told = tuple(_incomparable(tasks, found))
    same = all(facts.weights == found[0].weights for facts in found)
    least = min((facts.rounds[-1].safe_gain.value if facts.rounds else 0.0 for facts in found), default=0.0)
    target = least if same and least > 0 else None
    return Comparison(
        sides=tuple(_side(facts, target) for facts in found),
        differences=tuple(_differences(tasks, found)),
        not_comparable=told,
        same_objective=same,
        target=target,
        production=tuple(task.production for task in tasks),
    )


def breaks(measure: Measure) -> bool:
    """Whether the whole interval lies beyond the guardrail's limit."""
    if measure.span is None or measure.limit is None:
        return False
    if measure.direction == ">=":
        return measure.span.high < measure.limit
    return measure.span.low > measure.limit


def _side(facts: Facts, target: float | None) -> Side:
    last = facts.rounds[-1] if facts.rounds else None
    gains = tuple(r.safe_gain.value for r in facts.rounds)
    recommended = {p.name: p.recommended for p in facts.params if p.recommended is not None}
    return Side(
        run=facts.run,
        task=facts.task,
        state=facts.end.state,
        rounds=len(facts.rounds),
        best=last.best if last else None,
        safe_gain=last.safe_gain if last else Span(0.0, 0.0, 0.0),
        safe_arm=last.safe_arm if last else "",
        bests=tuple(None if r.best is None else r.best.value for r in facts.rounds),
        gains=gains,
        reached_in=None if target is None else next((i for i, g in enumerate(gains, 1) if g >= target), None),
        confirmed=facts.end.objective,
        alpha=facts.end.alpha,
        arms=len(facts.arms),
        beyond_guardrail=tuple(arm.name for arm in facts.arms if _is_beyond(arm)),
        experiments=facts.experiments,
        users=facts.users,
        days=facts.days,
        usd=sum(cost.usd for cost in facts.costs),
        unpriced=sum(cost.unpriced for cost in facts.costs),
        calls=sum(cost.calls for cost in facts.costs),
        config=recommended or None,
    )


def _is_beyond(arm: ArmFacts) -> bool:
    return bool(arm.stopped) or any(map(breaks, arm.measures))


def _differences(tasks: Sequence[Task], found: Sequence[Facts]) -> Iterator[Difference]:
    """What the runs were started with, then every key that a task sets. A default counts where another task
    sets something else."""
    started: list[dict[str, str]] = [
        {
            "seed": str(f.provenance.seed),
            "rectune": f.provenance.rectune,
            "skill revision": f.provenance.skill_revision[:SHORT] or ABSENT,
        }
        for f in found
    ]
    settings = [
        {**first, **{dotted(path): literal(value) for path, value in leaves(complete(task))}}
        for first, task in zip(started, tasks, strict=True)
    ]
    said = {dotted(path): None for task in tasks for path, _ in leaves(written(task))}
    for name in dict.fromkeys([*started[0], *said]):
        values = tuple(one.get(name, ABSENT) for one in settings)
        if len(set(values)) > 1:
            yield Difference(name, values)


def _incomparable(tasks: Sequence[Task], found: Sequence[Facts]) -> Iterator[str]:
    if len({task.task.surface for task in tasks}) > 1:
        yield "The surfaces differ: users, traffic and what production serves there are not the same."
    if any(facts.weights != found[0].weights for facts in found):
        yield "U is not the same sum of lifts in all runs: their U, safe gains and rounds are not comparable."
    if any(task.guarded != tasks[0].guarded for task in tasks):
        yield "The guardrails differ: what is safe in one run may not be in another."
    if any(facts.floor != found[0].floor for facts in found):
        yield "The risks differ: an arm may count as safe in one run that would not in another."
    if any(task.production != tasks[0].production for task in tasks):
        yield "Production differs: lifts are over different configs."
    if len({task.experiment.backend for task in tasks}) > 1:
        yield "The backends differ: their lifts are of different users."
    if any(task.simulator != tasks[0].simulator for task in tasks):
        yield "The simulated worlds differ."
    if any(not facts.arms for facts in found):
        yield "Not every run has measured an arm."
