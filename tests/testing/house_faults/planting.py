"""How faults are planted in the house's backend, and kept by their names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from house_backend import HouseBackend

from rectune_dsl.hooks.api import ArmMoments, Moments

FAULTS: dict[str, type[HouseBackend]] = {}
"""Backends with one fault each."""
SERVICE_FAULTS: dict[str, Callable[..., str | None]] = {}
"""Faults of the service that serves the arms: other versions of `house.arm_of`."""
NUMBERS = itertools.count()
"""Of which no two are equal."""


def fault(kind: type[HouseBackend]) -> type[HouseBackend]:
    """A fault that is a class: `CreatesTwice` is `creates_twice`."""
    FAULTS[re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower()] = kind
    return kind


def in_sql(name: str, right: str, wrong: str) -> None:
    """A fault in a statement."""

    def ask(self: HouseBackend, sql: str, *values: Any) -> list[Any]:
        return HouseBackend._ask(self, sql.replace(right, wrong), *values)

    FAULTS[name] = type(name, (HouseBackend,), {"_ask": ask})


def in_flag(name: str, **changes: Any) -> None:
    """A fault in what the service is told."""

    def flag(self: HouseBackend, spec: Any) -> dict[str, Any]:
        return {**HouseBackend._flag(self, spec), **changes}

    FAULTS[name] = type(name, (HouseBackend,), {"_flag": flag})


def in_moments(name: str, change: Callable[[Moments], Moments]) -> None:
    """A fault in what is observed."""

    def observe(self: HouseBackend, experiment: str, as_of: Any) -> Moments:
        return change(HouseBackend.observe(self, experiment, as_of))

    FAULTS[name] = type(name, (HouseBackend,), {"observe": observe})


def in_arms(name: str, change: Callable[[ArmMoments], ArmMoments]) -> None:
    in_moments(name, lambda found: replace(found, arms=tuple(map(change, found.arms))))


def in_service(function: Callable[..., str | None]) -> None:
    SERVICE_FAULTS[function.__name__] = function
