"""Signals per item: columns of the items file, and rates shrunk towards their pool."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.log import Log
from rectune_dsl.dsl.replay import ReplaySignal

Table = NDArray[np.float32]
"""(pools, candidates); 0 where a pool has no such candidate."""


def item_signals(signals: Mapping[str, ReplaySignal], fit: Log, catalogue: Catalogue) -> dict[str, Table]:
    """The signals that depend on the item alone. Rates are estimated on `fit`, the log's fit part."""
    found: dict[str, Table] = {}
    for name, signal in signals.items():
        if signal.item_column is not None:
            values = catalogue.numbers[signal.item_column].astype(np.float64)
        elif signal.rate is not None:
            values = shrunken_rates(fit, signal.rate, catalogue, signal.smoothing)
        else:
            continue
        if signal.standardize:
            values = _standardized(values, catalogue.valid)
        found[name] = np.where(catalogue.valid, values, 0).astype(np.float32)
    return found


def shrunken_rates(
    log: Log, outcome: str, catalogue: Catalogue, smoothing: float | None = None
) -> NDArray[np.float64]:
    """Mean `outcome` per item, shrunk towards its pool's mean: (pools, candidates).

    An item's mean weighs its impressions by 1 / propensity, so that it stands for all contexts; n is their
    effective number. With k = `smoothing`, the rate is (n * mean + k * pool mean) / (n + k). Without it
    k is the variance within items over the variance between them, the latter by the method of
    moments (DerSimonian and Laird 1986, pooled over the pools); where no variance between items shows,
    every item has its pool's mean.
    """
    return shrunken_means(log.outcomes[outcome], 1 / log.propensity, log, catalogue, smoothing)


def shrunken_means(
    values: NDArray[np.float64],
    weight: NDArray[np.float64],
    log: Log,
    catalogue: Catalogue,
    smoothing: float | None = None,
) -> NDArray[np.float64]:
    """The same of any `values` (rows,) with any `weight` (rows,): (pools, candidates)."""
    shape = catalogue.valid.shape
    cell = log.pool * shape[1] + log.item
    total = _sum(cell, weight, shape)
    squares = _sum(cell, weight**2, shape)
    n = np.divide(total**2, squares, out=np.zeros(shape), where=squares > 0)
    mean = np.divide(_sum(cell, weight * values, shape), total, out=np.zeros(shape), where=total > 0)
    pooled = np.divide((n * mean).sum(1), n.sum(1), out=np.zeros(shape[0]), where=n.sum(1) > 0)[:, None]
    if smoothing is None:
        smoothing = _prior_impressions(values - mean.ravel()[cell], n, mean - pooled)
    return np.asarray(pooled + n / (n + smoothing) * (mean - pooled))


def _prior_impressions(
    residual: NDArray[np.float64], n: NDArray[np.float64], deviation: NDArray[np.float64]
) -> float:
    """How many impressions the pool's mean is worth; infinite where items do not differ."""
    seen = n > 0
    freedom = len(residual) - seen.sum()
    spare = float(seen.sum() - seen.any(axis=1).sum())
    if freedom <= 0 or spare <= 0:
        return float("inf")
    within = float(np.sum(residual**2) / freedom)
    per_pool = n.sum(axis=1)
    share = np.divide((n**2).sum(axis=1), per_pool, out=np.zeros(len(n)), where=per_pool > 0)
    between = float(np.sum(n * deviation**2) - spare * within) / float(np.sum(per_pool - share))
    return within / between if between > 0 else float("inf")


def _sum(cell: NDArray[np.int64], values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.bincount(cell, values, shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _standardized(values: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean 0 and standard deviation 1 over each pool's items; 0 where all are equal."""
    count = np.maximum(valid.sum(axis=1, keepdims=True), 1)
    centred = np.where(valid, values - np.where(valid, values, 0).sum(axis=1, keepdims=True) / count, 0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    negligible = 1e-9 * np.abs(values).max(initial=0)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > negligible))
