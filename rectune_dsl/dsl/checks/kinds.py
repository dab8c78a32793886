"""Keys and uses of a metric that its kind does not have: quantiles, and winsorised means."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import USER
from rectune_dsl.dsl.positions import KeyPath


def check(draft: Draft) -> Iterator[Diagnostic]:
    for name, metric in draft.task.metrics.items():
        if draft.cuts.touch(("metrics", name)):
            continue
        yield from _keys(draft, name, metric)
        if metric.kind == "quantile":
            yield from _uses(draft, name, metric)
        if metric.winsorize is not None and metric.kind == "mean":
            yield from _readers(draft, name)
    yield from _segments(draft)


def _keys(draft: Draft, name: str, metric: Metric) -> Iterator[Diagnostic]:
    path = ("metrics", name)
    if metric.kind == "quantile" and metric.quantile is None:
        message = f"`{name}` does not say which quantile it is"
        help = "add quantile = 0.95, the share of users with no more than it"
        yield draft.problem("RT413", path, message, help, part="key")
    for key, kind in (("column", "quantile"), ("quantile", "quantile"), ("winsorize", "mean")):
        if getattr(metric, key) is not None and metric.kind != kind:
            message = f"`{name}` is a {metric.kind} and has `{key}`"
            fix = draft.mend.remove((*path, key))
            help = f'remove {key}, or write kind = "{kind}"'
            yield draft.problem("RT413", (*path, key), message, help, part="key", fix=fix)


def _uses(draft: Draft, name: str, metric: Metric) -> Iterator[Diagnostic]:
    """A quantile is known with its own noise only, not with that which it shares with other metrics."""
    path = ("metrics", name)
    if metric.goal is not None:
        message = f"`{name}` is a quantile, and U is a sum of lifts whose joint noise is known"
        help = f'guard it: [guardrails] {name} = "<= +5%"; and give the goal to a mean'
        yield draft.problem("RT414", (*path, "goal"), message, help, part="key")
    if metric.covariate is not None:
        message = f"`{name}` is a quantile, which no covariate adjusts"
        help, fix = "remove the covariate", draft.mend.remove((*path, "covariate"))
        yield draft.problem("RT414", (*path, "covariate"), message, help, part="key", fix=fix)
    if draft.task.experiment.unit != USER and not draft.cuts.touch(("experiment",)):
        message = f"`{name}` is a quantile over users, who are not independent within a unit"
        help = 'take a mean or a proportion, or write [experiment] unit = "user"'
        yield draft.problem("RT414", path, message, help, part="key")


def _readers(draft: Draft, name: str) -> Iterator[Diagnostic]:
    """A cap is on a column, for all who read it."""
    for other, metric in draft.task.metrics.items():
        for key in ("numerator", "denominator", "column"):
            if getattr(metric, key) == name:
                path: KeyPath = ("metrics", other, key)
                message = f"`{name}` is winsorised, and `{other}` would read its capped values"
                help = f"do without `winsorize` in `{name}`, or let `{other}` read another column"
                yield draft.problem("RT415", path, message, help)


def _segments(draft: Draft) -> Iterator[Diagnostic]:
    for segment_name, segment in draft.task.segments.items():
        for name in segment.guardrails:
            metric = draft.task.metrics.get(name)
            if metric is not None and metric.kind == "quantile":
                path = ("segments", segment_name, "guardrails", name)
                message = f"`{name}` is a quantile, which is measured over all users only"
                help, fix = "guard a mean or a proportion in the segment", draft.mend.remove(path)
                yield draft.problem("RT414", path, message, help, part="key", fix=fix)
