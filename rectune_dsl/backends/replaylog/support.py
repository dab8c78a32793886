"""How well a log supports a config: what its weights are like, and what it chooses that was not logged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.estimate import effective_sample_size
from rectune_dsl.backends.replaylog.log import Log
from rectune_dsl.backends.replaylog.slates import Units
from rectune_dsl.hooks.api import Support

RARE = 0.01
"""An item whose propensity is never this part of an even chance is rare: its weights are a hundredfold."""
TOP = 10
"""Weights whose share of the sum is told."""


def best_chances(log: Log, catalogue: Catalogue) -> NDArray[np.float64]:
    """The largest propensity that each item ever had in `log`, 1 being that of an even choice out of its
    pool: (pools, candidates), 0 where it was never logged."""
    found = np.zeros(catalogue.valid.shape)
    np.maximum.at(found, (log.pool, log.item), log.propensity)
    return found * catalogue.sizes[:, None]


def support(
    ratio: NDArray[np.float64],
    impressions: NDArray[np.float64],
    units: Units,
    clip: float | None,
    choices: NDArray[np.float64],
    chance: NDArray[np.float64],
) -> Support:
    """Describe an arm's unclipped importance weights `ratio` (rows,) and its `choices` (pools, candidates),
    these up to their scale. `chance` (pools, candidates): see `best_chances`. A row counts as so many
    `impressions` (rows,).
    """
    rows = np.maximum(units.total(np.ones(len(ratio))), 1)
    plain = units.total(ratio * impressions) / rows
    weight = plain if clip is None else units.total(np.minimum(ratio, clip) * impressions) / rows
    top = np.sort(weight)[-TOP:]
    total = float(weight.sum())
    return Support(
        units=units.count,
        effective=effective_sample_size(weight),
        mean=float(plain.mean()),
        mean_se=float(plain.std(ddof=1) / np.sqrt(units.count)) if units.count > 1 else 0.0,
        largest=float(plain.max()),
        share=float(top.sum()) / total if total > 0 else 0.0,
        clipped=0.0 if clip is None else float(np.mean(ratio > clip)),
        unlogged=_share(choices, chance == 0),
        rare=_share(choices, (chance > 0) & (chance < RARE)),
        unit=units.name,
    )


def _share(choices: NDArray[np.float64], where: NDArray[np.bool_]) -> float:
    total = float(choices.sum())
    return float(choices[where].sum()) / total if total > 0 else 0.0
