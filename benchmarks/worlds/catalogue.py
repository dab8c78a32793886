"""Who asks and what there is to show: users' tastes, items' traits, and the candidates of each request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worlds.keyed import generator

Floats = NDArray[np.float64]

ITEMS, TOPICS, STYLES = 4_000, 12, 5
CANDIDATES = 96
_NEAR_TASTE = 0.6
"""Share of a request's candidates that retrieval takes from topics the user likes."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Items' traits, (items,) each, standard normal unless said otherwise; `style` is (items, styles).

    `age` is in days, `small` is 1 for items of small creators, `hidden` is what no head sees.
    """

    topic: NDArray[np.int32]
    style: Floats
    craft: Floats
    bait: Floats
    outrage: Floats
    warmth: Floats
    length: Floats
    age: Floats
    small: Floats
    hidden: Floats


@dataclass(frozen=True, eq=False)
class Requests:
    """Users with their candidates. `items` (requests, candidates); `interest` (requests, candidates) is the
    affinity in standard deviations; `patience`, `tolerance` and `loyalty` are the users', (requests,)."""

    items: NDArray[np.int64]
    interest: Floats
    patience: Floats
    tolerance: Floats
    loyalty: Floats


def draw_catalogue(seed: int) -> Catalogue:
    rng = generator("catalogue", seed)
    craft, spare, outrage_spare = rng.standard_normal((3, ITEMS))
    bait = -0.35 * craft + np.sqrt(1 - 0.35**2) * spare
    small = (rng.random(ITEMS) < 1 / (1 + np.exp(0.6 + 0.5 * craft))).astype(np.float64)
    return Catalogue(
        topic=rng.choice(TOPICS, ITEMS, p=rng.dirichlet(np.full(TOPICS, 4.0))).astype(np.int32),
        style=rng.standard_normal((ITEMS, STYLES)) / np.sqrt(STYLES),
        craft=craft,
        bait=bait,
        outrage=0.3 * bait + np.sqrt(1 - 0.3**2) * outrage_spare,
        warmth=0.3 * craft + np.sqrt(1 - 0.3**2) * rng.standard_normal(ITEMS),
        length=rng.standard_normal(ITEMS),
        age=rng.exponential(4.0, ITEMS),
        small=small,
        hidden=rng.standard_normal(ITEMS),
    )


def draw_requests(seed: int, catalogue: Catalogue, purpose: str, count: int) -> Requests:
    """Requests of users that no other purpose draws."""
    rng = generator("requests", seed, purpose)
    tastes = 1.3 * rng.standard_normal((count, TOPICS))
    styles = rng.standard_normal((count, STYLES))
    items = _retrieved(rng, catalogue, tastes)
    interest = 0.6 * np.take_along_axis(tastes, catalogue.topic[items].astype(np.intp), 1)
    interest += np.einsum("rs,rcs->rc", styles, catalogue.style[items])
    return Requests(
        items=items,
        interest=interest,
        patience=0.5 * rng.standard_normal(count),
        tolerance=0.7 * rng.standard_normal(count),
        loyalty=0.8 * rng.standard_normal(count),
    )


def _retrieved(rng: np.random.Generator, catalogue: Catalogue, tastes: Floats) -> NDArray[np.int64]:
    """Different items per request, (requests, candidates): the largest of log-weights plus Gumbel noise are a
    draw without replacement (Kool, van Hoof and Welling 2019, arXiv 1903.06059)."""
    likes = np.exp(tastes - tastes.max(axis=1, keepdims=True))
    share = _NEAR_TASTE * likes / likes.sum(axis=1, keepdims=True) + (1 - _NEAR_TASTE) / TOPICS
    weights = np.log(share)[:, catalogue.topic] - 0.15 * catalogue.age
    keys = weights + rng.gumbel(size=weights.shape)
    return np.argpartition(-keys, CANDIDATES, axis=1)[:, :CANDIDATES].astype(np.int64)
