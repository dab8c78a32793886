"""Where a funnel's signals come from: a whole panel, or whatever can make them on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import Panel
from rectune_dsl.hooks.errors import UsageError

Indices = NDArray[np.intp]
SOURCE = "source"
"""The key that says which source a candidate comes from; its labels are the sources' names."""
_Value = TypeVar("_Value")


class SignalSource(Protocol):
    """Some requests with their candidates. A stage asks for what it reads, and for the candidates that
    reached it only, so that a source that computes signals need not compute them for the others."""

    @property
    def requests(self) -> int: ...

    @property
    def candidates(self) -> int:
        """Candidates per request, before the first stage."""
        ...

    @property
    def valid(self) -> NDArray[np.bool_] | None:
        """(requests, candidates), False where there is no candidate; None where all are there."""
        ...

    def signals(
        self, stage: str, names: Sequence[str], alive: Indices | None
    ) -> Mapping[str, NDArray[np.float32]]:
        """The named signals as `stage` sees them: (requests, kept) for predictions and items, (requests,)
        for users and requests. `alive` (requests, kept) indexes candidates; None stands for all of them."""
        ...

    def keys(self, name: str, alive: Indices | None) -> NDArray[np.int32]:
        """The values a diversity rule counts, (requests, kept)."""
        ...

    def labels(self, name: str) -> tuple[str, ...]:
        """The names of a key's values 0, 1, ...; empty where they have none."""
        ...


class StoredSource(SignalSource, Protocol):
    """A source that has all its signals at hand: a kernel picks those of the candidates it needs itself."""

    def stored(self, stage: str, names: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
        """What `signals` gives, of all candidates: (requests, candidates) or (requests,)."""
        ...


def stored_of(source: SignalSource) -> StoredSource | None:
    """The source, if it is a StoredSource. `isinstance` of a protocol takes as long as a small stage."""
    return cast(StoredSource, source) if hasattr(source, "stored") else None


class PanelSource:
    """Requests [start, stop) of a panel as a signal source. `alive` may be that of several configs, the rows
    of one after those of the other.

    Raises UsageError when the panel lacks a stage, a signal or a key that is asked for.
    """

    def __init__(self, panel: Panel, start: int = 0, stop: int | None = None) -> None:
        self._panel = panel
        self._rows = slice(start, stop)
        self.requests, self.candidates = panel.items[self._rows].shape
        self.valid = None if panel.valid is None else panel.valid[self._rows]

    def signals(
        self, stage: str, names: Sequence[str], alive: Indices | None
    ) -> Mapping[str, NDArray[np.float32]]:
        return {name: _of(array, alive) for name, array in self.stored(stage, names).items()}

    def stored(self, stage: str, names: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
        provided = _entry(self._panel.signals, stage, "signals of the stage")
        return {name: _entry(provided, name, f"{stage} signal")[self._rows] for name in names}

    def keys(self, name: str, alive: Indices | None) -> NDArray[np.int32]:
        return _of(_entry(self._panel.keys, name, "key")[self._rows], alive)

    def labels(self, name: str) -> tuple[str, ...]:
        return self._panel.labels.get(name, ())


def head(panel: Panel, requests: int) -> Panel:
    """The first requests of a panel."""
    return replace(
        panel,
        signals={
            stage: {name: array[:requests] for name, array in signals.items()}
            for stage, signals in panel.signals.items()
        },
        keys={name: array[:requests] for name, array in panel.keys.items()},
        items=panel.items[:requests],
        valid=None if panel.valid is None else panel.valid[:requests],
    )


def _of(rows: NDArray[Any], alive: Indices | None) -> NDArray[Any]:
    if alive is None or rows.ndim == 1:
        return rows
    if len(alive) != len(rows):
        return rows[np.arange(len(alive))[:, None] % len(rows), alive]
    return np.take_along_axis(rows, alive, axis=1)


def _entry(table: Mapping[str, _Value], name: str, what: str) -> _Value:
    if name not in table:
        raise UsageError(
            f"the panel has no {what} `{name}`",
            help=f"it has: {', '.join(sorted(table)) or 'none'}",
        )
    return table[name]
