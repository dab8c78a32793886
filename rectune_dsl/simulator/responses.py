"""What users do with a slate: examine, click, watch, like, hate, and how content it leaves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.source import Indices
from rectune_dsl.hooks.api import Slates
from rectune_dsl.simulator.heads import sigmoid
from rectune_dsl.simulator.requests import Requests

Column = NDArray[np.float32]

EXAMINATION_DECAY = 0.08
"""Position k is examined with probability 1 / (1 + EXAMINATION_DECAY * k), the first being 0."""
FATIGUE = 0.35
"""Log-odds of a click lost per earlier item of the same topic, up to MOST_FATIGUE of them."""
MOST_FATIGUE = 6
SHORT_SHARE, LONG_SHARE = 0.04, 0.95
"""Median share of an item's duration that is watched after a click, without and with a long view."""
SHARE_SPREAD = 0.35
"""Spread of the logarithm of that share."""
_MEAN_OF_SPREAD = np.float32(np.exp(SHARE_SPREAD**2 / 2))

ENJOYED, LIKED, HATED, BAITED, REPEATED = 1.0, 1.5, 9.0, 1.1, 0.03
"""What a long view and a like add to satisfaction; what a hate, a click on pure clickbait that ends soon,
and an earlier item of the same topic take from it."""
NEW_HATED, NEW_BAITED = 2.5, 1.5
"""How many times more a new user minds a hate, and clickbait, on top."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Slates with what is true of them, each (requests, slate), zero where a slate is short.

    `examine` is a probability, `click` given that, `long_view` given a click, `like` and `hate` given
    examination. `earlier` counts earlier items of the same topic. `minutes` is the item's duration times
    the user's own pace.
    """

    examine: Column
    click: Column
    long_view: Column
    like: Column
    hate: Column
    clickbait: Column
    earlier: Column
    minutes: Column


@dataclass(frozen=True, eq=False)
class Responses:
    """Sums over each slate, (requests,)."""

    watch_minutes: Column
    clicks: Column
    long_views: Column
    likes: Column
    hates: Column
    impressions: Column


Respond = Callable[[Requests, Shown], Responses]


def shown(requests: Requests, slates: Slates) -> Shown:
    """What is true of these slates."""
    there = slates.candidates >= 0
    everywhere = bool(there.all())
    alive = (slates.candidates if everywhere else np.where(there, slates.candidates, 0)).astype(np.intp)
    earlier = _earlier(requests.keys("topic", alive), None if everywhere else there)
    click = requests.logits("p_click", alive)
    click -= np.float32(FATIGUE) * np.minimum(earlier, np.float32(MOST_FATIGUE))
    decay = np.float32(EXAMINATION_DECAY) * np.arange(alive.shape[1], dtype=np.float32)
    examine: Column = np.reciprocal(1 + decay)
    return Shown(
        examine=examine * there,
        click=sigmoid(click),
        long_view=_probability(requests, "p_long_view", alive),
        like=_probability(requests, "p_like", alive),
        hate=_probability(requests, "p_hate", alive),
        clickbait=requests.signals("", ["clickbait"], alive)["clickbait"],
        earlier=earlier,
        minutes=requests.minutes(alive) * requests.users.minutes[:, None],
    )


def draw(requests: Requests, seen: Shown) -> Responses:
    """What happens, drawn for each request on its own."""
    slots = seen.examine.shape[1]
    world, ids = requests.world, requests.users.ids
    chances = world.uniforms.stretch(world.uniforms.starts(requests.key("chances"), ids), 5 * slots)
    examine, click, long_view, like, hate = (chances[:, i * slots : (i + 1) * slots] for i in range(5))
    spread = world.normals.stretch(world.normals.starts(requests.key("share"), ids), slots)
    examined = examine < seen.examine
    clicked = examined & (click < seen.click)
    long_viewed = clicked & (long_view < seen.long_view)
    share = np.where(long_viewed, np.float32(LONG_SHARE), np.float32(SHORT_SHARE))
    watched = share * np.exp(spread * np.float32(SHARE_SPREAD)) * seen.minutes * clicked
    return Responses(
        watch_minutes=_total(watched),
        clicks=_total(clicked),
        long_views=_total(long_viewed),
        likes=_total(examined & (like < seen.like)),
        hates=_total(examined & (hate < seen.hate)),
        impressions=_total(examined),
    )


def expect(requests: Requests, seen: Shown) -> Responses:
    """The mean of `draw` over its draws."""
    clicked = seen.examine * seen.click
    long_viewed = clicked * seen.long_view
    share = np.float32(SHORT_SHARE) * clicked + np.float32(LONG_SHARE - SHORT_SHARE) * long_viewed
    return Responses(
        watch_minutes=_total(share * _MEAN_OF_SPREAD * seen.minutes),
        clicks=_total(clicked),
        long_views=_total(long_viewed),
        likes=_total(seen.examine * seen.like),
        hates=_total(seen.examine * seen.hate),
        impressions=_total(seen.examine),
    )


def satisfaction(requests: Requests, seen: Shown) -> Column:
    """How content a slate leaves its user, (requests,): the sum of what each item adds and takes.

    It follows from the probabilities, not from what was drawn, so that expected and drawn responses
    lead to the same days.
    """
    is_new = requests.users.is_new[:, None]
    disappointed = seen.click * (1 - seen.long_view) * seen.clickbait
    each = np.float32(ENJOYED) * seen.click * seen.long_view + np.float32(LIKED) * seen.like
    each -= np.float32(HATED) * (1 + np.float32(NEW_HATED) * is_new) * seen.hate
    each -= np.float32(BAITED) * (1 + np.float32(NEW_BAITED) * is_new) * disappointed
    each -= np.float32(REPEATED) * seen.earlier
    return _total(seen.examine * each)


def topics_shown(seen: Shown) -> Column:
    """Different topics of each slate, (requests,)."""
    return _total((seen.earlier == 0) & (seen.examine > 0))


def _probability(requests: Requests, head: str, alive: Indices) -> Column:
    return sigmoid(requests.logits(head, alive))


def _earlier(topics: NDArray[np.int32], there: NDArray[np.bool_] | None) -> Column:
    """Items of the same topic that stand before each, (requests, slate)."""
    earlier = np.zeros(topics.shape, np.float32)
    for at in range(1, topics.shape[1]):
        same = topics[:, :at] == topics[:, at : at + 1]
        if there is not None:
            same &= there[:, :at]
        earlier[:, at] = same.sum(axis=1)
    return earlier


def _total(values: NDArray[np.float32] | NDArray[np.bool_]) -> Column:
    total: Column = values.sum(axis=1, dtype=np.float32)
    return total
