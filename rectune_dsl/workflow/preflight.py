"""Checks that need the backend's users: whether they suffice, and power."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Capabilities
from rectune_dsl.workflow.capable import Problem, located, place_of
from rectune_dsl.workflow.prepare import Loaded
from rectune_dsl.workflow.traffic import LARGE, Power, Traffic, traffic


def preflight(loaded: Loaded, found: Power | None) -> tuple[Diagnostic, ...]:
    """Every problem a campaign on this backend would meet, in the order of the file."""
    task, capabilities = loaded.task, loaded.backend.capabilities()
    problems = [
        *_too_few_users(task, capabilities, traffic(task, capabilities)),
        *_too_little_power(task, found),
        *_broken_already(task, found),
    ]
    return located(loaded.checked.source, problems)


def _too_few_users(task: Task, capabilities: Capabilities, planned: Traffic) -> Iterator[Problem]:
    if planned.share is None or planned.confirm_share is None or planned.fresh is None:
        return
    if planned.eligible is not None and planned.per_round > planned.eligible:
        yield (
            "RT904",
            ("experiment", "users_per_arm"),
            f"its arms need {planned.per_round:,} users, and {planned.eligible:,.0f} may take part: those of "
            "the task's [exclusion], without the holdout",
            "lower `users_per_arm` or `arms`, or widen the `share` of [exclusion]",
        )
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


def _broken_already(task: Task, found: Power | None) -> Iterator[Problem]:
    for name, limit in task.guarded.items():
        level = found.confirm.levels.get(name) if found else None
        if level is not None and not limit.relative and not limit.holds(level):
            message = f"production itself is at {level:.4g}, and the guardrail is {limit}"
            yield "RT905", place_of(task, name), message, "widen the limit, or mend production first"


def _too_little_power(task: Task, found: Power | None) -> Iterator[Problem]:
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
