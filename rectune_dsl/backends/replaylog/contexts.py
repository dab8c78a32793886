"""Distinct contexts of a log: impressions that look the same to a formula are scored once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.log import Log
from rectune_dsl.backends.replaylog.signals import Table
from rectune_dsl.backends.replaylog.tables import Column
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.replay import ReplaySignal
from rectune_dsl.hooks.api import Panel
from rectune_dsl.hooks.errors import BackendError


@dataclass(frozen=True, eq=False)
class Sparse:
    """Values of some candidates per context: entries `start[c]:start[c + 1]` belong to context c."""

    start: NDArray[np.int64]
    candidate: NDArray[np.int64]
    value: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Contexts:
    """What the impressions of a part looked like before an item was chosen.

    `pool` (contexts,), `position` (contexts,) or None where the policy does not ask for it (of a slate that
    is examined as a whole, its last one), `numbers` (contexts,) by signal, `sparse` by signal. `of_row`
    (rows,): each impression's context.
    """

    pool: NDArray[np.int64]
    position: NDArray[np.int64] | None
    numbers: Mapping[str, NDArray[np.float32]]
    sparse: Mapping[str, Sparse]
    of_row: NDArray[np.int64]


def contexts(
    log: Log, signals: Mapping[str, ReplaySignal], catalogue: Catalogue, by_position: bool
) -> Contexts:
    """Find the distinct contexts of a log, in the order of their pool, numbers and labels."""
    numbers = {
        n: log.numbers[s.column].astype(np.float32) for n, s in signals.items() if s.column is not None
    }
    sparse = {n: log.labels[s.sparse] for n, s in signals.items() if s.sparse is not None}
    position = log.position if by_position else None
    described = [log.pool, *numbers.values(), *(column.values for column in sparse.values())]
    if position is not None:
        described.append(position)
    table = np.column_stack([np.asarray(values, np.float64) for values in described])
    _, first, of_row = np.unique(table, axis=0, return_index=True, return_inverse=True)
    pool = log.pool[first]
    return Contexts(
        pool,
        None if position is None else position[first],
        {name: values[first] for name, values in numbers.items()},
        {n: _parse(Column(c.values[first], c.labels), pool, catalogue) for n, c in sparse.items()},
        of_row.reshape(-1),
    )


class Panels:
    """Makes panels out of contexts. `items`: the signals that depend on the item alone."""

    def __init__(self, task: Task, catalogue: Catalogue, items: Mapping[str, Table]) -> None:
        self._task = task
        self._catalogue = catalogue
        self._items = items

    @property
    def width(self) -> int:
        """Candidates of the widest pool."""
        return int(self._catalogue.valid.shape[1])

    def of(self, found: Contexts, chosen: NDArray[np.int64]) -> Panel:
        """The panel of the `chosen` contexts, one request each."""
        pool = found.pool[chosen]
        signals: dict[str, NDArray[np.float32]] = {n: table[pool] for n, table in self._items.items()}
        signals |= {name: values[chosen] for name, values in found.numbers.items()}
        signals |= self.sparse(found, chosen)
        valid = self._catalogue.valid[pool]
        return Panel(
            {stage: self._provided(stage, signals) for stage in self._task.stages},
            {name: keys[pool] for name, keys in self._catalogue.keys.items()},
            self._catalogue.items[pool],
            None if valid.all() else valid,
            self._catalogue.labels,
        )

    def sparse(self, found: Contexts, chosen: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """The signals that some candidates have, each (chosen, candidates)."""
        return {name: _dense(s, chosen, self.width) for name, s in found.sparse.items()}

    def _provided(
        self, stage: str, signals: Mapping[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float32]]:
        stages = {name: signal.stages for name, signal in self._task.signals.items()}
        return {n: v for n, v in signals.items() if stages.get(n) is None or stage in (stages[n] or ())}


def _parse(column: Column, pool: NDArray[np.int64], catalogue: Catalogue) -> Sparse:
    """Read `item:value;...` per context; items that the context's pool does not have are left out."""
    parsed = [_entries(text) for text in column.labels]
    counts, candidates, values = [0], [], []
    for code, own in zip(column.values, pool, strict=True):
        places = catalogue.places[own]
        entries = [(places[item], value) for item, value in parsed[code] if item in places]
        candidates += [place for place, _ in entries]
        values += [value for _, value in entries]
        counts.append(len(entries))
    return Sparse(
        np.cumsum(counts, dtype=np.int64), np.array(candidates, np.int64), np.array(values, np.float32)
    )


def _entries(text: str) -> Sequence[tuple[str, float]]:
    try:
        pairs = [entry.rsplit(":", 1) for entry in text.split(";") if entry.strip()]
        return [(item.strip(), float(value)) for item, value in pairs]
    except ValueError:
        raise BackendError(
            f"{text!r} is no list of item values", help='write "item:value;item:value", or nothing'
        ) from None


def _dense(sparse: Sparse, chosen: NDArray[np.int64], width: int) -> NDArray[np.float32]:
    """(chosen, width), 0 where nothing is listed."""
    counts = sparse.start[chosen + 1] - sparse.start[chosen]
    row = np.repeat(np.arange(len(chosen)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    entry = np.repeat(sparse.start[chosen], counts) + within
    dense = np.zeros((len(chosen), width), np.float32)
    dense[row, sparse.candidate[entry]] = sparse.value[entry]
    return dense
