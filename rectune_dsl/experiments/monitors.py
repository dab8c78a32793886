"""Watching a running experiment: stop an arm whose harm is shown, whenever one looks."""

from __future__ import annotations

from collections.abc import Mapping

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.evidence import Evidence, Unknown
from rectune_dsl.experiments.intervals import broken_by
from rectune_dsl.experiments.sequences import one_sided_factor
from rectune_dsl.experiments.wording import amount

LEAST_EFFECTIVE_N = 100
"""Below it the sequences' normal approximation is not relied on: nothing is shown yet."""


def stop_alpha(task: Task) -> float:
    """The level of one arm's one guardrail: the run's alpha, divided by every arm that may be launched in it
    (rounds x arms, and the confirmation's one) times the guardrails."""
    launched = task.experiment.rounds * task.experiment.arms + 1
    return task.experiment.alpha / (launched * max(len(task.guarded), 1))


def harm(known: Evidence, limits: Mapping[str, Limit], *, alpha: float, fraction: float) -> dict[str, str]:
    """Arms that are shown to break a limit, each with a sentence that says so.

    `alpha` is the level of one arm's one limit over the whole experiment (`stop_alpha`), `fraction` the share
    of the planned days that have passed. A limit is broken when a one-sided confidence sequence lies wholly
    beyond it. What is missing shows nothing.
    """
    factor = one_sided_factor(alpha, fraction)
    found: dict[str, str] = {}
    for arm in known.arms:
        broken = [_broken(known, arm, metric, limit, factor) for metric, limit in limits.items()]
        if any(broken):
            found[arm] = " ".join(filter(None, broken))
    return found


def _broken(known: Evidence, arm: str, metric: str, limit: Limit, factor: float) -> str:
    seen = known.limited(arm, metric, limit)
    if isinstance(seen, Unknown) or seen.degrees + 1 < LEAST_EFFECTIVE_N:
        return ""
    best = broken_by(seen, limit, factor)
    if best is None:
        return ""
    what = "lift" if limit.relative else "level"
    side = "upper" if limit.direction == ">=" else "lower"
    return (
        f"{metric} breaks its guardrail ({limit}): its {what} is {amount(seen.value, limit.relative)}, "
        f"and even its {side} bound, valid at every look, is {amount(best, limit.relative)}."
    )
