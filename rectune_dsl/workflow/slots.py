"""What a task says of whom its experiments may serve, and how they begin, as experiments are told."""

from __future__ import annotations

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Ramp, Slot


def slot_of(task: Task) -> Slot | None:
    """The part of the surface's users that the task may have; None for all."""
    if task.exclusion is None:
        return None
    low, high = task.exclusion.share
    return Slot(task.exclusion.layer, low, high)


def ramp_of(task: Task) -> Ramp:
    """How the task's experiments begin."""
    return Ramp(task.ramp.steps, task.ramp.days) if task.ramp else Ramp()
