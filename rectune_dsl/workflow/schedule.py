"""When a campaign would begin and end, if it were begun now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rectune_dsl.dsl.model import Task
from rectune_dsl.workflow.calendar import first_start, thawed
from rectune_dsl.workflow.clock import Clock


@dataclass(frozen=True)
class Schedule:
    """`begins` is the first day of the first experiment, `ends` when what was confirmed could ship, each at
    the earliest; `frozen` are the whole days in between, and before, for which freezes make it wait."""

    begins: datetime
    ends: datetime
    frozen: int


def days_of_experiments(task: Task) -> tuple[int, ...]:
    """Days of each round's experiment and, last, of the confirmation, until all metrics have matured."""
    served = (*[task.experiment.days] * task.experiment.rounds, task.confirm.days)
    return tuple(task.ramp_days + days + task.matures_after_days for days in served)


def schedule(task: Task, clock: Clock) -> Schedule:
    """Approvals, early stops and what is held up apart."""
    possible, starts, lost = clock.next_start(None), [], timedelta()
    for days in days_of_experiments(task):
        starts.append(first_start(task.freeze, possible, days - task.matures_after_days))
        lost += starts[-1] - possible
        possible = clock.next_start(starts[-1] + timedelta(days=days))
    ships = thawed(task.freeze, possible)
    return Schedule(starts[0], ships, (lost + ships - possible).days)
