"""Play configs on a part of the log: what each would have chosen, impression by impression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.contexts import Contexts, Panels
from rectune_dsl.backends.replaylog.log import Log
from rectune_dsl.backends.replaylog.policy import Policy
from rectune_dsl.hooks.api import Config, Panel

CELLS = 500_000
"""Requests times candidates scored at once."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the log, and the distinct contexts in it."""

    log: Log
    contexts: Contexts


@dataclass(frozen=True, eq=False)
class Played:
    """A config on a part of the log.

    `chosen` (rows,): its probability for the logged item. `coverage`: the effective share of the catalogue
    it shows, and `coverage_influence` (rows,): what each context adds to that number, mean 0.
    """

    chosen: NDArray[np.float64]
    coverage: float
    coverage_influence: NDArray[np.float64]


def play(
    policy: Policy, panels: Panels, catalogue: Catalogue, part: Part, configs: Sequence[Config]
) -> tuple[Played, ...]:
    """Play every config. Chunks of contexts are scored one after the other, so memory stays bounded."""
    rows = part.log.rows
    chosen = np.zeros((len(configs), rows))
    share = np.zeros((len(configs), *catalogue.valid.shape))
    for panel, position, impressions, local, of_pool in _chunks(panels, part):
        count = np.bincount(local, minlength=len(of_pool))[:, None]
        for index, config in enumerate(configs):
            probability = policy.probabilities(panel, position, config)
            chosen[index, impressions] = probability[local, part.log.item[impressions]]
            np.add.at(share[index], of_pool, count * probability)
    surprise = _surprise(policy, panels, part, configs, share)
    return tuple(
        Played(chosen[index], *coverage(share[index], surprise[index], part.log.pool, catalogue))
        for index in range(len(configs))
    )


def coverage(
    share: NDArray[np.float64],
    surprise: NDArray[np.float64],
    pool: NDArray[np.int64],
    catalogue: Catalogue,
) -> tuple[float, NDArray[np.float64]]:
    """Effective share of the catalogue and its influence function over contexts (rows,).

    Per pool exp(H) / items, H being the entropy of the mean choice probability, `share` (pools,
    candidates) up to its scale; pools are weighted by their impressions. 1 is every item alike, 1 / items
    one item for everybody (the exponential of entropy counts items: Hill number of order 1, Jost 2006).
    `surprise` (rows,) is the cross entropy -sum_a pi(a | x) log mean_a, whose mean over a pool is H.
    """
    mean = _normalised(share)
    entropy = -np.sum(mean * _log(mean), axis=1)
    effective = np.exp(entropy) / np.maximum(catalogue.sizes, 1)
    own = effective[pool]
    value = float(own.mean())
    return value, own * (1 + surprise - entropy[pool]) - value


def _surprise(
    policy: Policy, panels: Panels, part: Part, configs: Sequence[Config], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    surprise = np.zeros((len(configs), part.log.rows))
    for panel, position, impressions, local, of_pool in _chunks(panels, part):
        for index, config in enumerate(configs):
            log_mean = _log(_normalised(share[index]))[of_pool]
            probability = policy.probabilities(panel, position, config)
            surprise[index, impressions] = -np.sum(probability * log_mean, axis=1)[local]
    return surprise


_Chunk = tuple[Panel, NDArray[np.int64] | None, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _chunks(panels: Panels, part: Part) -> Iterator[_Chunk]:
    """Panel and positions of some contexts, the impressions in them, each one's context, each one's pool."""
    found = part.contexts
    size = max(1, CELLS // panels.width)
    order = np.argsort(found.of_row, kind="stable")
    start = np.searchsorted(found.of_row[order], np.arange(len(found.pool) + 1))
    for first in range(0, len(found.pool), size):
        stop = min(first + size, len(found.pool))
        contexts = np.arange(first, stop)
        impressions = order[start[first] : start[stop]]
        position = None if found.position is None else found.position[first:stop]
        yield (
            panels.of(found, contexts),
            position,
            impressions,
            found.of_row[impressions] - first,
            found.pool[first:stop],
        )


def _normalised(share: NDArray[np.float64]) -> NDArray[np.float64]:
    total = share.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(share, total, out=np.zeros_like(share), where=total > 0))


def _log(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """log, and 0 for what is never chosen, which no sum counts."""
    return np.log(mean, out=np.zeros_like(mean), where=mean > 0)
