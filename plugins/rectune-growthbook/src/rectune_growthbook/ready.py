"""What would stop a campaign, before it begins: in the task, in the settings, and on GrowthBook."""

from __future__ import annotations

import os
from collections.abc import Iterator

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import USER, BackendError
from rectune_growthbook.client import Client, RefusedError
from rectune_growthbook.experiments import Experiments
from rectune_growthbook.flag import Flag
from rectune_growthbook.metrics import Definitions
from rectune_growthbook.metrics import problems as metric_problems
from rectune_growthbook.settings import GrowthBookSettings
from rectune_growthbook.wire import Record

_TOO_MANY = 1.5
"""Users of an experiment, as a multiple of those planned, above which `population` is wrong."""


def task_problems(task: Task) -> Iterator[str]:
    """What the task asks for and no experiment here can keep."""
    if task.holdout is not None:
        yield (
            "[holdout] cannot be kept: GrowthBook has no users that experiments leave out and a confirmation "
            "compares with; remove it"
        )
    if task.experiment.delivery:
        yield "GrowthBook serves the arms itself: remove `delivery` from [experiment]"
    if task.experiment.unit != USER:
        unit = task.experiment.unit
        yield f"GrowthBook assigns by one attribute: remove `unit` = {unit!r} from [experiment]"
    for name, metric in task.metrics.items():
        if metric.kind in ("ratio", "quantile"):
            yield (
                f"`{name}` is a {metric.kind} of columns, which GrowthBook does not tell: remove its "
                "`kind`, and map it to a metric that GrowthBook defines so"
            )
        if metric.covariate is not None:
            yield f"`{name}` has a covariate, which GrowthBook does not tell: remove `covariate`"
    for segment, table in task.segments.items():
        if table.guardrails:
            yield f"[segments.{segment}] has guardrails, and GrowthBook is asked about all users only"


def platform_problems(
    task: Task,
    settings: GrowthBookSettings,
    client: Client,
    experiments: Experiments,
    flag: Flag,
    definitions: Definitions,
) -> Iterator[str]:
    """What is not as it has to be on GrowthBook. Raises BackendError where it cannot be asked."""
    if not os.environ.get(settings.key_variable, "").strip():
        yield f"{settings.key_variable} is not set: put a secret key of GrowthBook there"
        return
    try:
        yield from _of_feature(task, settings, flag)
    except RefusedError as error:
        yield f"there is no feature {settings.feature}: {error}"
    yield from _of_source(settings, client)
    yield from metric_problems(task, settings, definitions)
    yield from _of_population(settings, client, experiments)


def _of_feature(task: Task, settings: GrowthBookSettings, flag: Flag) -> Iterator[str]:
    feature = flag.read()
    if not feature.enabled:
        yield f"feature {settings.feature} is not enabled in environment {settings.environment}"
    if feature.record.maybe("valueType", "json") != "json":
        yield f"feature {settings.feature} is of type {feature.record.text('valueType')}: it has to be json"
    if feature.record.maybe("archived", False):
        yield f"feature {settings.feature} is archived"
    yield from (_of_rule(rule, settings) for rule in feature.greedy)
    # what this run delivered is production by now
    default = feature.before if feature.before and feature.default == feature.delivered else feature.default
    for name, value in task.production.items():
        if name not in default:
            yield f"the default value of feature {settings.feature} has no `{name}`: add it, with {value}"
        elif value not in (default[name], feature.default.get(name)):
            served = feature.default[name]
            yield f"feature {settings.feature} has {name} = {served}, the task's production {value}"


def _of_rule(rule: Record, settings: GrowthBookSettings) -> str:
    """About a rule of somebody else's that serves those who should be in experiments."""
    share = rule.maybe("coverage", 1.0)
    whom = "everybody" if share == 1 else f"{share:.0%} of the users"
    kind, name = rule.maybe("type", ""), rule.maybe("id", "")
    return (
        f"the {kind} rule {name} of feature {settings.feature} serves {whom} "
        f"in {settings.environment}, and experiments get whom it leaves, since their rules are the last: "
        "disable it, or give it a condition"
    )


def _of_source(settings: GrowthBookSettings, client: Client) -> Iterator[str]:
    try:
        source = client.get("data-sources", settings.datasource).record("dataSource")
    except RefusedError as error:
        yield f"there is no data source {settings.datasource}: {error}"
        return
    queries = [query.text("id") for query in source.records("assignmentQueries")]
    if settings.assignment_query not in queries:
        known = ", ".join(queries) or "none"
        query = settings.assignment_query
        yield f"data source {settings.datasource} has no assignment query {query}, but {known}"


def _of_population(settings: GrowthBookSettings, client: Client, experiments: Experiments) -> Iterator[str]:
    """Whether the last experiment had as many users as `population` lets expect: fewer may have come."""
    if (last := experiments.latest()) is None:
        return
    try:
        result = client.get("experiments", last.id, "results").record("result")
        users = sum(row.number("totalUsers") for row in result.records("results")[:1])
        planned = last.memo.number("users")
    except BackendError:
        return  # it never had any, or what is left of it is of no help here
    if users > _TOO_MANY * planned:
        likely = settings.population * users / planned
        yield (
            f"experiment {last.id} had {users:,.0f} users, where {planned:,.0f} were planned: `population` "
            f"should be about {likely:,.0f}"
        )
