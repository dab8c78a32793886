"""Where arms fail: the ranges of single params that only arms known to fail were in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents import words
from rectune_dsl.agents.past import Failure, failures, tested_arms
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext

Array = NDArray[np.float64]
_NAMED = 3
_APART = 0.05
"""Share of a param's range that has to lie between failed arms and all others."""


def failure_regions(context: AgentContext) -> list[str]:
    """One sentence per param that sets all failed arms apart, by one side of its range, the widest gap first;
    none where no arm failed, or where nothing else was tested."""
    failed = failures(context.task, context.history)
    names = {failure.arm for failure in failed}
    kept = [arm.config.values for arm in tested_arms(context.history) if arm.name not in names]
    if not failed or not kept:
        return []
    space = Space(context.task)
    bad, good = space.to_units([f.config.values for f in failed]), space.to_units(kept)
    above, below = bad.min(0) - good.max(0), good.min(0) - bad.max(0)
    gaps = np.maximum(above, below)
    widest = [int(i) for i in np.argsort(-gaps, kind="stable")[:_NAMED] if gaps[i] > _APART]
    return [_sentence(space, failed, kept, i) for i in widest]


def _sentence(space: Space, failed: Sequence[Failure], kept: Sequence[Mapping[str, float]], at: int) -> str:
    name = space.names[at]
    bad, good = [f.config[name] for f in failed], [values[name] for values in kept]
    return (
        f"{words.count(len(failed), 'arm')} failed, all with {name} {_range(bad)}; the other "
        f"{words.count(len(kept), 'arm')} had it {_range(good)}."
    )


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"at {low:.4g}" if low == high else f"between {low:.4g} and {high:.4g}"
