"""How well a world fits what was measured: every target beside what the world gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rectune_dsl.simulator.measures import Exposures, Measured, exposures
from rectune_dsl.simulator.targets import OTHER_MEASURES
from rectune_dsl.simulator.world import Sizes
from rectune_dsl.simulator.worldfile import WorldFile

RATES_WITHIN = 0.20
"""Relative error up to which a main rate counts as met."""
RATIOS_WITHIN = 0.25
"""The same for the ratio of standard to random exposure."""
USERS = 27_000
"""About as many as KuaiRand's random exposure had: what the most exposed have depends on it."""
SEED = 2
"""Another than calibration's, so that a world is judged by users that it was not fitted to."""


@dataclass(frozen=True)
class Compared:
    """One number: as it was measured in reality, None where nobody did, and as the world gives it."""

    target: float | None
    simulated: float
    tolerance: float

    @property
    def error(self) -> float | None:
        """Relative to the target."""
        return None if not self.target else self.simulated / self.target - 1

    @property
    def is_within(self) -> bool:
        """Whether it is near enough, or nothing was asked for."""
        return self.error is None or abs(self.error) <= self.tolerance


@dataclass(frozen=True)
class Row:
    """A target of the world under both exposures, and the ratio of standard to random."""

    name: str
    of: str
    per: str
    main: bool
    source: str
    random: Compared
    standard: Compared
    ratio: Compared

    @property
    def is_within(self) -> bool:
        return all(compared.is_within for compared in (self.random, self.standard, self.ratio))


@dataclass(frozen=True)
class Fit:
    """The fit report of a world. `users` came under each exposure; `seed` keys their occasions."""

    world: str
    sizes: Sizes
    users: int
    seed: int
    rows: tuple[Row, ...]

    @property
    def main(self) -> tuple[Row, ...]:
        """The rows that the world is fitted to."""
        return tuple(row for row in self.rows if row.main)

    @property
    def missed(self) -> tuple[Row, ...]:
        """Main rows that are out of the tolerance."""
        return tuple(row for row in self.main if not row.is_within)

    def errors(self) -> Iterator[float]:
        """Of all main rates, without sign."""
        for row in self.main:
            yield from (abs(c.error) for c in (row.random, row.standard) if c.error is not None)

    def ratio_errors(self) -> Iterator[float]:
        """Of all main ratios, without sign."""
        yield from (abs(row.ratio.error) for row in self.main if row.ratio.error is not None)


def fit(file: WorldFile, sizes: Sizes, seed: int = SEED, users: int = USERS) -> Fit:
    """Measure a world under both exposures, and hold it against its targets."""
    found = exposures(file, sizes, seed, users)
    return Fit(file.name, sizes, users, seed, tuple(_rows(file, found)))


def _rows(file: WorldFile, found: Exposures) -> Iterator[Row]:
    for name, target in file.targets.items():
        random, standard = (value(m, target.of, target.per) for m in (found.random, found.standard))
        ratio = target.standard / target.random if target.random and target.standard else None
        yield Row(
            name=name,
            of=target.of,
            per=target.per,
            main=target.main,
            source=target.source,
            random=Compared(target.random, random, RATES_WITHIN),
            standard=Compared(target.standard, standard, RATES_WITHIN),
            ratio=Compared(ratio, standard / random if random else 0.0, RATIOS_WITHIN),
        )


def value(measured: Measured, of: str, per: str) -> float:
    """A measure by the name that targets have for it."""
    return measured.others()[of] if of in OTHER_MEASURES else measured.rate(of, per)
