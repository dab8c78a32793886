"""Metrics: a goal, parts that fit the kind, covariates from before the experiment."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic, Fix
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.positions import KeyPath

LATE = 90
"""Days after which hardly a campaign still waits for a metric; 28 and 30 are common."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    if not draft.task.north_stars and not draft.cuts.touch(("metrics",)):
        name = next(iter(draft.task.metrics))
        help = f'give the metric to improve a goal, such as [metrics] {name} = {{ goal = "maximize" }}'
        yield draft.problem("RT401", ("metrics",), "no metric has a goal", help)
    for name, metric in draft.task.metrics.items():
        yield from _parts(draft, name, metric)
        yield from _covariate(draft, name, metric)
        yield from _weight(draft, name, metric)
        yield from _maturity(draft, name, metric)


def _parts(draft: Draft, name: str, metric: Metric) -> Iterator[Diagnostic]:
    path = ("metrics", name)
    parts = {"numerator": metric.numerator, "denominator": metric.denominator}
    for part, column in parts.items():
        if draft.cuts.touch((*path, part)) or draft.cuts.touch((*path, "kind")):
            continue
        if metric.kind == "ratio" and column is None:
            message = f"ratio `{name}` has no {part}"
            example = "impressions" if part == "denominator" else "clicks"
            help = f'add {part} = "...", the column that is counted, such as "{example}"'
            yield draft.problem("RT403", path, message, help, part="key")
        if metric.kind != "ratio" and column is not None:
            message = f"`{name}` is a {metric.kind} and has a {part}"
            help = f'remove {part}, or write kind = "ratio"'
            is_alone = None in parts.values()
            fix = draft.mend.remove((*path, part)) if is_alone else _as_ratio(draft, path, metric)
            yield draft.problem("RT403", (*path, part), message, help, part="key", fix=fix)
    if metric.kind == "ratio" and metric.numerator is not None and metric.numerator == metric.denominator:
        message = f"ratio `{name}` divides `{metric.numerator}` by itself: it is always 1"
        yield draft.problem("RT403", (*path, "denominator"), message, "name what it is counted out of")


def _as_ratio(draft: Draft, path: KeyPath, metric: Metric) -> Fix | None:
    if "kind" in metric.model_fields_set:
        return draft.mend.value((*path, "kind"), "ratio")
    return draft.mend.insert(path, "kind", "ratio")


def _covariate(draft: Draft, name: str, metric: Metric) -> Iterator[Diagnostic]:
    """What a config may change must not be held constant between arms: the effect would go with it."""
    path, covariate = ("metrics", name, "covariate"), metric.covariate
    help = "name what was measured of the user before the experiment"
    if covariate == name:
        help = f"{help}, such as {name}_before"
        yield draft.problem("RT408", path, f"`{name}` is its own covariate", help)
    elif covariate in _outcomes(draft):
        message = f"`{covariate}` is measured in the experiment: {_outcomes(draft)[covariate]}"
        yield draft.problem("RT408", path, message, f"{help}, such as {covariate}_before")


def _outcomes(draft: Draft) -> dict[str, str]:
    """Every column that is an outcome, and what it is there for."""
    found = dict.fromkeys(draft.task.guardrails, "it has a guardrail")
    for name, metric in draft.task.metrics.items():
        for part in ("numerator", "denominator", "column"):
            if (column := getattr(metric, part)) is not None:
                found[column] = f"it is the {part} of `{name}`"
    return found | dict.fromkeys(draft.task.metrics, "it is a metric of this task")


def _weight(draft: Draft, name: str, metric: Metric) -> Iterator[Diagnostic]:
    path = ("metrics", name)
    if metric.goal is None and "weight" in metric.model_fields_set and not draft.cuts.touch((*path, "goal")):
        message = f"`{name}` has a weight and no goal"
        help, fix = "remove the weight, or add a goal", draft.mend.remove((*path, "weight"))
        yield draft.problem("RT407", (*path, "weight"), message, help, part="key", fix=fix)


def _maturity(draft: Draft, name: str, metric: Metric) -> Iterator[Diagnostic]:
    if (days := metric.matures_after_days) > LATE:
        message = (
            f"`{name}` is complete {days} days after an experiment's last day, and inconclusive till then"
        )
        help = "take a metric that shows the same sooner, or check the number"
        yield draft.problem("RT412", ("metrics", name, "matures_after_days"), message, help)
