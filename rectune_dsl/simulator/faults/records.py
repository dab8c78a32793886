"""What is on record of what happened: lost users, columns that come late, columns that never come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.rehearsal import Faults
from rectune_dsl.simulator.keyed import Ids, key_of, uniform

Rows = NDArray[np.float64]


def delay_of(column: str, faults: Faults | None) -> int:
    """By how many days a column comes late; a segment's column with that of all users."""
    return faults.delays.get(_base(column), 0) if faults else 0


def is_missing(column: str, faults: Faults | None) -> bool:
    """Whether a column is never measured."""
    return faults is not None and _base(column) in faults.missing


@dataclass(frozen=True)
class Records:
    """The records of one arm, of whose users a share is `lost`. `traffic` keys who."""

    columns: tuple[str, ...]
    faults: Faults
    traffic: int
    lost: float

    @property
    def late(self) -> int:
        """Days after all is over on which values still arrive."""
        return max(self.faults.delays.values(), default=0)

    def __call__(self, ids: Ids, after: Iterable[Rows]) -> Iterator[Rows]:
        """What is on record after each day, and on the days on which values still arrive: rows as in
        `Block.columns`."""
        found = uniform(key_of("lost", self.traffic), ids) >= self.lost
        past: list[Rows] = []
        for rows in after:
            past.append(rows * found)
            yield self._arrived(past)
        for _ in range(self.late):
            past.append(past[-1])
            yield self._arrived(past)

    def _arrived(self, past: Sequence[Rows]) -> Rows:
        """The last of `past`, but for what has not come."""
        rows = past[-1].copy()
        for at, delay in self._delayed:
            rows[at] = past[-1 - delay][at] if delay < len(past) else 0
        rows[self._never] = 0
        return rows

    @cached_property
    def _delayed(self) -> list[tuple[int, int]]:
        delays = [(at, delay_of(column, self.faults)) for at, column in enumerate(self.columns)]
        return [(at, delay) for at, delay in delays if delay]

    @cached_property
    def _never(self) -> list[int]:
        return [at for at, column in enumerate(self.columns) if is_missing(column, self.faults)]


def _base(column: str) -> str:
    return column.partition("@")[0]
