"""Experiments as GrowthBook has them: found by their tracking key, made once, changed in one phase."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rectune_dsl.hooks.api import BackendError, ExperimentSpec
from rectune_growthbook.bodies import experiment_body, seconds, written_phase
from rectune_growthbook.client import Client, RefusedError, UnansweredError
from rectune_growthbook.memo import digest, memo_of, tracking_key
from rectune_growthbook.settings import GrowthBookSettings
from rectune_growthbook.users import PLACES, Range, Share
from rectune_growthbook.wire import DRIFT, Record

_MAKES = 3
"""How often an experiment is made whose making was not answered, and which is not found."""


@dataclass(frozen=True)
class Experiment:
    """One that rectune made. `variations` are arms with GrowthBook's ids, in order; `notes` is its memo,
    which somebody may have changed."""

    record: Record
    id: str
    status: str
    variations: Mapping[str, str]
    phases: tuple[Record, ...]
    notes: Mapping[str, Any]

    @property
    def memo(self) -> Record:
        """Raises BackendError where it is gone."""
        places = self.notes.get("places")
        if isinstance(places, list) and len(places) == 2 and all(isinstance(at, int) for at in places):
            return Record(self.notes, f"rectune's line in the description of experiment {self.id}")
        raise BackendError(
            f"the description of experiment {self.id} has no memory of rectune's any more",
            help="put its last line back, from the experiment's history",
        )

    @property
    def phase(self) -> Record:
        """The one in force."""
        return self.phases[-1]

    @property
    def start(self) -> datetime:
        return self.memo.moment("start")

    @property
    def share(self) -> Share:
        low, high = self.memo.fields["places"]
        return Share(low, high, len(self.variations), round(self.memo.number("buckets")))

    @property
    def ended(self) -> datetime | None:
        """The end of what is analysed, where it has one."""
        return self.phase.moment("dateEnded") if self.phase.maybe("dateEnded", "") else None


class Experiments:
    """Finds, makes and changes experiments. Raises BackendError where GrowthBook fails, refuses, or has not
    kept what it was told."""

    def __init__(self, client: Client, settings: GrowthBookSettings) -> None:
        self._client = client
        self._settings = settings

    def find(self, key: str) -> Experiment | None:
        """The experiment that was made for a key."""
        tracking = tracking_key(key)
        listed = self._listed(experimentId=tracking)
        return next((_read(record) for record in listed if _tracking(record) == tracking), None)

    def by_salt(self, salts: Collection[str]) -> dict[str, list[Experiment]]:
        """All that assigned by one of some salts; empty where there are none of it. Listed once: a list of
        hundreds is read in pages, and requests are few."""
        found: dict[str, list[Experiment]] = {salt: [] for salt in salts}
        for record in self._listed() if found else ():
            salt = memo_of(record.maybe("description", "")).get("salt")
            if isinstance(salt, str) and salt in found:
                found[salt].append(_read(record))
        return found

    def latest(self) -> Experiment | None:
        """The last one that rectune has stopped."""
        stopped = [
            record
            for record in self._listed()
            if memo_of(record.maybe("description", "")) and record.maybe("status", "") == "stopped"
        ]
        return _read(stopped[-1]) if stopped else None

    def get(self, experiment: str) -> Experiment:
        try:
            record = self._client.get("experiments", experiment).record("experiment")
        except RefusedError as error:
            raise BackendError(
                f"GrowthBook has no experiment {experiment}: {error}",
                help="was it deleted? `create` makes it, or finds it by its key",
            ) from None
        return _read(record)

    def make(self, spec: ExperimentSpec, key: str, share: Share) -> Experiment:
        """Make it, as a draft. An answer that gets lost is looked up: nothing is made twice."""
        body = experiment_body(spec, key, share, self._settings)
        for number in range(1, _MAKES + 1):
            try:
                self._client.post_once("experiments", body=body).record("experiment")
            except UnansweredError:
                if number == _MAKES and self.find(key) is None:
                    raise
            except RefusedError:
                if self.find(key) is None:  # somebody else had the same thought, and was faster
                    raise
            if (made := self.find(key)) is not None:
                return made
        raise BackendError("GrowthBook made an experiment and does not list it", help=DRIFT)

    def change(self, experiment: Experiment, phase: Mapping[str, Any], **fields: Any) -> None:
        """Set fields of the phase in force, and of the experiment. Nothing is asked where they are so."""
        phases = [written_phase(record, list(experiment.variations.values())) for record in experiment.phases]
        changed = [*phases[:-1], {**phases[-1], **phase}]
        if changed != phases:
            fields["phases"] = changed
        if fields:
            self._client.post("experiments", experiment.id, body=fields)

    def timed(self, found: Experiment, full: bool, at: datetime | None) -> dict[str, Any]:
        """The phase's condition, once the exposure is set of an experiment that has a ramp. Its days begin at
        the moment since which all are served: while fewer are, it has no end, and an end that it has
        stays."""
        condition = _condition(found)
        times = condition.get(self._settings.clock_attribute)
        if not isinstance(times, dict):
            raise BackendError(
                f"experiment {found.id} is not limited to its days any more: its targeting has no "
                f"`{self._settings.clock_attribute}`",
                help="put the condition back, from the experiment's history",
            )
        begun = found.start if at is None else max(at, found.start)
        end = begun + timedelta(days=found.memo.number("days"))
        times = {"$lt": seconds(end)} | times if full else {k: v for k, v in times.items() if k != "$lt"}
        return {"condition": json.dumps({**condition, self._settings.clock_attribute: times})}

    def check(self, found: Experiment, spec: ExperimentSpec) -> None:
        """Raises BackendError unless it is the spec's experiment, and GrowthBook kept what matters."""
        if found.memo.text("spec") != digest(spec):
            raise BackendError(
                f"experiment {found.id} was made for the same key, and is another one: its arms, days or "
                "users are others",
                help="start a new run: a run's task cannot change while it runs",
            )
        space = self.range_of(found)
        kept = {
            "seed": (found.phase.text("seed"), spec.salt),
            "namespace": (space, (found.share.low, found.share.high)),
            "hashVersion": (found.record.number("hashVersion"), 2),
            "hashAttribute": (found.record.text("hashAttribute"), self._settings.hash_attribute),
            "variations": (list(found.variations), [arm.name for arm in spec.arms]),
        }
        for name, (is_so, wanted) in kept.items():
            if is_so != wanted:
                raise BackendError(
                    f"GrowthBook has `{name}` = {is_so} in experiment {found.id}, and was told {wanted}",
                    help="put it back, or delete the experiment before it serves anybody and resume the run",
                )

    def range_of(self, found: Experiment) -> Range:
        """The users it may have, whatever its memo says. Raises BackendError where it has others, too."""
        space = Record(found.phase.maybe("namespace", {}), f"`namespace` of experiment {found.id}")
        ends: list[object] = space.maybe("range", [])
        numbers = [end for end in ends if isinstance(end, int | float)]
        if len(numbers) != 2 or space.maybe("namespaceId", "") != self._settings.namespace:
            raise BackendError(
                f"experiment {found.id} is not limited to a range of namespace {self._settings.namespace}: "
                "whose users it has cannot be told",
                help="name the namespace it was made with: `namespace` in [plugins.growthbook]",
            )
        low, high = (round(end * PLACES) for end in numbers)
        return low, high

    def _listed(self, **query: str) -> Iterator[Record]:
        return self._client.listed("experiments", datasourceId=self._settings.datasource, **query)


def _read(record: Record) -> Experiment:
    phases = tuple(record.records("phases"))
    if not phases:
        raise BackendError(f"GrowthBook's answer has no phase in {record.what}", help=DRIFT)
    variations = {one.text("key"): one.text("variationId") for one in record.records("variations")}
    notes = memo_of(record.maybe("description", ""))
    return Experiment(record, record.text("id"), record.text("status"), variations, phases, notes)


def _tracking(record: Record) -> str:
    """The tracking key; earlier versions tell it among the settings only."""
    settings = Record(record.maybe("settings", {}), "`settings`")
    return record.maybe("trackingKey", "") or settings.maybe("experimentId", "")


def _condition(found: Experiment) -> dict[str, Any]:
    try:
        condition = json.loads(found.phase.text("targetingCondition"))
    except ValueError:
        return {}
    return condition if isinstance(condition, dict) else {}
