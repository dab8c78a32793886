"""What an outcome is expected to be, given what an impression looked like and the item: the model of `dr`.

It is linear: a constant, an effect of the position, of each signal, and of each (pool, item). The first
three are fitted by least squares, the last is the mean residual of the item, shrunk towards its pool's as a
`rate` is; in turn, each to what the other leaves. All of it on the fit part, so that it knows nothing of the
impressions it is used on: whatever it predicts, a doubly robust estimate is unbiased where propensities are
right. No interactions are fitted; what an item is worth to whom has to come from a signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.log import Log
from rectune_dsl.backends.replaylog.signals import Table, shrunken_means

SWEEPS = 10
"""How often signals and items are fitted in turn."""
RIDGE = 1.0
"""Impressions added to the fit in which no signal said anything, so that it always has a solution."""


@dataclass(frozen=True, eq=False)
class Reward:
    """The expected value of one outcome: the sum of what the impression and what the candidate add.

    `columns`: slope by column of the log; `positions` (positions,), the last one's for all below it; `items`
    (pools, candidates); `sparse`: slope by signal.
    """

    constant: float
    columns: Mapping[str, float]
    positions: NDArray[np.float64]
    items: NDArray[np.float64]
    sparse: Mapping[str, float]

    def of_impressions(self, log: Log) -> NDArray[np.float64]:
        """(rows,), the same whatever is shown there."""
        found = np.full(log.rows, self.constant)
        for column, slope in self.columns.items():
            found += slope * log.numbers[column]
        if log.position is not None:
            found += self.positions[np.minimum(log.position, len(self.positions)) - 1]
        return found

    def of_candidates(
        self, pool: NDArray[np.int64], sparse: Mapping[str, NDArray[np.float32]]
    ) -> NDArray[np.float64]:
        """(contexts, candidates) from the contexts' pools and sparse signals."""
        found = self.items[pool]
        for name, slope in self.sparse.items():
            found = found + slope * sparse[name]
        return found


def fit(
    log: Log,
    outcome: str,
    catalogue: Catalogue,
    items: Mapping[str, Table],
    sparse: Mapping[str, NDArray[np.float64]],
) -> Reward:
    """Fit one outcome on `log`, the fit part. `items`: signals by item; `sparse`: the values (rows,) that
    the logged items have of the others."""
    depth = 1 if log.position is None else int(log.position.max(initial=1))
    deeper = [] if log.position is None else [log.position == place for place in range(2, depth + 1)]
    features = [*log.numbers.values(), *deeper, *(t[log.pool, log.item] for t in items.values())]
    features += sparse.values()
    y, effects, ones = log.outcomes[outcome], np.zeros(catalogue.valid.shape), np.ones(log.rows)
    for _ in range(SWEEPS):
        constant, slopes = _least_squares(features, y - effects[log.pool, log.item])
        explained = sum((slope * f for slope, f in zip(slopes, features, strict=True)), constant * ones)
        effects = shrunken_means(y - explained, ones, log, catalogue)
    given = iter(slopes)
    columns = {name: next(given) for name in log.numbers}
    positions = np.array([0.0, *(next(given) for _ in deeper)])
    table = effects + sum((next(given) * values for values in items.values()), np.zeros(effects.shape))
    return Reward(constant, columns, positions, table, {name: next(given) for name in sparse})


def _least_squares(
    features: Sequence[NDArray[np.generic]], outcome: NDArray[np.float64]
) -> tuple[float, list[float]]:
    """Constant and slopes. Features are brought to one scale, so that `RIDGE` means the same to each."""
    table = np.array(features, np.float64).reshape(len(features), len(outcome))
    mean = table.mean(axis=1)
    spread = table.std(axis=1)
    scale = np.where(spread > 1e-9 * np.abs(table).max(axis=1, initial=0), spread, np.inf)
    scaled = (table - mean[:, None]) / scale[:, None]
    # einsum sums in one fixed order; a matrix product's depends on the number of threads
    gram = np.einsum("ir,jr->ij", scaled, scaled) + RIDGE * np.eye(len(features))
    slopes = np.linalg.solve(gram, np.einsum("ir,r->i", scaled, outcome)) / scale
    return float(outcome.mean() - slopes @ mean), [float(slope) for slope in slopes]
