"""Play configs on a part of the log: what each would have chosen, impression by impression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.contexts import Contexts, Panels
from rectune_dsl.backends.replaylog.layout import IMPRESSIONS
from rectune_dsl.backends.replaylog.log import Log
from rectune_dsl.backends.replaylog.policy import Policy
from rectune_dsl.backends.replaylog.rewards import Reward
from rectune_dsl.hooks.api import Config, Panel

CELLS = 500_000
"""Requests times candidates scored at once."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the log, and the distinct contexts in it."""

    log: Log
    contexts: Contexts


@dataclass(frozen=True, eq=False)
class Modelled:
    """What is expected of an outcome by a model, (rows,): of the config's choice, and of the logged item."""

    expected: NDArray[np.float64]
    logged: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Played:
    """A config on a part of the log.

    `chosen` (rows,): its probability for the logged item. `choices` (pools, candidates): its probabilities
    summed over impressions. `coverage`: the effective share of the catalogue it shows, and
    `coverage_influence` (rows,): what each context adds to that number, mean 0. `modelled`: by outcome, where
    there are reward models.
    """

    chosen: NDArray[np.float64]
    choices: NDArray[np.float64]
    coverage: float
    coverage_influence: NDArray[np.float64]
    modelled: Mapping[str, Modelled]


def play(
    policy: Policy,
    panels: Panels,
    catalogue: Catalogue,
    part: Part,
    configs: Sequence[Config],
    rewards: Mapping[str, Reward] | None = None,
) -> tuple[Played, ...]:
    """Play every config. Chunks of contexts are scored one after the other, so memory stays bounded."""
    rows, rewards = part.log.rows, rewards or {}
    chosen, shown = np.zeros((len(configs), rows)), np.zeros((len(configs), rows))
    share = np.zeros((len(configs), *catalogue.valid.shape))
    expected = {name: np.zeros((len(configs), rows)) for name in rewards}
    logged = {name: np.zeros(rows) for name in rewards}
    for chunk in _chunks(panels, part):
        at, local, item = chunk.impressions, chunk.local, part.log.item[chunk.impressions]
        count = np.bincount(local, minlength=len(chunk.pool))[:, None]
        worth = _worth(rewards, panels, part, chunk)
        for name, values in worth.items():
            logged[name][at] = values[local, item]
        for index, config in enumerate(configs):
            probability = policy.probabilities(chunk.panel, chunk.position, config)
            chosen[index, at] = probability[local, item]
            shown[index, at] = probability.sum(axis=1)[local]
            np.add.at(share[index], chunk.pool, count * probability)
            for name, values in worth.items():
                expected[name][index, at] = np.sum(probability * values, axis=1)[local]
    surprise = _surprise(policy, panels, part, configs, share)
    alike = {name: reward.of_impressions(part.log) for name, reward in rewards.items()}
    found = []
    for i in range(len(configs)):
        modelled = {IMPRESSIONS: Modelled(shown[i], np.ones(rows))}
        for name, own in alike.items():
            modelled[name] = Modelled(own * shown[i] + expected[name][i], own + logged[name])
        covered = coverage(share[i], surprise[i], part.log.pool, catalogue)
        found.append(Played(chosen[i], share[i], *covered, modelled))
    return tuple(found)


def logged_values(panels: Panels, part: Part) -> dict[str, NDArray[np.float64]]:
    """The logged items' values (rows,) of the signals that some candidates have."""
    found = {name: np.zeros(part.log.rows) for name in part.contexts.sparse}
    for chunk in _chunks(panels, part):
        for name, values in panels.sparse(part.contexts, chunk.contexts).items():
            found[name][chunk.impressions] = values[chunk.local, part.log.item[chunk.impressions]]
    return found


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
    for chunk in _chunks(panels, part):
        for index, config in enumerate(configs):
            log_mean = _log(_normalised(share[index]))[chunk.pool]
            probability = policy.probabilities(chunk.panel, chunk.position, config)
            surprise[index, chunk.impressions] = -np.sum(probability * log_mean, axis=1)[chunk.local]
    return surprise


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Some contexts with their panel, positions and pools, the impressions in them, and `local`: which of
    these contexts each impression has."""

    contexts: NDArray[np.int64]
    panel: Panel
    position: NDArray[np.int64] | None
    pool: NDArray[np.int64]
    impressions: NDArray[np.int64]
    local: NDArray[np.int64]


def _worth(
    rewards: Mapping[str, Reward], panels: Panels, part: Part, chunk: _Chunk
) -> dict[str, NDArray[np.float64]]:
    """What each candidate adds to each outcome, (contexts, candidates)."""
    sparse = panels.sparse(part.contexts, chunk.contexts) if rewards else {}
    return {name: reward.of_candidates(chunk.pool, sparse) for name, reward in rewards.items()}


def _chunks(panels: Panels, part: Part) -> Iterator[_Chunk]:
    found = part.contexts
    size = max(1, CELLS // panels.width)
    order = np.argsort(found.of_row, kind="stable")
    start = np.searchsorted(found.of_row[order], np.arange(len(found.pool) + 1))
    for first in range(0, len(found.pool), size):
        stop = min(first + size, len(found.pool))
        contexts = np.arange(first, stop)
        impressions = order[start[first] : start[stop]]
        position = None if found.position is None else found.position[first:stop]
        yield _Chunk(
            contexts,
            panels.of(found, contexts),
            position,
            found.pool[first:stop],
            impressions,
            found.of_row[impressions] - first,
        )


def _normalised(share: NDArray[np.float64]) -> NDArray[np.float64]:
    total = share.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(share, total, out=np.zeros_like(share), where=total > 0))


def _log(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """log, and 0 for what is never chosen, which no sum counts."""
    return np.log(mean, out=np.zeros_like(mean), where=mean > 0)
