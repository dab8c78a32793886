"""Whether a config may be served at all."""

from __future__ import annotations

import numpy as np

from rectune_dsl.agents.region import ROUNDING
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Check, Config


def validity(task: Task, space: Space, config: Config) -> Check:
    """Finite values for the task's params and no others, inside all bounds and constraints."""
    values, params = config.values, task.params
    problems = [f"{name} has no value" for name in params if name not in values]
    problems += [f"{name} is no param of the task" for name in values if name not in params]
    problems += [f"{n} is not a finite number" for n, v in values.items() if not np.isfinite(v)]
    problems = problems or list(space.violations(values))
    detail = "; ".join(problems) if problems else "inside all bounds and constraints"
    return Check("validity", not problems, detail)


def step(task: Task, space: Space, config: Config) -> Check:
    """Whether a valid config stays within `[limits] step` of production."""
    offsets = np.abs(space.to_unit(config.values) - space.production)
    widest, limit = int(offsets.argmax()), task.limits.step
    moved = f"{space.names[widest]} moves by {offsets[widest]:.0%} of its range"
    return Check("step", bool(offsets[widest] <= limit + ROUNDING), f"{moved}; {limit:.0%} is allowed")
