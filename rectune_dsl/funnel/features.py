"""Slate features φ: what a config does to the slates of a panel, in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.source import SOURCE
from rectune_dsl.funnel.tally import Board, tally
from rectune_dsl.hooks.api import Panel, Slates

SMALLEST = 1e-6
"""Values below it count as this in `log:` features."""
MOST_PRODUCTS = 6

Values = Mapping[str, NDArray[np.float32]]


class SlateFeatures:
    """φ of slates of one panel.

    `names` are, for every prediction and item signal that the panel has, as the last stage that
    provides it sees it: `mean:NAME`, its position-weighted mean over the slate, and `log:NAME`, that
    of its logarithm (where its domain does not go below 0); `product:A*B`, that of the product of two
    predictions that the last stage with predictions in its score reads, for the first few pairs in the task's
    order; for every source of the task `share:NAME`, its share of the items shown; and per key
    `repetition:KEY`, the mean number of earlier items with an item's key, and `spread:KEY`, distinct keys
    per item shown. Positions weigh 1 / log2(1 + position), as in nDCG (Järvelin and Kekäläinen 2002); signals
    that are undefined where shown count as 0.
    """

    def __init__(self, task: Task, panel: Panel) -> None:
        values = _last_values(task, panel)
        weighted = {f"mean:{name}": value for name, value in values.items()}
        weighted |= {
            f"log:{name}": _log(value) for name, value in values.items() if task.signals[name].domain[0] >= 0
        }
        weighted |= {f"product:{a}*{b}": values[a] * values[b] for a, b in _pairs(task, values)}
        shares = {f"share:{name}": _is_from(panel, name) for name in task.sources}
        keys = {name: codes for name, codes in panel.keys.items() if name != SOURCE}
        columns = [*weighted.values(), *shares.values()]
        self._board = Board(
            columns=_defined(np.stack(columns, axis=-1) if columns else np.empty((*panel.items.shape, 0))),
            weighted=len(weighted),
            keys=np.array([*keys.values()], np.int32).reshape(len(keys), *panel.items.shape),
        )
        self._tally = tally()
        self.names: tuple[str, ...] = (
            *weighted,
            *shares,
            *(f"{what}:{key}" for key in keys for what in ("repetition", "spread")),
        )

    def of(self, slates: Slates) -> NDArray[np.float64]:
        """φ as a vector in the order of `names`, averaged over requests with a slate; all 0 where nothing is
        shown."""
        weight, shown, *sums = self._tally(self._board, slates.candidates)
        if shown == 0.0:
            return np.zeros(len(sums))
        weighted = self._board.weighted
        return np.concatenate([np.array(sums[:weighted]) / weight, np.array(sums[weighted:]) / shown])


def overlap(a: Slates, b: Slates) -> float:
    """Mean over requests of the share of common candidates, by the longer slate's length: 1 where both
    show the same set, 0 where they share nothing. Requests with two empty slates are left out."""
    longer = np.maximum((a.candidates >= 0).sum(axis=1), (b.candidates >= 0).sum(axis=1))
    same = (a.candidates[:, :, None] == b.candidates[:, None, :]) & (a.candidates >= 0)[:, :, None]
    common = same.any(axis=2).sum(axis=1)
    shares = common[longer > 0] / longer[longer > 0]
    return float(shares.mean()) if shares.size else 0.0


def _last_values(task: Task, panel: Panel) -> dict[str, NDArray[np.float32]]:
    """By name, (requests, candidates)."""
    found: dict[str, NDArray[np.float32]] = {}
    for name, signal in task.signals.items():
        stages = [s for s in task.stages if name in panel.signals.get(s, {})]
        if stages and signal.kind in ("prediction", "item"):
            found[name] = panel.signals[stages[-1]][name]
    return found


def _pairs(task: Task, values: Values) -> list[tuple[str, str]]:
    """The pairs of predictions whose products are features."""
    for stage in reversed(task.stages.values()):
        read = {n for formula in (stage.score, *stage.terms.values()) for n in formula.reads}
        heads = [n for n, s in task.signals.items() if s.kind == "prediction" and n in read and n in values]
        if heads:
            return list(islice(combinations(heads, 2), MOST_PRODUCTS))
    return []


def _log(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(np.maximum(values, np.float32(SMALLEST)))


def _is_from(panel: Panel, source: str) -> NDArray[np.float32]:
    """(requests, candidates): 1 for the candidates of a source."""
    names = panel.labels.get(SOURCE, ())
    if source not in names:
        return np.zeros(panel.items.shape, np.float32)
    return (panel.keys[SOURCE] == names.index(source)).astype(np.float32)


def _defined(columns: NDArray[Any]) -> NDArray[np.float32]:
    """In one piece, 0 where undefined, which adds nothing."""
    return np.ascontiguousarray(np.where(np.isfinite(columns), columns, 0.0), np.float32)
