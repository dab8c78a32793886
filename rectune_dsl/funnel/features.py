"""Slate features φ: what a config does to the slates of a panel, in a few numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.source import SOURCE
from rectune_dsl.hooks.api import Panel, Slates

SMALLEST = 1e-6
"""Values below it count as this in `log:` features."""


class SlateFeatures:
    """φ of slates of one panel.

    `names` are, for every prediction and item signal that the panel has, as the last stage that
    provides it sees it: `mean:NAME`, its position-weighted mean over the slate, and `log:NAME`, that
    of its logarithm (where its domain does not go below 0); per key `repetition:KEY`, the mean number of
    earlier items with an item's key, and `spread:KEY`, distinct keys per item shown; for every source of the
    task `share:NAME`, its share of the items shown; and `overlap@K` with production's slates. Positions
    weigh 1 / log2(1 + position), as in nDCG (Järvelin and Kekäläinen 2002); signals that are undefined where
    shown count as 0.
    """

    def __init__(self, task: Task, panel: Panel, production: Slates) -> None:
        self._panel = panel
        self._production = production
        self._values = _last_values(task, panel)
        self._logged = tuple(n for n in self._values if task.signals[n].domain[0] >= 0)
        self._keys = {key: values for key, values in panel.keys.items() if key != SOURCE}
        self._sources = tuple(task.sources)
        self.names: tuple[str, ...] = (
            *(f"mean:{name}" for name in self._values),
            *(f"log:{name}" for name in self._logged),
            *(f"{what}:{key}" for key in self._keys for what in ("repetition", "spread")),
            *(f"share:{name}" for name in self._sources),
            f"overlap@{production.candidates.shape[1]}",
        )

    def of(self, slates: Slates) -> NDArray[np.float64]:
        """φ as a vector in the order of `names`, averaged over requests with a slate."""
        shown = slates.candidates >= 0
        candidates = np.where(shown, slates.candidates, 0).astype(np.intp)
        weights = _weights(shown)
        values = {n: np.take_along_axis(v, candidates, 1) for n, v in self._values.items()}
        features = [_mean(value, weights) for value in values.values()]
        features += [_mean(np.log(np.maximum(values[n], SMALLEST)), weights) for n in self._logged]
        for keys in self._keys.values():
            features += _repetition_and_spread(np.take_along_axis(keys, candidates, 1), shown)
        features += self._shares(candidates, shown)
        return np.array([*features, overlap(slates, self._production)], np.float64)

    def _shares(self, candidates: NDArray[np.intp], shown: NDArray[np.bool_]) -> list[float]:
        if not self._sources:
            return []
        names = self._panel.labels.get(SOURCE, ())
        codes = np.take_along_axis(self._panel.keys[SOURCE], candidates, 1)[shown]
        places = (names.index(name) if name in names else -1 for name in self._sources)
        return [float((codes == place).mean()) if codes.size else 0.0 for place in places]


def overlap(a: Slates, b: Slates) -> float:
    """Mean over requests of the share of common candidates, by the longer slate's length: 1 where both
    show the same set, 0 where they share nothing. Requests with two empty slates are left out."""
    longer = np.maximum((a.candidates >= 0).sum(axis=1), (b.candidates >= 0).sum(axis=1))
    same = (a.candidates[:, :, None] == b.candidates[:, None, :]) & (a.candidates >= 0)[:, :, None]
    common = same.any(axis=2).sum(axis=1)
    shares = common[longer > 0] / longer[longer > 0]
    return float(shares.mean()) if shares.size else 0.0


def _last_values(task: Task, panel: Panel) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for name, signal in task.signals.items():
        stages = [s for s in task.stages if name in panel.signals.get(s, {})]
        if stages and signal.kind in ("prediction", "item"):
            found[name] = panel.signals[stages[-1]][name]
    return found


def _weights(shown: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(requests, slate), summing to one over everything that is shown."""
    weights = shown / np.log2(np.arange(shown.shape[1]) + 2.0)
    total = weights.sum()
    return np.asarray(weights / total if total > 0 else weights, np.float64)


def _mean(values: NDArray[np.float32], weights: NDArray[np.float64]) -> float:
    return float((np.nan_to_num(values) * weights).sum())


def _repetition_and_spread(keys: NDArray[np.int32], shown: NDArray[np.bool_]) -> list[float]:
    earlier = np.tri(keys.shape[1], k=-1, dtype=np.bool_)
    same = (keys[:, :, None] == keys[:, None, :]) & shown[:, None, :] & earlier
    repeats = same.sum(axis=2)[shown]
    if not repeats.size:
        return [0.0, 0.0]
    return [float(repeats.mean()), float((repeats == 0).mean())]
