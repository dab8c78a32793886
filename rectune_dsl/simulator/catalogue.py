"""Items, and the pools of candidates that retrieval hands to the funnel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.keyed import generator
from rectune_dsl.simulator.worldfile import WorldFile

SOURCES = ("taste", "popular", "fresh")
"""What retrieval finds a candidate by."""
FRESH = 0.8
"""Items at least so fresh, one in five, are found as fresh."""
_POOL_CANDIDATES = 7_200
"""Candidates of all pools of a topic: with 300 per request, 24 pools per topic."""
_INTEREST_BOOST = 3.4
"""Logarithm of how much likelier retrieval takes an item of the topic a request is interested in."""
_KIN_BOOST = 1.2
"""The same for a topic's two neighbours."""
_LEAST = 1e-6
_HINT_NOISE = 0.8
"""Standard deviation of a hint's error, in log-odds."""
_HIT_BOOST = 1.2
"""The same for a hit, per standard deviation that it is liked more."""

Column = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Items:
    """Latents of every item, each (items,). `attraction` and `satisfaction` are the item's own parts, in
    standard deviations of the whole; `clickbait`, `freshness` and the hints lie in [0, 1], `size` is in its
    own unit, `popularity` a log weight. Hints are what a classifier says of an item: the truth with an error.
    """

    topic: NDArray[np.int32]
    author: NDArray[np.int32]
    attraction: Column
    satisfaction: Column
    quality_hint: Column
    clickbait: Column
    clickbait_hint: Column
    freshness: Column
    size: Column
    popularity: Column


@dataclass(frozen=True, eq=False)
class Pools:
    """Candidate lists, `per_topic` for every topic, each of `candidates` different items.

    Every array is flat over (pools, candidates), so that one index serves them all. `log_odds` (responses,
    pools * candidates) are the items' parts of true log-odds, `responses` their names. `source` is a place in
    SOURCES: a candidate is there because it is fresh, else because its topic is the pool's or a neighbour of
    it, else because it is popular.
    """

    per_topic: int
    candidates: int
    items: NDArray[np.int64]
    topic: NDArray[np.intp]
    author: NDArray[np.int32]
    source: NDArray[np.int32]
    quality_hint: Column
    clickbait: Column
    clickbait_hint: Column
    freshness: Column
    size: Column
    responses: tuple[str, ...]
    log_odds: Column

    @cached_property
    def logits(self) -> Mapping[str, Column]:
        """The items' part of each response's log-odds."""
        return dict(zip(self.responses, self.log_odds, strict=True))


def make_items(file: WorldFile, count: int, seed: int) -> Items:
    """The world's items: topics of skewed sizes, a few hits, and clickbait, which is popular."""
    rng, of, agreement = generator("items", seed), file.items, file.relevance.agreement
    sizes = np.arange(1.0, of.topics + 1) ** -of.topic_skew
    own = np.sqrt(file.relevance.item)
    attraction = rng.standard_normal(count)
    satisfaction = agreement * attraction + np.sqrt(1 - agreement**2) * rng.standard_normal(count)
    hit = of.hit * (rng.random(count) < of.hits)
    clickbait = rng.beta(*of.clickbait, count)
    hint = satisfaction + _HINT_NOISE * rng.standard_normal(count)
    spread = np.log(of.size.p90 / of.size.median) / 1.2816
    popularity = 0.5 * attraction + 0.9 * clickbait + _HIT_BOOST * hit
    return Items(
        topic=rng.choice(of.topics, count, p=sizes / sizes.sum()).astype(np.int32),
        author=rng.integers(0, max(1, int(count * of.authors)), count).astype(np.int32),
        attraction=(own * attraction + hit).astype(np.float32),
        satisfaction=(own * satisfaction + hit).astype(np.float32),
        quality_hint=(1 / (1 + np.exp(-hint))).astype(np.float32),
        clickbait=clickbait.astype(np.float32),
        clickbait_hint=_hint(clickbait, count, seed),
        freshness=rng.random(count).astype(np.float32),
        size=(of.size.median * np.exp(spread * rng.standard_normal(count))).astype(np.float32),
        popularity=popularity.astype(np.float32),
    )


def _hint(clickbait: NDArray[np.float64], count: int, seed: int) -> Column:
    """What a classifier says of clickbait, (items,): its log-odds with an error."""
    error = generator("clickbait hints", seed).standard_normal(count)
    likely = np.clip(clickbait, _LEAST, 1 - _LEAST)
    logits = np.log(likely / (1 - likely)) + _HINT_NOISE * error
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def make_pools(
    items: Items,
    topics: int,
    candidates: int,
    seed: int,
    logits: Mapping[str, Column],
    at_random: bool = False,
) -> Pools:
    """Draw each pool without replacement, by popularity and nearness to its topic (Gumbel top-k);
    `at_random`, any item is as likely as any other.

    Raises UsageError when a request shall have more candidates than there are items.
    """
    count = items.topic.size
    if candidates > count:
        raise UsageError(
            f"{candidates} candidates per request, but only {count} items",
            help="lower `candidates` or raise `items` in [simulator]",
        )
    rng = generator("random pools" if at_random else "pools", seed)
    per_topic = min(24, max(2, _POOL_CANDIDATES // candidates))
    appeals = (_appeal(items, topic, at_random) for topic in range(topics))
    chosen = np.concatenate([_draw_pools(rng, appeal, per_topic, candidates) for appeal in appeals])
    return Pools(
        per_topic=per_topic,
        candidates=candidates,
        items=chosen,
        topic=items.topic[chosen].astype(np.intp),
        author=items.author[chosen],
        source=_sources(items, chosen, np.repeat(np.arange(topics), per_topic * candidates)),
        quality_hint=items.quality_hint[chosen],
        clickbait=items.clickbait[chosen],
        clickbait_hint=items.clickbait_hint[chosen],
        freshness=items.freshness[chosen],
        size=items.size[chosen],
        responses=tuple(logits),
        log_odds=np.stack([column[chosen] for column in logits.values()]),
    )


def _sources(items: Items, chosen: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int32]:
    """The source of each chosen item in a pool of the `wanted` topic."""
    near = np.abs(items.topic[chosen] - wanted) <= 1
    found = np.where(near, SOURCES.index("taste"), SOURCES.index("popular"))
    found[items.freshness[chosen] >= FRESH] = SOURCES.index("fresh")
    return found.astype(np.int32)


def _appeal(items: Items, topic: int, at_random: bool) -> Column:
    """The log weight with which a pool of a topic takes each item, (items,)."""
    if at_random:
        return np.zeros(items.topic.size, np.float32)
    away = np.abs(items.topic - topic)
    near = np.where(away == 0, _INTEREST_BOOST, np.where(away == 1, _KIN_BOOST, 0.0))
    return items.popularity + near.astype(np.float32)


def _draw_pools(rng: np.random.Generator, appeal: Column, pools: int, candidates: int) -> NDArray[np.int64]:
    """(pools * candidates,) item ids, each pool in random order."""
    weights = appeal + rng.gumbel(size=(pools, appeal.size))
    best = np.argpartition(-weights, candidates - 1, axis=1)[:, :candidates]
    best.sort(axis=1)
    return rng.permuted(best, axis=1).reshape(-1).astype(np.int64)
