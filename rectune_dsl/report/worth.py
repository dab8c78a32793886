"""What skills were worth in a run: the arms of rounds with them beside those of rounds without."""

from __future__ import annotations

import statistics

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import RoundResult
from rectune_dsl.report.view import RoundView, RunView
from rectune_dsl.report.words import percent


def told_of(round: RoundView) -> str:
    """Whether the round's agents knew of skills, in a sentence; empty where there was nothing to know."""
    used = round.knowledge
    if used is None or not (used.records or used.withheld):
        return ""
    if used.withheld:
        return "This round was proposed and reviewed without skills, so that their worth stays measured."
    count = len(used.records)
    return f"Skills told of {count} record{'s' if count > 1 else ''}."


def worth(task: Task, view: RunView) -> str:
    """Mean U of arms, as measured, with and without skills; empty where there were not both."""
    with_them = _measured(task, [r for r in view.rounds if r.knowledge and r.knowledge.records])
    without = _measured(task, [r for r in view.rounds if r.knowledge and r.knowledge.withheld])
    if not with_them or not without:
        return ""
    return (
        f"skills: U of the {len(with_them)} arms with them {percent(statistics.mean(with_them))} on average, "
        f"of the {len(without)} without {percent(statistics.mean(without))} (raw means of different rounds)"
    )


def _measured(task: Task, rounds: list[RoundView]) -> list[float]:
    results = [round.result for round in rounds if round.result is not None and not round.result.frozen]
    return [u for result in results for u in _objectives(task, result)]


def _objectives(task: Task, result: RoundResult) -> list[float]:
    estimates, weights = result.estimates, task.objective_weights
    found = []
    for row in estimates.lift:
        lifts = dict(zip(estimates.metrics, row, strict=True))
        known = {metric: lifts.get(metric) for metric in weights}
        if all(lift is not None for lift in known.values()):
            found.append(sum(weights[metric] * (lift or 0.0) for metric, lift in known.items()))
    return found
