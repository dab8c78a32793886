"""What is said too much, too little, or without a help."""

from __future__ import annotations

import os
from dataclasses import replace

import house
from house_backend import HouseBackend

from house_faults.planting import fault
from rectune_dsl.hooks.api import BackendError


@fault
class LeaksTheAddressInErrors(HouseBackend):
    def _ask(self, sql, *values):
        try:
            return super()._ask(sql, *values)
        except BackendError as error:
            raise BackendError(f"cannot reach {_address()}", help=error.help) from None


@fault
class LeaksTheAddressAsACause(HouseBackend):
    def _ask(self, sql, *values):
        try:
            return super()._ask(sql, *values)
        except BackendError as error:
            raise BackendError(str(error), help=error.help) from ConnectionError(_address())


@fault
class LeaksTheAddressWhenAsked(HouseBackend):
    def capabilities(self):
        return replace(super().capabilities(), description=_address())


@fault
class PrintsTheAddress(HouseBackend):
    def start(self, experiment):
        print("starting on", _address())
        super().start(experiment)


@fault
class LetsTheDriverSErrorsThrough(HouseBackend):
    def _ask(self, sql, *values):
        return house.connect(_address()).query(sql, *values)

    def check(self):
        try:
            return super().check()
        except ConnectionError:
            return ["the house cannot be reached"]


@fault
class ErrorsWithoutHelp(HouseBackend):
    def _ask(self, sql, *values):
        try:
            return super()._ask(sql, *values)
        except BackendError as error:
            raise BackendError(str(error)) from None


@fault
class StopHidesAFailure(HouseBackend):
    def stop(self, experiment, outcome):
        try:
            super().stop(experiment, outcome)
        except BackendError as error:
            if "reached" not in str(error):
                raise


@fault
class NeverTriesAgain(HouseBackend):
    def _ask(self, sql, *values):
        if hasattr(self, "_failed"):
            raise BackendError("the house failed before", help="start anew")
        try:
            return super()._ask(sql, *values)
        except BackendError:
            self._failed = True
            raise


@fault
class CheckSeesNothing(HouseBackend):
    def check(self):
        return []


@fault
class CheckAlwaysComplains(HouseBackend):
    def check(self):
        return [*super().check(), "this backend is experimental"]


@fault
class CapabilitiesChange(HouseBackend):
    def capabilities(self):
        count = len(self._ask("SELECT 1 FROM experiments WHERE state = 'runs'"))
        return replace(super().capabilities(), description=f"{count} experiments")


@fault
class MeasuresWhatItDoesNotSay(HouseBackend):
    def capabilities(self):
        return replace(super().capabilities(), metrics=("minutes",))


def _address() -> str:
    return os.environ["HOUSE_URL"]
