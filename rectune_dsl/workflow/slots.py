"""What a task says of whom its experiments may serve, and how they begin, as experiments are told."""

from __future__ import annotations

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import USER, Ramp, Slot


def slot_of(task: Task) -> Slot | None:
    """The part of the surface's users that the task may have; None for all. Groups of users have layers of
    their own: their hashes are not those of users, so that a slot of one may meet any of the other."""
    if task.exclusion is None:
        return None
    (low, high), unit = task.exclusion.share, task.experiment.unit
    layer = task.exclusion.layer if unit == USER else f"{task.exclusion.layer}, {unit} by {unit}"
    return Slot(layer, low, high)


def ramp_of(task: Task) -> Ramp:
    """How the task's experiments begin."""
    return Ramp(task.ramp.steps, task.ramp.days) if task.ramp else Ramp()
