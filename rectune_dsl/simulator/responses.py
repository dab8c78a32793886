"""What users do with a slate: look, respond, watch or buy, and how content it leaves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import Slates
from rectune_dsl.simulator.heads import sigmoid
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.targets import EXPOSURE
from rectune_dsl.simulator.world import LOOKED

Column = NDArray[np.float32]
Happened = Mapping[str, Column]
"""Per response, and for exposures: whether it happened, or how likely it is to, (requests, slate)."""

MOST_EARLIER = np.float32(6)
"""Earlier items of a topic that tire; more do no more harm."""
MOST_REMEMBERED = np.float32(20)
"""The same for items of earlier days."""


@dataclass(frozen=True, eq=False)
class Mood:
    """What the past brings to requests: items of each topic that are remembered, (requests, topics), and what
    novelty adds to the first response's log-odds."""

    remembered: Column
    novelty: float = 0.0


@dataclass(frozen=True, eq=False)
class Shown:
    """Slates with what is true of them, each (requests, slate), zero where a slate is short.

    `looks` is the probability that an item is looked at, `chances` that of each response given what it needs.
    `earlier` counts earlier items of the same topic. `size` is the item's, `candidates` its place.
    """

    looks: Column
    chances: Mapping[str, Column]
    clickbait: Column
    earlier: Column
    size: Column
    topic: NDArray[np.int32]
    candidates: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Responses:
    """What came of slates: `sums` over each, (requests,), by column; `happened`, (requests, slate) each."""

    sums: Mapping[str, Column]
    happened: Happened


Respond = Callable[[Requests, Shown], Responses]


def shown(requests: Requests, slates: Slates, mood: Mood | None = None) -> Shown:
    """What is true of these slates."""
    there = slates.candidates >= 0
    everywhere = bool(there.all())
    alive = (slates.candidates if everywhere else np.where(there, slates.candidates, 0)).astype(np.intp)
    topic = requests.keys("topic", alive)
    earlier = _earlier(topic, None if everywhere else there)
    looks: Column = np.power(requests.users.looks[:, None], np.arange(alive.shape[1], dtype=np.float32))
    file = requests.world.file
    chances = {}
    for response, logits in requests.log_odds(alive).items():
        if response == file.first:
            logits -= np.float32(file.fatigue.within) * np.minimum(earlier, MOST_EARLIER)
            if mood is not None:
                past = np.minimum(np.take_along_axis(mood.remembered, topic, axis=1), MOST_REMEMBERED)
                logits += np.float32(mood.novelty) - np.float32(file.fatigue.across) * past
        chances[response] = sigmoid(logits)
    return Shown(
        looks=np.where(there, looks, np.float32(0)),
        chances=chances,
        clickbait=requests.clickbait(alive),
        earlier=earlier,
        size=requests.size(alive),
        topic=topic,
        candidates=alive,
    )


def draw(requests: Requests, seen: Shown) -> Responses:
    """What happens, drawn for each request on its own."""
    slots = seen.looks.shape[1]
    world, ids = requests.world, requests.users.ids
    responses = world.file.responses
    width = 1 + len(responses) * slots
    chances = world.uniforms.stretch(world.uniforms.starts(requests.key("chances"), ids), width)
    happened: dict[str, Column] = {EXPOSURE: (chances[:, :1] < seen.looks).astype(np.float32)}
    for number, (name, response) in enumerate(responses.items()):
        luck = chances[:, 1 + number * slots : 1 + (number + 1) * slots]
        happened[name] = happened[response.given] * (luck < seen.chances[name])
    spread = world.normals.stretch(world.normals.starts(requests.key("amounts"), ids), slots)
    return _summed(requests, seen, happened, spread)


def expect(requests: Requests, seen: Shown) -> Responses:
    """The mean of `draw` over its draws."""
    return _summed(requests, seen, likely(requests, seen), None)


def likely(requests: Requests, seen: Shown) -> Happened:
    """How likely each response is to happen, with all it needs."""
    happened = {EXPOSURE: seen.looks}
    for name, response in requests.world.file.responses.items():
        happened[name] = happened[response.given] * seen.chances[name]
    return happened


def satisfaction(requests: Requests, seen: Shown) -> Column:
    """How content a slate leaves its user, (requests,): the sum of what each item adds and takes.

    It follows from the probabilities, not from what was drawn, so that expected and drawn responses
    lead to the same days.
    """
    file, happened = requests.world.file, likely(requests, seen)
    habits = file.habits
    minds = 1 + np.float32(habits.new_minds - 1) * requests.users.is_new[:, None]
    each = np.zeros(seen.looks.shape, np.float32)
    for name, worth in habits.worth.items():
        each += np.float32(worth) * happened[name] * (minds if worth < 0 else np.float32(1))
    disappointed = (happened[file.first] - happened[habits.hoped]) * seen.clickbait
    each -= np.float32(habits.bait) * minds * disappointed
    each -= np.float32(habits.repeated) * seen.earlier * seen.looks
    return _total(each)


def topics_shown(seen: Shown) -> Column:
    """Different topics of each slate, (requests,)."""
    return _total((seen.earlier == 0) & (seen.looks > 0))


def _summed(requests: Requests, seen: Shown, happened: Happened, luck: Column | None) -> Responses:
    """`luck` (requests, slate) is standard normal; None stands for the mean over it."""
    file = requests.world.file
    sums = {r.column: _total(happened[name]) for name, r in file.responses.items()}
    for column, amount in file.amounts.items():
        brought = np.zeros(seen.looks.shape, np.float32)
        for name in dict.fromkeys((*amount.each, *amount.share)):
            worth = np.float32(amount.each.get(name, 0)) + np.float32(amount.share.get(name, 0)) * seen.size
            brought += worth * happened[name]
        if luck is not None:
            spread = np.float32(amount.spread)
            brought *= np.exp(spread * luck - spread**2 / 2)
        sums[column] = _total(brought) * requests.users.pace
    sums[LOOKED] = _total(happened[EXPOSURE])
    return Responses(sums, happened)


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
