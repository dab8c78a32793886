"""The Insight agent: what the rounds so far have taught, with intervals, and what they have not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.agents.across import findings, shared
from rectune_dsl.agents.elite import elite
from rectune_dsl.agents.failing import failure_regions
from rectune_dsl.agents.past import tested_arms
from rectune_dsl.agents.sensitivity import STEP, Effect, effects
from rectune_dsl.agents.slate_mechanics import what_slates_do
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import HOLDOUT, AgentContext, Insight, Mechanic, RoundResult

_COMPARED = 4
"""Arms needed before the best are set against the worst."""
_NAMED = 3
SHARED = "Tasks share: "
"""Begins a note about what several tasks have found."""


class NumericInsight:
    """Learns the elite set, how each metric responds to each param and, where there is a panel, to what the
    slates show; what separates winners from losers, where arms fail, and what tasks have in common."""

    name = "numeric"

    def learn(self, context: AgentContext) -> Insight:
        task, history = context.task, context.history
        found = [effect for metric in task.judged for effect in effects(task, history, metric)]
        slates = what_slates_do(context)
        own = (mechanic(task, effect, history) for effect in found if effect.arms)
        mechanics = (*slates.mechanics, *own)
        return Insight(
            elite(task, history),
            mechanics,
            (
                *_frozen(history),
                *_surest(slates.mechanics),
                *_separation(context),
                *failure_regions(context),
                *_across(context, mechanics),
                *_unknown(found, _moved(task, history)),
            ),
            slates.responses,
        )


def mechanic(task: Task, effect: Effect, history: Sequence[RoundResult]) -> Mechanic:
    """An effect as a record. Its evidence are the experiments that moved the param and were not frozen."""
    space = Space(task)
    column = space.names.index(effect.param)
    moved_in = tuple(
        result.key
        for result in history
        if not result.frozen
        and any(
            abs(space.to_unit(arm.config.values) - space.production)[column] > 1e-9
            for arm in tested_arms([result])
        )
    )
    return Mechanic(
        metric=effect.metric,
        cause=effect.param,
        unit=step_unit(task.params[effect.param]),
        effect=effect.effect,
        low=effect.low,
        high=effect.high,
        evidence=moved_in,
        statement=_statement(task.params[effect.param], effect),
    )


def step_unit(param: Param) -> str:
    """A tenth of the param's range: a difference, or a factor on a log scale."""
    if param.scale == "log":
        return f"x{(param.high / param.low) ** STEP:.3g} (+10 % of its log range)"
    return f"{STEP * (param.high - param.low):+.3g} (+10 % of its range)"


def _statement(param: Param, effect: Effect) -> str:
    numbers = words.interval(effect.effect, effect.low, effect.high)
    tail = "" if effect.known else "; not known yet, the interval includes 0"
    unit = step_unit(param)
    return f"{effect.param} {unit}: {effect.metric} {numbers} ({words.count(effect.arms, 'arm')}){tail}."


def _frozen(history: Sequence[RoundResult]) -> list[str]:
    return [f"Nothing was learnt from {result.key}: {result.frozen}" for result in history if result.frozen]


def _surest(slates: Sequence[Mechanic]) -> list[str]:
    """The mechanics of slates whose intervals are furthest from 0, for their width, in a sentence."""
    surest = sorted(slates, key=lambda m: abs(m.effect) / (m.high - m.low), reverse=True)[:_NAMED]
    said = "; ".join(m.statement.rstrip(".") for m in surest)
    return [f"What slates do: {said}."] if said else []


def _separation(context: AgentContext) -> list[str]:
    """Where the best arms lie apart from the worst, by the posterior mean of U."""
    space = Space(context.task)
    arms = tested_arms(context.history)
    if len(arms) < _COMPARED:
        return [f"{words.count(len(arms), 'arm')} tested: too few to set the best against the worst."]
    u, _ = context.surrogate.objective([arm.config for arm in arms])
    order = np.argsort(-u, kind="stable")
    third = max(len(arms) // 3, 2)
    points = np.array([space.to_unit(arm.config.values) for arm in arms])
    gap = points[order[:third]].mean(0) - points[order[-third:]].mean(0)
    noise = np.sqrt(2.0 / third) * points.std(0)  # what two random thirds would differ by
    apart = [i for i in np.argsort(-np.abs(gap), kind="stable") if abs(gap[i]) > max(2.0 * noise[i], 0.05)]
    if not apart:
        return ["The best arms are not set apart from the worst by any single param."]
    sides = [(space.names[i], "more" if gap[i] > 0 else "less", gap[i]) for i in apart[:_NAMED]]
    parts = [f"{side} {name} ({by:+.2f} of its range)" for name, side, by in sides]
    best, worst = u[order[:third]].mean(), u[order[-third:]].mean()
    return [
        f"The best {third} arms (U {words.percent(best)}) differ from the worst {third} "
        f"(U {words.percent(worst)}) by {words.listed(parts)}."
    ]


def _across(context: AgentContext, mechanics: Sequence[Mechanic]) -> list[str]:
    """What this task and those whose skills are at hand have in common, in a sentence each."""
    known = [m for m in mechanics if not m.low <= 0 <= m.high]
    return [f"{SHARED}{one}" for one in shared(findings(context, known))[:_NAMED]]


def _moved(task: Task, history: Sequence[RoundResult]) -> set[str]:
    """Params of which an arm had another value, whatever came of it."""
    arms = [arm for result in history for arm in result.arms if arm.name != HOLDOUT]
    return {n for n, value in task.production.items() if any(arm.config[n] != value for arm in arms)}


def _unknown(found: Sequence[Effect], moved: Collection[str]) -> list[str]:
    """Params that no arm moved, those that arms moved and nothing was measured of, and those without any
    effect being clear yet."""
    params = list(dict.fromkeys(effect.param for effect in found))
    untested = [p for p in params if not any(e.arms for e in found if e.param == p)]
    unclear = [p for p in params if p not in untested and not any(e.known for e in found if e.param == p)]
    notes = []
    still = [p for p in untested if p not in moved]
    unmeasured = [p for p in untested if p in moved]
    if still:
        notes.append(f"Nothing is known about {words.listed(still)}: no arm moved {_pronoun(still)}.")
    if unmeasured:
        what = f"arms moved {_pronoun(unmeasured)} too little, or nothing was measured of them"
        notes.append(f"Nothing is known about {words.listed(unmeasured)}: {what}.")
    if unclear:
        notes.append(f"Not known yet: the effect of {words.listed(unclear)}; every interval includes 0.")
    return notes


def _pronoun(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
