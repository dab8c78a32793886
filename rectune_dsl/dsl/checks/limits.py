"""Guardrails: on metrics that are measured, with limits that production keeps and that can be broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.suggest import nearest

_MISSPELT = 0.85
_SHARE = 0.1


def check(draft: Draft) -> Iterator[Diagnostic]:
    tables: list[tuple[KeyPath, Mapping[str, Limit]]] = [(("guardrails",), draft.task.guardrails)]
    for name, segment in draft.task.segments.items():
        tables.append((("segments", name, "guardrails"), segment.guardrails))
    for table, guardrails in tables:
        for name, limit in guardrails.items():
            path, metric = (*table, name), draft.task.metrics.get(name)
            yield from _measured(draft, path)
            yield from _direction(draft, path, limit, metric)
            yield from _lift(draft, path, limit) if limit.relative else _level(draft, path, limit, metric)


def _measured(draft: Draft, path: KeyPath) -> Iterator[Diagnostic]:
    name, known = str(path[-1]), set(draft.task.metrics)
    if path[0] == "segments":  # where the whole task's guardrails declare metrics too
        known |= draft.task.guardrails.keys()
    declared = known | draft.cuts.keys
    if name not in declared and (meant := _misspelt(name, known)):
        help = f"did you mean `{meant}`? Another metric of that name can be declared: [metrics] {name} = {{}}"
        fix = draft.mend.rename(path, meant)
        yield draft.problem("RT404", path, f"`{name}` is no metric", help, part="key", fix=fix)


def _misspelt(name: str, known: Set[str]) -> str | None:
    """The declared metric that was meant. `return_d1` is no slip for `return_d7`: the digits differ."""
    guess = nearest(name, known, _MISSPELT)
    if guess is not None and re.findall(r"\d+", guess) != re.findall(r"\d+", name):
        return None
    return guess


def _direction(draft: Draft, path: KeyPath, limit: Limit, metric: Metric | None) -> Iterator[Diagnostic]:
    if metric is not None and limit.direction == {1: "<=", -1: ">=", 0: ""}[metric.sign]:
        message = f"`{path[-1]}` is to be {metric.goal}d, and the guardrail wants it {limit}"
        opposite = "<=" if limit.direction == ">=" else ">="
        mirrored = f"{opposite} {-limit.bound * 100:+.6g}%" if limit.relative else ""
        help = f'to limit harm write "{mirrored or f"{opposite} ..."}"'
        fix = draft.mend.value(path, mirrored) if mirrored else None
        yield draft.problem("RT406", path, message, help, fix=fix)


def _lift(draft: Draft, path: KeyPath, limit: Limit) -> Iterator[Diagnostic]:
    """A limit on the lift over production."""
    name = path[-1]
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


def _level(draft: Draft, path: KeyPath, limit: Limit, metric: Metric | None) -> Iterator[Diagnostic]:
    """A limit on the level itself, where a percent sign may have been forgotten."""
    name = path[-1]
    # -0.01 is a share, -1 a number of percent
    percent = limit.bound * 100 if abs(limit.bound) < _SHARE else limit.bound
    as_lift = f'"{limit.direction} {percent:+.6g}%"'
    if metric is not None and metric.kind == "proportion" and not 0 < limit.bound < 1:
        is_always = limit.holds(0.0) and limit.holds(1.0)
        fate = "always" if is_always else "hardly ever"
        message = f"`{name}` is a proportion, between 0 and 1: it is {fate} {limit}"
        help = "write a number between 0 and 1"
        if limit.bound != 0:
            help += f", or {as_lift} for a lift over production"
        fix = draft.mend.text(path, as_lift) if _allows_no_change(limit) else None
        yield draft.problem("RT409", path, message, help, fix=fix)
    elif limit.signed:
        message = f"without a percent sign `{name}` itself must be {limit}, not its lift"
        help = f"write {as_lift} for a lift over production"
        if limit.bound >= 0:
            help += f', or "{limit.direction} {limit.bound:.6g}" for the level'
        fix = draft.mend.text(path, as_lift) if _allows_no_change(limit) else None
        yield draft.problem("RT410", path, message, help, fix=fix)


def _allows_no_change(limit: Limit) -> bool:
    """Whether a number would be a margin if it were a lift in percent."""
    return limit.bound > 0 if limit.direction == "<=" else -100 < limit.bound < 0
