"""Checks that need the backend: what it measures and provides, whether its users suffice, and power."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import Capabilities
from rectune_dsl.workflow.prepare import Loaded
from rectune_dsl.workflow.traffic import LARGE, Power, Traffic, traffic

KeyPath = tuple[str | int, ...]


def preflight(loaded: Loaded, found: Power | None) -> tuple[Diagnostic, ...]:
    """Every problem a campaign on this backend would meet, in the order of the file."""
    task, capabilities = loaded.task, loaded.backend.capabilities()
    source = loaded.checked.source
    problems = [
        *_unmeasured(task, capabilities),
        *_unprovided(task, capabilities),
        *_too_few_users(task, capabilities, traffic(task, capabilities)),
        *_too_little_power(task, found),
        *_broken_already(task, found),
    ]
    diagnostics = []
    for code, key, message, help in problems:
        place = source.locate(key)
        diagnostics.append(
            Diagnostic(
                code,
                message,
                help,
                place.path,
                place.line,
                place.column,
                place.end_column,
                RULES[code].severity,
            )
        )
    return tuple(sorted(diagnostics, key=lambda d: (d.line, d.column)))


_Problem = tuple[str, KeyPath, str, str]


def _unmeasured(task: Task, capabilities: Capabilities) -> Iterator[_Problem]:
    known = set(capabilities.metrics)
    for name, metric in task.judged.items():
        if name in known and metric.kind != "ratio" and metric.covariate is None:
            continue
        for column in metric.columns(name):
            if column not in known:
                message = f"the backend does not measure `{column}`"
                yield "RT901", _place(task, name), message, did_you_mean(column, known)


def _place(task: Task, judged: str) -> KeyPath:
    """Where the file says that a metric is judged."""
    if judged in task.metrics:
        return ("metrics", judged)
    segment, _, name = judged.partition(".")
    return ("segments", segment, "guardrails", name) if name else ("guardrails", judged)


def _unprovided(task: Task, capabilities: Capabilities) -> Iterator[_Problem]:
    if capabilities.signals is not None:
        for name in task.signals:
            if name not in capabilities.signals:
                help = did_you_mean(name, capabilities.signals)
                yield "RT902", ("signals", name), f"the backend does not provide signal `{name}`", help
    for name, stage in task.stages.items():
        if stage.diversity is not None and stage.diversity.by not in capabilities.keys:
            message = f"the backend does not provide key `{stage.diversity.by}`"
            key = ("stages", name, "diversity", "by")
            yield "RT902", key, message, did_you_mean(stage.diversity.by, capabilities.keys)
    for name in task.sources:
        if name not in capabilities.sources:
            message = f"the backend has no candidates from source `{name}`"
            yield "RT902", ("sources", name), message, did_you_mean(name, capabilities.sources)


def _too_few_users(task: Task, capabilities: Capabilities, planned: Traffic) -> Iterator[_Problem]:
    if planned.share is None or planned.confirm_share is None or planned.fresh is None:
        return
    limit = task.limits.traffic_share
    for table, share in (("experiment", planned.share), ("confirm", planned.confirm_share)):
        if share > limit:
            yield (
                "RT904",
                (table, "users_per_arm"),
                f"its arms need {share:.0%} of the backend's {capabilities.population:,} users; "
                f"{limit:.0%} may be used",
                "lower `users_per_arm` or `arms`, or raise `[limits] traffic_share`",
            )
    if planned.confirm > planned.fresh:
        yield (
            "RT904",
            ("confirm", "users_per_arm"),
            f"after {planned.rounds} rounds {planned.fresh:,.0f} users are fresh; "
            f"the confirmation needs {planned.confirm:,}",
            "lower `rounds`, `arms` or `users_per_arm`",
        )


def _broken_already(task: Task, found: Power | None) -> Iterator[_Problem]:
    for name, limit in task.guarded.items():
        level = found.confirm.levels.get(name) if found else None
        if level is not None and not limit.relative and not limit.holds(level):
            message = f"production itself is at {level:.4g}, and the guardrail is {limit}"
            yield "RT905", _place(task, name), message, "widen the limit, or mend production first"


def _too_little_power(task: Task, found: Power | None) -> Iterator[_Problem]:
    asked = task.experiment.power
    if found is None or found.large >= asked:
        return
    what = f"a true U of +{LARGE:.0%} with no guardrail metric changed"
    chance = found.large
    if found.ceiling < asked:
        what, chance = "even a large gain with no guardrail metric changed", found.ceiling
    if found.needed is None:
        help = "no traffic suffices: widen the guardrails' margins, or drop one that cannot be shown"
    else:
        times = found.needed / task.confirm.users_per_arm
        help = f"it takes about {times:.1f} times the confirmation's traffic, or wider margins"
    yield (
        "RT903",
        ("confirm", "users_per_arm"),
        f"{what} would ship with a chance of {chance:.0%}; the task asks for {asked:.0%}",
        help,
    )
