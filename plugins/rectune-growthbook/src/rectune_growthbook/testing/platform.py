"""The state of the server, and what it answers. Names and shapes are those of GrowthBook's REST API, v1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rectune_growthbook.testing.analysis import Metric, results
from rectune_growthbook.testing.flag import loaded, new_flag, shown_flag, update_flag
from rectune_growthbook.testing.people import People, seconds
from rectune_growthbook.testing.shapes import (
    EXPERIMENT,
    Fields,
    Refusal,
    iso,
    known,
    phase_of,
    shown_phase,
)

__all__ = ["Metric", "Platform", "Refusal"]


@dataclass
class Platform:
    """An organisation with one data source, its metrics and one feature."""

    people: People
    now: datetime
    metrics: Sequence[Metric]
    production: Mapping[str, float]
    datasource: str = "ds_1"
    queries: Sequence[str] = ("user_id",)
    feature: str = "feed"
    environment: str = "production"
    slow: int = 0
    """How often a snapshot is asked for before it is there."""
    broken: str = ""
    """Why snapshots fail; empty where they do not."""
    keeps: bool = True
    """Whether experiments tell their tracking key, which early versions do among the settings only."""
    experiments: dict[str, Fields] = field(default_factory=dict)
    snapshots: dict[str, Fields] = field(default_factory=dict)
    revisions: list[Fields] = field(default_factory=list)
    """The feature as it was before each change."""

    def __post_init__(self) -> None:
        self.flag = new_flag(self.feature, self.environment, self.production)

    def pass_until(self, moment: datetime) -> None:
        """Users come until then."""
        if moment > self.now:
            self.people.come(self.now, moment, self.definition)
            self.now = moment

    def answer(self, method: str, path: Sequence[str], query: Mapping[str, str], body: Fields) -> Fields:
        """Raises Refusal."""
        match (method, *path):
            case ("GET", "experiments"):
                return self._list(query)
            case ("POST", "experiments"):
                return {"experiment": self._shown(self._make(body))}
            case ("GET", "experiments", id):
                return {"experiment": self._shown(self._found(id))}
            case ("POST", "experiments", id):
                return {"experiment": self._shown(self._update(id, body))}
            case ("POST", "experiments", id, "snapshot"):
                return {"snapshot": self._snapshot(self._found(id))}
            case ("GET", "snapshots", id):
                return {"snapshot": self._polled(id)}
            case ("GET", "experiments", id, "results"):
                return {"result": self._results(self._found(id), query)}
            case ("GET", "features", self.feature):
                return {"feature": shown_flag(self.flag, self.revisions)}
            case ("POST", "features", self.feature):
                return {"feature": shown_flag(update_flag(self.flag, body, self.revisions), self.revisions)}
            case ("GET", "data-sources", self.datasource):
                queries = [{"id": query, "identifierType": "user_id"} for query in self.queries]
                return {"dataSource": {"id": self.datasource, "assignmentQueries": queries}}
            case ("GET", "fact-metrics", id):
                return {"factMetric": self._metric(id)}
        raise Refusal(f"Unknown API endpoint or resource: {'/'.join(path)}", 404)

    def definition(self) -> Fields:
        """The feature as SDKs load it now."""
        return loaded(self.flag, self.environment, self.experiments)

    # --- experiments ---

    def _list(self, query: Mapping[str, str]) -> Fields:
        limit, offset = int(query.get("limit", 10)), int(query.get("offset", 0))
        if not 1 <= limit <= 100:
            raise Refusal("Pagination limit must be between 1 and 100")
        wanted = {"trackingKey": query.get("experimentId"), "datasourceId": query.get("datasourceId")}
        found = [
            one
            for one in self.experiments.values()
            if all(value is None or one.get(name) == value for name, value in wanted.items())
        ]
        page, following = found[offset : offset + limit], offset + limit
        return {
            "experiments": [self._shown(one) for one in page],
            "limit": limit,
            "offset": offset,
            "count": len(page),
            "total": len(found),
            "hasMore": following < len(found),
            "nextOffset": following if following < len(found) else None,
        }

    def _make(self, body: Fields) -> Fields:
        known(body, EXPERIMENT)
        for name in ("name", "variations", "trackingKey", "assignmentQueryId"):
            if not body.get(name):
                raise Refusal(f"Request body: [{name}] Required")
        if any(one["trackingKey"] == body["trackingKey"] for one in self.experiments.values()):
            raise Refusal(f"Experiment with tracking key already exists: {body['trackingKey']}.")
        if body["assignmentQueryId"] not in self.queries:
            raise Refusal(f"Unrecognized assignment query ID: {body['assignmentQueryId']}")
        for metric in body.get("metrics", []):
            if metric not in [one.id for one in self.metrics]:
                raise Refusal(f"Unknown metric: {metric}")
        number = len(self.experiments) + 1
        made = {"status": "draft", "excludeFromPayload": False, **body, "id": f"exp_{number}"}
        made["variations"] = [
            {**one, "variationId": f"var_{number}_{i}"} for i, one in enumerate(body["variations"])
        ]
        made["phases"] = [phase_of(phase) for phase in body["phases"]]
        self.experiments[made["id"]] = made
        return made

    def _update(self, id: str, body: Fields) -> Fields:
        known(body, EXPERIMENT)
        found = self._found(id)
        changes = {
            **body,
            **({"phases": [phase_of(one) for one in body["phases"]]} if "phases" in body else {}),
        }
        found |= changes
        return found

    def _found(self, id: str) -> Fields:
        if id not in self.experiments:
            raise Refusal("Could not find experiment with that id")
        return self.experiments[id]

    def _shown(self, one: Fields) -> Fields:
        """As GrowthBook shows what it was told: some of it has other names."""
        names = ("id", "name", "description", "tags", "status", "hashAttribute", "hashVersion")
        shown = {name: one.get(name, "") for name in names}
        if self.keeps:
            shown["trackingKey"] = one["trackingKey"]
        shown["variations"] = [{"description": "", **variation} for variation in one["variations"]]
        shown["phases"] = [shown_phase(phase, one["variations"]) for phase in one["phases"]]
        shown["settings"] = {
            "datasourceId": one.get("datasourceId", ""),
            "assignmentQueryId": one["assignmentQueryId"],
            "experimentId": one["trackingKey"],
        }
        return shown

    # --- results ---

    def _snapshot(self, one: Fields) -> Fields:
        if one["status"] == "draft":
            raise Refusal("Experiment is in draft state.")
        phase = one["phases"][-1]
        end = datetime.fromisoformat(phase["dateEnded"]) if phase.get("dateEnded") else self.now
        row = results(
            self.people,
            one["trackingKey"],
            [variation["variationId"] for variation in one["variations"]],
            [metric for metric in self.metrics if metric.id in one.get("metrics", [])],
            seconds(datetime.fromisoformat(phase["dateStarted"])),
            seconds(min(end, self.now)),
        )
        made = {
            "id": f"snp_{len(self.snapshots) + 1}",
            "experiment": one["id"],
            "left": self.slow,
            "made": self.now,
            "rows": [row] if row["totalUsers"] else [],
        }
        self.snapshots[made["id"]] = made
        return self._status(made)

    def _polled(self, id: str) -> Fields:
        if id not in self.snapshots:
            raise Refusal("Snapshot not found")
        self.snapshots[id]["left"] -= 1
        return self._status(self.snapshots[id])

    def _status(self, made: Fields) -> Fields:
        done = {"status": "error", "error": self.broken} if self.broken else {"status": "success"}
        status = done if made["left"] <= 0 else {"status": "running"}
        return {"id": made["id"], "experiment": made["experiment"], **status}

    def _results(self, one: Fields, query: Mapping[str, str]) -> Fields:
        number = int(query.get("phase", len(one["phases"]) - 1))
        there = [snapshot for snapshot in self.snapshots.values() if snapshot["experiment"] == one["id"]]
        ready = [snapshot for snapshot in there if snapshot["left"] <= 0]
        if not ready:
            raise Refusal("No results found for that experiment")
        snapshot, phase = ready[-1], one["phases"][number]
        made = iso(snapshot["made"])
        return {
            "id": snapshot["id"],
            "dateUpdated": made,
            "experimentId": one["id"],
            "phase": str(number),
            "dimension": {"type": "none"},
            "dateStart": phase["dateStarted"],
            "dateEnd": phase.get("dateEnded") or made,
            "settings": {"statsEngine": one.get("statsEngine", "bayesian")},
            "queryIds": [],
            "results": snapshot["rows"],
        }

    def _metric(self, id: str) -> Fields:
        for metric in self.metrics:
            if metric.id == id:
                kind = {"metricType": metric.kind, "inverse": metric.inverse}
                return {"id": id, "datasource": self.datasource, **kind}
        raise Refusal("Could not find factMetric with that id", 404)
