"""Guardrails: on metrics that are measured, with limits that production keeps and that can be broken."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Metric
from rectune_dsl.dsl.suggest import nearest

_MISSPELT = 0.85


def check(draft: Draft) -> Iterator[Diagnostic]:
    for name, limit in draft.task.guardrails.items():
        metric = draft.task.metrics.get(name)
        yield from _measured(draft, name, metric)
        yield from _direction(draft, name, limit, metric)
        yield from _lift(draft, name, limit) if limit.relative else _level(draft, name, limit, metric)


def _measured(draft: Draft, name: str, metric: Metric | None) -> Iterator[Diagnostic]:
    if metric is None and name not in draft.cuts.keys and (meant := _misspelt(draft, name)):
        help = f"did you mean `{meant}`? Another metric of that name can be declared: [metrics] {name} = {{}}"
        yield draft.problem("RT404", ("guardrails", name), f"`{name}` is no metric", help, part="key")


def _misspelt(draft: Draft, name: str) -> str | None:
    """The declared metric that was meant. `return_d1` is no slip for `return_d7`: the digits differ."""
    guess = nearest(name, draft.task.metrics, _MISSPELT)
    if guess is not None and re.findall(r"\d+", guess) != re.findall(r"\d+", name):
        return None
    return guess


def _direction(draft: Draft, name: str, limit: Limit, metric: Metric | None) -> Iterator[Diagnostic]:
    if metric is not None and limit.direction == {1: "<=", -1: ">=", 0: ""}[metric.sign]:
        message = f"`{name}` is to be {metric.goal}d, and the guardrail wants it {limit}"
        help = f'to limit harm write "{"<=" if limit.direction == ">=" else ">="} ..."'
        yield draft.problem("RT406", ("guardrails", name), message, help)


def _lift(draft: Draft, name: str, limit: Limit) -> Iterator[Diagnostic]:
    """A limit on the lift over production."""
    path = ("guardrails", name)
    if not limit.holds(0.0):
        message = f"production itself, with a lift of 0 %, is not {limit}"
        help = 'a guardrail limits harm; write a margin such as ">= -1%", and a goal under [metrics]'
        yield draft.problem("RT405", path, message, help)
    elif limit.direction == ">=" and limit.bound <= -1:
        message = f"`{name}` may fall by all there is: no lift is below -100 %"
        yield draft.problem("RT409", path, message, 'write a margin such as ">= -1%"')
    elif limit.bound == 0:
        better = "rise" if limit.direction == ">=" else "fall"
        message = f"without a margin only a config that is proved to let `{name}` {better} can ship"
        help = f'allow what does no harm, such as "{limit.direction} {"-" if better == "rise" else "+"}1%"'
        yield draft.problem("RT411", path, message, help)


def _level(draft: Draft, name: str, limit: Limit, metric: Metric | None) -> Iterator[Diagnostic]:
    """A limit on the level itself, where a percent sign may have been forgotten."""
    path = ("guardrails", name)
    as_lift = f'"{limit.direction} {limit.bound:+.6g}%"'
    if metric is not None and metric.kind == "proportion" and not 0 < limit.bound < 1:
        is_always = limit.holds(0.0) and limit.holds(1.0)
        fate = "always" if is_always else "hardly ever"
        message = f"`{name}` is a proportion, between 0 and 1: it is {fate} {limit}"
        help = "write a number between 0 and 1"
        if limit.bound != 0:
            help += f", or {as_lift} for a lift over production"
        yield draft.problem("RT409", path, message, help)
    elif limit.signed:
        message = f"without a percent sign `{name}` itself must be {limit}, not its lift"
        help = f"write {as_lift} for a lift over production"
        if limit.bound >= 0:
            help += f', or "{limit.direction} {limit.bound:.6g}" for the level'
        yield draft.problem("RT410", path, message, help)
