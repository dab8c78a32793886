"""What a part of the benchmark reports, and how contenders are timed side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Options:
    """`seeds` repetitions, each with data of its own; `quick` ones are shorter as well as fewer."""

    seeds: int
    quick: bool


@dataclass(frozen=True)
class Figure:
    name: str
    value: float | None
    unit: str
    goal: str
    ok: bool

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def installed(package: str) -> str | None:
    """Its version; None where it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


Seconds = Mapping[str, Sequence[float]]
"""By contender, one time per round."""


def alternating(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Wall clock of each contender in each round, one after the other, so that whatever else the machine does
    meets them all."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def rate(name: str, seconds: Sequence[float], count: int, unit: str = "requests/s") -> Figure:
    """The median rate, for the record."""
    return Figure(name, round(count / statistics.median(seconds)), unit, "none", True)


def ratio(name: str, slow: Sequence[float], fast: Sequence[float], least: float) -> Figure:
    """The median over rounds of how many times as fast `fast` was as `slow`."""
    value = statistics.median(a / b for a, b in zip(slow, fast, strict=True))
    return Figure(name, round(value, 2), "x", f">= {least:g}", value >= least)
