"""The items a context could have been shown: one padded row of candidates per pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog import tables
from rectune_dsl.backends.replaylog.layout import item_columns, layout
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.errors import BackendError


@dataclass(frozen=True, eq=False)
class Catalogue:
    """`pools`: their names; `places[pool][item]`: the item's column in every (pools, candidates) array.

    `items` are ids: the log's own where all are whole numbers, else running numbers. `valid` is False
    beyond a pool's last item. `numbers` float32 and `keys` int32 are columns of the items file, `labels`
    the names of the keys' values.
    """

    pools: tuple[str, ...]
    places: tuple[Mapping[str, int], ...]
    items: NDArray[np.int64]
    valid: NDArray[np.bool_]
    numbers: Mapping[str, NDArray[np.float32]]
    keys: Mapping[str, NDArray[np.int32]]
    labels: Mapping[str, tuple[str, ...]]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Items per pool."""
        return np.array(self.valid.sum(axis=1), np.int64)


@dataclass(frozen=True)
class _Items:
    """The items file: (pool or None, item) of each row, and its columns."""

    rows: tuple[tuple[str | None, str], ...]
    columns: Mapping[str, tables.Column]


def build(task: Task, folder: Path, pools: tables.Column | None, logged: tables.Column) -> Catalogue:
    """The catalogue of a log whose rows have `pools` (None: one pool) and `logged` items.

    A pool holds the items that the items file lists for it; without such a file, or where the
    propensity is uniform over what was logged, the items that were logged in it.
    """
    file = _read_items(task, folder)
    assert task.replay is not None
    names = pools.labels if pools is not None else ("",)
    seen = _logged(pools, logged, len(names))
    if file is None or layout(task.replay).propensity is None:
        members = [_in_order(items) for items in seen]
    else:
        members = [_listed(file, pool) for pool in names]
        _require_listed(names, seen, members)
    places = tuple({item: place for place, item in enumerate(items)} for items in members)
    valid = np.arange(max(map(len, members)))[None, :] < np.array([len(m) for m in members])[:, None]
    numbers, keys = _columns(file, names, places, valid) if file is not None else ({}, {})
    labels = {name: file.columns[name].labels for name in keys} if file is not None else {}
    return Catalogue(tuple(names), places, _ids(members, valid), valid, numbers, keys, labels)


def _read_items(task: Task, folder: Path) -> _Items | None:
    assert task.replay is not None
    wanted = item_columns(task)
    if task.replay.items is None:
        if wanted:
            raise BackendError(
                f"the columns {', '.join(wanted)} of items are needed, and no items file is named",
                help='write items = "FILE" under [replay]',
            )
        return None
    paths = tables.files(folder, task.replay.items)
    roles = layout(task.replay)
    by_pool = roles.pool is not None and roles.pool in tables.header(paths[0])
    labels: dict[str, tables.Kind] = {roles.item: "label"}
    if by_pool and roles.pool is not None:
        labels[roles.pool] = "label"
    read = tables.read(paths, {**wanted, **labels})
    items = read[roles.item].strings()
    pools: list[str] | list[None] = read[str(roles.pool)].strings() if by_pool else [None] * len(items)
    return _Items(tuple(zip(pools, items, strict=True)), {name: read[name] for name in wanted})


def _logged(pools: tables.Column | None, logged: tables.Column, count: int) -> list[list[str]]:
    """The items seen in each pool."""
    codes = pools.values if pools is not None else np.zeros(len(logged.values), np.int64)
    pairs = np.unique(codes * len(logged.labels) + logged.values)
    seen: list[list[str]] = [[] for _ in range(count)]
    for pair in pairs:
        seen[pair // len(logged.labels)].append(logged.labels[pair % len(logged.labels)])
    return seen


def _listed(file: _Items, pool: str) -> list[str]:
    return _in_order([item for own, item in file.rows if own in (None, pool)])


def _in_order(items: list[str]) -> list[str]:
    """Each item once: whole numbers by size, then other names by letters."""
    return sorted(
        set(items), key=lambda item: (not item.isdecimal(), int(item) if item.isdecimal() else 0, item)
    )


def _require_listed(names: tuple[str, ...], seen: list[list[str]], members: list[list[str]]) -> None:
    for pool, logged, listed in zip(names, seen, members, strict=True):
        unknown = _in_order(list(set(logged) - set(listed)))
        if unknown:
            where = f" of pool {pool!r}" if pool else ""
            raise BackendError(
                f"{len(unknown)} logged items{where} are not in the items file, such as {unknown[0]!r}",
                help="list every item that could be shown, or leave the items file out",
            )


def _columns(
    file: _Items, names: tuple[str, ...], places: tuple[Mapping[str, int], ...], valid: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.int32]]]:
    source = np.full(valid.shape, -1, np.int64)  # row of the items file behind each candidate
    for row, (own, item) in enumerate(file.rows):
        for pool, name in enumerate(names):
            if own in (None, name) and item in places[pool]:
                source[pool, places[pool][item]] = row
    if np.any((source < 0) & valid):
        pool, place = np.argwhere((source < 0) & valid)[0]
        item = list(places[pool])[place]
        raise BackendError(
            f"item {item!r} was logged, and the items file does not list it",
            help="list every item that was logged",
        )
    numbers: dict[str, NDArray[np.float32]] = {}
    keys: dict[str, NDArray[np.int32]] = {}
    for name, column in file.columns.items():
        values = np.where(valid, column.values[source], 0)
        if column.labels:
            keys[name] = values.astype(np.int32)
        else:
            numbers[name] = values.astype(np.float32)
    return numbers, keys


def _ids(members: list[list[str]], valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    known = _in_order([item for items in members for item in items])
    plain = all(item.isdecimal() for item in known)
    number = {item: int(item) if plain else place for place, item in enumerate(known)}
    ids = np.full(valid.shape, -1, np.int64)
    for pool, items in enumerate(members):
        ids[pool, : len(items)] = [number[item] for item in items]
    return ids
