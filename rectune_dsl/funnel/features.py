"""Slate features φ: what a config does to the slates of a panel, in a few numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.source import SOURCE
from rectune_dsl.funnel.tally import Board, Candidates, tally
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
    that are undefined where shown count as 0. With `only` there are no others than those.
    """

    def __init__(self, task: Task, panel: Panel, only: Collection[str] | None = None) -> None:
        weighted = _chosen(_weighted(task, panel), only)
        shares = _chosen({f"share:{name}": _is_from(panel, name) for name in task.sources}, only)
        keys = {
            key: codes
            for key, codes in panel.keys.items()
            if key != SOURCE and (only is None or not {f"repetition:{key}", f"spread:{key}"}.isdisjoint(only))
        }
        columns = [*weighted.values(), *shares.values()]
        self._board = Board(
            columns=_defined(np.stack(columns, axis=-1) if columns else np.empty((*panel.items.shape, 0))),
            weighted=len(weighted),
            keys=np.array([*keys.values()], np.int32).reshape(len(keys), *panel.items.shape),
        )
        self._tally = tally()
        of_keys = (f"{what}:{key}" for key in keys for what in ("repetition", "spread"))
        added = (*weighted, *shares, *of_keys)
        self.names: tuple[str, ...] = tuple(name for name in added if only is None or name in only)
        self._places = [added.index(name) for name in self.names]

    def of(self, slates: Slates) -> NDArray[np.float64]:
        """φ as a vector in the order of `names`, averaged over requests with a slate; all 0 where nothing is
        shown."""
        features: NDArray[np.float64] = self.of_all(slates.candidates[np.newaxis])[0]
        return features

    def of_all(self, candidates: Candidates) -> NDArray[np.float64]:
        """φ of the slates of several configs, (configs, features)."""
        sums = self._tally(self._board, candidates)
        weight, shown, first = sums[:, :1], sums[:, 1:2], 2 + self._board.weighted
        means = sums[:, 2:first] / np.where(weight > 0.0, weight, 1.0)
        features: NDArray[np.float64] = np.hstack([means, sums[:, first:] / np.maximum(shown, 1.0)])
        return features[:, self._places]


class Overlap:
    """How many of its items a slate has in common with that of `reference` for the same request."""

    def __init__(self, reference: Slates, candidates: int) -> None:
        requests = len(reference.candidates)
        self._rows = np.arange(requests)[:, np.newaxis]
        self._there = np.zeros((requests, candidates + 1), np.bool_)
        self._there[self._rows, reference.candidates] = True
        self._there[:, -1] = False  # which is where index -1 points to
        self._lengths = (reference.candidates >= 0).sum(axis=1)

    def of_all(self, candidates: Candidates) -> NDArray[np.float64]:
        """By config, (configs,): the mean over requests of the share of common candidates, by the longer
        slate's length: 1 where both show the same set, 0 where they share nothing. Requests with two empty
        slates are left out."""
        common = self._there[self._rows, candidates].sum(axis=2)
        longer = np.maximum((candidates >= 0).sum(axis=2), self._lengths)
        shares = (common / np.maximum(longer, 1)).sum(axis=1)
        return np.asarray(shares / np.maximum((longer > 0).sum(axis=1), 1), np.float64)


def overlap(a: Slates, b: Slates) -> float:
    """The overlap of slates with those of others, which is symmetric: see Overlap.of_all."""
    candidates = 1 + max(int(slates.candidates.max(initial=-1)) for slates in (a, b))
    return float(Overlap(b, candidates).of_all(a.candidates[np.newaxis])[0])


def _weighted(task: Task, panel: Panel) -> Values:
    """What is averaged with a position's weight, (requests, candidates), by the feature's name."""
    values = _last_values(task, panel)
    logged = [name for name in values if task.signals[name].domain[0] >= 0]
    return {
        **{f"mean:{name}": value for name, value in values.items()},
        **{f"log:{name}": _log(values[name]) for name in logged},
        **{f"product:{a}*{b}": values[a] * values[b] for a, b in _pairs(task, values)},
    }


def _chosen(features: Values, only: Collection[str] | None) -> Values:
    return {name: values for name, values in features.items() if only is None or name in only}


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
    for stage in reversed([*task.stages.values()]):
        read = {n for formula in (stage.score, *stage.terms.values()) for n in formula.reads}
        heads = [n for n, s in task.signals.items() if s.kind == "prediction" and n in read and n in values]
        if heads:
            return list(islice(combinations(heads, 2), MOST_PRODUCTS))
    return []


def _log(values: NDArray[np.float32]) -> NDArray[np.float32]:
    logarithms: NDArray[np.float32] = np.log(np.maximum(values, np.float32(SMALLEST)))
    return logarithms


def _is_from(panel: Panel, source: str) -> NDArray[np.float32]:
    """(requests, candidates): 1 for the candidates of a source."""
    names = panel.labels.get(SOURCE, ())
    if source not in names:
        return np.zeros(panel.items.shape, np.float32)
    own: NDArray[np.float32] = (panel.keys[SOURCE] == names.index(source)).astype(np.float32)
    return own


def _defined(columns: NDArray[Any]) -> NDArray[np.float32]:
    """In one piece, 0 where undefined, which adds nothing."""
    return np.ascontiguousarray(np.where(np.isfinite(columns), columns, 0.0), np.float32)
