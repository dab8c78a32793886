"""What experiments measured: of each arm its metrics, U, and how likely it keeps all guardrails."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from rectune_dsl.agents.words import ends
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.experiments.holm import holm_adjusted
from rectune_dsl.experiments.intervals import Measured, kept_p_value, lift, limited, weighted_lifts
from rectune_dsl.hooks.api import CONTROL, HOLDOUT, Estimates, Prediction
from rectune_dsl.report.facts.records import ArmFacts, Measure, Span, Standing
from rectune_dsl.report.view import RoundView, RunView
from rectune_dsl.report.words import Z90


def span(seen: Measured | None) -> Span | None:
    """An estimate with its 90 % interval; None where there is none, or it is no number."""
    if seen is None or not math.isfinite(seen.value + seen.error):
        return None
    return Span(seen.value, seen.value - Z90 * seen.error, seen.value + Z90 * seen.error)


def expected(prediction: Prediction) -> Span:
    """What was predicted; nothing can lose more than all of it, however wide an interval is."""
    return Span(*ends(prediction))


def measures(
    task: Task, estimates: Estimates, arm: str, holm: Mapping[str, float] | None = None
) -> tuple[Measure, ...]:
    """Of every metric that was estimated, in the estimates' order; `holm` are its adjusted p-values."""
    return tuple(_measure(task, estimates, arm, metric, holm or {}) for metric in estimates.metrics)


def objective(task: Task, estimates: Estimates, arm: str) -> Span | None:
    """U of one arm; None where a north star is missing."""
    return span(weighted_lifts(estimates, task.objective_weights, arm))


def p_safe(task: Task, estimates: Estimates, arm: str) -> float | None:
    """P(all guardrails hold), given what was measured in this arm alone: see ArmFacts."""
    p = 1.0
    for metric, limit in task.guarded.items():
        seen = _of_guardrail(estimates, arm, metric, limit)
        if seen is None or seen.degrees <= 0:
            return None
        p *= 1.0 - kept_p_value(seen, limit)
    return p if math.isfinite(p) else None


def arms(task: Task, view: RunView) -> tuple[ArmFacts, ...]:
    """Every treatment of every round that can be trusted, in their order; and those that were stopped."""
    insights = (r.insight for r in reversed(view.rounds) if r.insight is not None)
    newest = next(insights, None)
    elite = {arm.arm for arm in newest.elite} if newest else set()
    space = Space(task)
    return tuple(found for round in view.rounds for found in _of_round(task, space, round, elite))


def _of_round(task: Task, space: Space, round: RoundView, elite: set[str]) -> Iterator[ArmFacts]:
    if round.result is None:
        return
    result, estimates = round.result, round.result.estimates
    holm = holm_adjusted(estimates, estimates.metrics)
    for arm in result.arms:
        stopped = result.stopped.get(arm.name, "")
        measured = arm.name in estimates.arms and not result.frozen
        if arm.name in (CONTROL, HOLDOUT) or not (measured or stopped):
            continue
        yield ArmFacts(
            name=arm.name,
            round=round.round,
            config=dict(arm.config.values),
            units=dict(zip(space.names, space.to_unit(arm.config.values).tolist(), strict=True)),
            objective=objective(task, estimates, arm.name) if measured else None,
            p_safe=p_safe(task, estimates, arm.name) if measured else None,
            measures=measures(task, estimates, arm.name, holm[arm.name]) if measured else (),
            stopped=stopped,
            is_elite=arm.name in elite,
        )


def _measure(task: Task, estimates: Estimates, arm: str, metric: str, holm: Mapping[str, float]) -> Measure:
    limit = task.guarded.get(metric)
    p = holm.get(metric)
    if limit is None:
        return Measure(metric, span(lift(estimates, arm, metric)), holm_p=p)
    seen = span(limited(estimates, arm, metric, limit))
    standing = _standing(seen, limit)
    return Measure(metric, seen, not limit.relative, limit.bound, limit.direction, standing, p)


def _standing(seen: Span | None, limit: Limit) -> Standing:
    if seen is None:
        return ""
    if limit.holds(seen.low) and limit.holds(seen.high):
        return "kept"
    return "open" if limit.holds(seen.value) else "broken"


def _of_guardrail(estimates: Estimates, arm: str, metric: str, limit: Limit) -> Measured | None:
    return limited(estimates, arm, metric, limit) if metric in estimates.metrics else None
