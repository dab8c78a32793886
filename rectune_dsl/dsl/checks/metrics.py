"""Metrics and guardrails: a goal, limits that production keeps, nothing that is never measured."""

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
    if not draft.task.north_stars and not draft.cuts.touch(("metrics",)):
        help = 'give the metric to improve a goal: goal = "maximize"'
        yield draft.problem("RT401", ("metrics",), "no metric has a goal", help)
    for name, metric in draft.task.metrics.items():
        yield from _metric(draft, name, metric)
    for name, limit in draft.task.guardrails.items():
        yield from _guardrail(draft, name, limit)


def _metric(draft: Draft, name: str, metric: Metric) -> Iterator[Diagnostic]:
    path = ("metrics", name)
    parts = {"numerator": metric.numerator, "denominator": metric.denominator}
    for part, column in parts.items():
        if draft.cuts.touch((*path, part)) or draft.cuts.touch((*path, "kind")):
            continue
        if metric.kind == "ratio" and column is None:
            message = f"ratio `{name}` has no {part}"
            yield draft.problem("RT403", path, message, f'add {part} = "..."', part="key")
        if metric.kind != "ratio" and column is not None:
            message = f"`{name}` is a {metric.kind} and has a {part}"
            yield draft.problem(
                "RT403", (*path, part), message, f'write kind = "ratio", or remove {part}', part="key"
            )
    if metric.covariate == name:
        help = "name what was measured of the user before the experiment"
        yield draft.problem("RT408", (*path, "covariate"), f"`{name}` is its own covariate", help)
    if metric.goal is None and "weight" in metric.model_fields_set and not draft.cuts.touch((*path, "goal")):
        message = f"`{name}` has a weight and no goal"
        yield draft.problem(
            "RT407", (*path, "weight"), message, "add a goal, or remove the weight", part="key"
        )


def _guardrail(draft: Draft, name: str, limit: Limit) -> Iterator[Diagnostic]:
    path = ("guardrails", name)
    metric = draft.task.metrics.get(name)
    if metric is None and name not in draft.cuts.keys and (meant := _misspelt(draft, name)):
        help = f"did you mean `{meant}`? Another metric of that name can be declared: [metrics] {name} = {{}}"
        yield draft.problem("RT404", path, f"`{name}` is no metric", help, part="key")
    if limit.relative and not limit.holds(0.0):
        message = f"production itself, with a lift of 0 %, is not {limit}"
        help = 'a guardrail limits harm; write a margin such as ">= -1%", and a goal under [metrics]'
        yield draft.problem("RT405", path, message, help)
    if metric is not None and limit.direction == {1: "<=", -1: ">=", 0: ""}[metric.sign]:
        message = f"`{name}` is to be {metric.goal}d, and the guardrail wants it {limit}"
        help = f'to limit harm write "{"<=" if limit.direction == ">=" else ">="} ..."'
        yield draft.problem("RT406", path, message, help)


def _misspelt(draft: Draft, name: str) -> str | None:
    """The declared metric that was meant. `return_d1` is no slip for `return_d7`: the digits differ."""
    guess = nearest(name, draft.task.metrics, _MISSPELT)
    if guess is not None and re.findall(r"\d+", guess) != re.findall(r"\d+", name):
        return None
    return guess
