"""Checks that try the task out: one sample of configs and signals serves them all."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rectune_dsl.dsl.checks import diversity, effects, samples, scores
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.sound import sound
from rectune_dsl.dsl.diagnostics import Diagnostic


def check(draft: Draft) -> Iterator[Diagnostic]:
    task = sound(draft)
    if not all(0 < s.domain[1] - s.domain[0] < math.inf for s in task.signals.values()):
        return
    try:
        sample = samples.draw(task)
    except ValueError:
        return  # no feasible config: said by the constraints' check
    yield from scores.check(draft, task, sample)
    yield from diversity.check_signs(draft, task, sample)
    yield from effects.check(draft, task, sample)
