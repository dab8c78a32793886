"""What GrowthBook's metrics are, and whether a task may call them what it calls them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rectune_dsl.dsl.model import Task
from rectune_growthbook.client import Client, RefusedError
from rectune_growthbook.settings import NAME, GrowthBookSettings
from rectune_growthbook.wire import Record

_FACT = "fact__"


@dataclass(frozen=True)
class Definition:
    """A metric as GrowthBook defines it. `inverse`: less of it is better."""

    kind: str
    datasource: str
    inverse: bool

    @property
    def is_ratio(self) -> bool:
        return self.kind == "ratio"


class Definitions:
    """The definitions of the metrics that the settings name, each asked for once."""

    def __init__(self, client: Client, settings: GrowthBookSettings) -> None:
        self._client = client
        self._metrics = settings.metrics
        self._known: dict[str, Definition] = {}

    def of(self, name: str) -> Definition:
        """Raises RefusedError for a metric that there is not."""
        metric = self._metrics[name]
        if metric not in self._known:
            self._known[metric] = (
                _fact(self._client, metric) if metric.startswith(_FACT) else _sql(self._client, metric)
            )
        return self._known[metric]


def problems(task: Task, settings: GrowthBookSettings, definitions: Definitions) -> Iterator[str]:
    """Why a task cannot be judged by these metrics, in sentences."""
    for name in settings.metrics:
        place = f"`{name}` of [plugins.{NAME}.metrics]"
        try:
            found = definitions.of(name)
        except RefusedError as error:
            yield f"{place} is no metric of GrowthBook's: {error}"
            continue
        if found.datasource != settings.datasource:
            yield f"{place} is of data source {found.datasource}, not of `datasource`"
        if found.kind == "quantile":
            yield f"{place} is a quantile, whose error the API does not tell: map a mean or a share"
        goal = task.metrics[name].goal if name in task.metrics else None
        if goal is not None and found.inverse != (goal == "minimize"):
            better = "less" if found.inverse else "more"
            yield f"{place} is a goal to {goal}, and of GrowthBook's metric {better} is better: one is wrong"


def _fact(client: Client, metric: str) -> Definition:
    found = client.get("fact-metrics", metric).record("factMetric")
    return Definition(found.text("metricType"), found.text("datasource"), found.maybe("inverse", False))


def _sql(client: Client, metric: str) -> Definition:
    found = client.get("metrics", metric).record("metric")
    sql = Record(found.maybe("sql", {}), "`sql`")
    kind = "ratio" if sql.maybe("denominatorMetricId", "") else found.text("type")
    behavior = Record(found.maybe("behavior", {}), "`behavior`")
    return Definition(kind, found.text("datasourceId"), behavior.maybe("goal", "") == "decrease")
