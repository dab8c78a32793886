"""Experiments that are made, started and stopped wrongly."""

from __future__ import annotations

import json
from dataclasses import replace

from house_backend import HouseBackend

from house_faults.planting import NUMBERS, fault, in_sql
from rectune_dsl.hooks.api import BackendError


@fault
class CreatesTwice(HouseBackend):
    def create(self, spec, key):
        number = next(NUMBERS)
        return super().create(replace(spec, key=f"{key}#{number}"), f"{key}#{number}")


@fault
class ForgetsOnRestart(HouseBackend):
    def create(self, spec, key):
        if not hasattr(self, "_process"):
            self._process = next(NUMBERS)
        return super().create(spec, f"{key}#{self._process}")


@fault
class FindsAnyExperiment(HouseBackend):
    def create(self, spec, key):
        found = self._ask("SELECT id FROM experiments")
        if not found:
            return super().create(spec, key)
        self._specs[str(found[0][0])] = spec
        return str(found[0][0])


@fault
class TakesAnotherSpec(HouseBackend):
    def create(self, spec, key):
        found = self._ask("SELECT id FROM experiments WHERE key = ?", key)
        if not found:
            return super().create(spec, key)
        return next((str(number) for (number,) in found if self._specs.setdefault(str(number), spec)), "")


@fault
class TakesAnotherSpecAfterARestart(HouseBackend):
    def create(self, spec, key):
        found = self._ask("SELECT id FROM experiments WHERE key = ?", key)
        if not found or str(found[0][0]) in self._specs:
            return super().create(spec, key)
        self._specs[str(found[0][0])] = spec
        return str(found[0][0])


@fault
class AnotherSpecIsAnErrorWithoutHelp(HouseBackend):
    def create(self, spec, key):
        try:
            return super().create(spec, key)
        except BackendError as error:
            raise BackendError(str(error), help="" if "another" in str(error) else error.help) from None


@fault
class DoesNothingWithTheUnknown(HouseBackend):
    def _known(self, experiment):
        rows = self._ask("SELECT stopped FROM experiments WHERE id = ?", experiment)
        return json.loads(rows[0][0]) if rows else []


@fault
class StopRaisesTheSecondTime(HouseBackend):
    def stop(self, experiment, outcome):
        if self._ask("SELECT 1 FROM experiments WHERE id = ? AND state = 'stopped'", experiment):
            raise BackendError("it is stopped already", help="leave it")
        super().stop(experiment, outcome)


@fault
class StartBeginsAnew(HouseBackend):
    def start(self, experiment):
        super().start(experiment)
        self._ask("DELETE FROM exposures WHERE experiment = ?", experiment)


@fault
class StopDeletesResults(HouseBackend):
    def stop(self, experiment, outcome):
        super().stop(experiment, outcome)
        self._ask("DELETE FROM exposures WHERE experiment = ?", experiment)


@fault
class CreateRevives(HouseBackend):
    def create(self, spec, key):
        experiment = super().create(spec, key)
        self._ask("UPDATE experiments SET state = 'runs' WHERE id = ? AND state = 'stopped'", experiment)
        return experiment


in_sql("start_revives", "AND state = 'made'", "AND state <> ''")
in_sql("starts_when_created", ") VALUES (?, ?, ?, ?)", ", state) VALUES (?, ?, ?, ?, 'runs')")
in_sql("starts_before_its_first_day", "VALUES (?, ?, ?, ?)", "VALUES (?, ?, MIN(?, ''), ?)")
in_sql("stop_toggles", "state = 'stopped'", "state = CASE state WHEN 'runs' THEN 'stopped' ELSE 'runs' END")
in_sql("start_is_lost", "SET state = 'runs'", "SET state = 'made'")
in_sql("stop_is_lost", "SET state = 'stopped'", "SET state = state")


@fault
class ANewProcessCannotStart(HouseBackend):
    def create(self, spec, key):
        known = self._ask("SELECT 1 FROM experiments WHERE key = ?", key)
        experiment = super().create(spec, key)
        self._mine = getattr(self, "_mine", set()) | (set() if known else {experiment})
        return experiment

    def start(self, experiment):
        self._known(experiment)
        if experiment in getattr(self, "_mine", ()):
            super().start(experiment)
        else:
            raise BackendError("another process made it", help="ask that one")


@fault
class ANewProcessCannotStop(HouseBackend):
    def start(self, experiment):
        super().start(experiment)
        self._begun = True

    def stop(self, experiment, outcome):
        if hasattr(self, "_begun"):
            super().stop(experiment, outcome)
        self._known(experiment)
