"""Items, and the pools of candidates that retrieval hands to the funnel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.keyed import generator

TOPICS = 40
SOURCES = ("taste", "popular", "fresh")
"""What retrieval finds a candidate by."""
FRESH = 0.8
"""Items at least so fresh, one in five, are found as fresh."""
AUTHORS_PER_ITEM = 0.25
_POOL_CANDIDATES = 7_200
"""Candidates of all pools of a topic: with 300 per request, 24 pools per topic."""
_INTEREST_BOOST = 3.4
"""Logarithm of how much likelier retrieval takes an item of the topic a request is interested in."""
_KIN_BOOST = 1.2
"""The same for a topic's two neighbours."""

Column = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Items:
    """Latents of every item, each (items,). `quality` is standard normal, `clickbait`, `freshness` and
    `quality_hint` lie in [0, 1], `duration` is in minutes, `popularity` a log weight."""

    topic: NDArray[np.int32]
    author: NDArray[np.int32]
    quality: Column
    quality_hint: Column
    clickbait: Column
    freshness: Column
    duration: Column
    popularity: Column


@dataclass(frozen=True, eq=False)
class Pools:
    """Candidate lists, `per_topic` for every topic, each of `candidates` different items.

    Every array is flat over (pools, candidates), so that one index serves them all. `logits[head]` are
    the items' part of a true log-odds. `source` is a place in SOURCES: a candidate is there because it is
    fresh, else because its topic is the pool's or a neighbour of it, else because it is popular.
    """

    per_topic: int
    candidates: int
    items: NDArray[np.int64]
    topic: NDArray[np.intp]
    author: NDArray[np.int32]
    source: NDArray[np.int32]
    quality_hint: Column
    clickbait: Column
    freshness: Column
    duration: Column
    logits: Mapping[str, Column]


def make_items(simulator: Simulator) -> Items:
    """The world's items: topics of skewed sizes, clickbait that is popular and of little worth."""
    rng = generator("items", simulator.seed)
    count = simulator.items
    sizes = (np.arange(TOPICS) + 3.0) ** -0.7
    quality = rng.standard_normal(count)
    clickbait = rng.beta(1.6, 3.2, count)
    hint = quality + 0.8 * rng.standard_normal(count)
    return Items(
        topic=rng.choice(TOPICS, count, p=sizes / sizes.sum()).astype(np.int32),
        author=rng.integers(0, max(1, int(count * AUTHORS_PER_ITEM)), count).astype(np.int32),
        quality=quality.astype(np.float32),
        quality_hint=(1 / (1 + np.exp(-hint))).astype(np.float32),
        clickbait=clickbait.astype(np.float32),
        freshness=rng.random(count).astype(np.float32),
        duration=np.exp(np.log(2.6) + 0.3 * rng.standard_normal(count)).astype(np.float32),
        popularity=(0.5 * rng.standard_normal(count) + 0.9 * clickbait + 0.15 * quality).astype(np.float32),
    )


def make_pools(simulator: Simulator, items: Items, logits: Mapping[str, Column]) -> Pools:
    """Draw each pool without replacement, by popularity and nearness to its topic (Gumbel top-k).

    Raises UsageError when a request shall have more candidates than there are items.
    """
    if simulator.candidates > simulator.items:
        raise UsageError(
            f"{simulator.candidates} candidates per request, but only {simulator.items} items",
            help="lower `candidates` or raise `items` in [simulator]",
        )
    rng = generator("pools", simulator.seed)
    per_topic = min(24, max(2, _POOL_CANDIDATES // simulator.candidates))
    chosen = np.concatenate(
        [_draw_pools(rng, items, topic, per_topic, simulator.candidates) for topic in range(TOPICS)]
    )
    return Pools(
        per_topic=per_topic,
        candidates=simulator.candidates,
        items=chosen,
        topic=items.topic[chosen].astype(np.intp),
        author=items.author[chosen],
        source=_sources(items, chosen, np.repeat(np.arange(TOPICS), per_topic * simulator.candidates)),
        quality_hint=items.quality_hint[chosen],
        clickbait=items.clickbait[chosen],
        freshness=items.freshness[chosen],
        duration=items.duration[chosen],
        logits={head: column[chosen] for head, column in logits.items()},
    )


def _sources(items: Items, chosen: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int32]:
    """The source of each chosen item in a pool of the `wanted` topic."""
    near = np.abs(items.topic[chosen] - wanted) <= 1
    found = np.where(near, SOURCES.index("taste"), SOURCES.index("popular"))
    found[items.freshness[chosen] >= FRESH] = SOURCES.index("fresh")
    return found.astype(np.int32)


def _draw_pools(
    rng: np.random.Generator, items: Items, topic: int, pools: int, candidates: int
) -> NDArray[np.int64]:
    """(pools * candidates,) item ids, each pool in random order."""
    away = np.abs(items.topic - topic)
    boost = np.where(away == 0, _INTEREST_BOOST, np.where(away == 1, _KIN_BOOST, 0.0))
    weights = items.popularity + boost + rng.gumbel(size=(pools, items.topic.size))
    best = np.argsort(-weights, axis=1, kind="stable")[:, :candidates]
    return rng.permuted(best, axis=1).reshape(-1).astype(np.int64)
