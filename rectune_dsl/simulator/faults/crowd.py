"""Who is no person, and what is counted too often: bots and outliers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.rehearsal import Bots, Outliers
from rectune_dsl.simulator.keyed import Ids, key_of, uniform
from rectune_dsl.simulator.population import DAYS_BEFORE, Users
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.responses import Respond, Responses, Shown
from rectune_dsl.simulator.targets import EXPOSURE
from rectune_dsl.simulator.world import LOOKED

_DAILY = np.float32(1 - 2**-20)
"""A bot's chance to come."""


def are_bots(ids: Ids, bots: Bots, seed: int) -> NDArray[np.bool_]:
    """Which users are bots, (users,): the same in every experiment of a world."""
    return uniform(key_of("bot", seed), ids) < bots.share


def among(users: Users, bots: Bots, seed: int) -> Users:
    """The users, some of them bots, who always came and never watched."""
    theirs = are_bots(users.ids, bots, seed)
    return replace(
        users,
        activity=np.where(theirs, _DAILY, users.activity),
        amount_before=np.where(theirs, np.float32(0), users.amount_before),
        sessions_before=np.where(theirs, np.float32(DAYS_BEFORE), users.sessions_before),
    )


@dataclass(frozen=True)
class Crowded:
    """A `respond`: what people do, what bots do, and how often it is counted. Bots are known by the world's
    `seed`."""

    respond: Respond
    bots: Bots | None
    outliers: Outliers | None
    seed: int

    def __call__(self, requests: Requests, seen: Shown) -> Responses:
        responses = self.respond(requests, seen)
        if self.bots is not None:
            responses = self._botted(requests, seen, responses, self.bots)
        if self.outliers is not None:
            luck = uniform(requests.key("outlier"), requests.users.ids)
            times = np.where(luck < self.outliers.share, self.outliers.factor, 1).astype(np.float32)
            counted = {column: total * times for column, total in responses.sums.items()}
            responses = replace(responses, sums=counted)
        return responses

    def _botted(self, requests: Requests, seen: Shown, responses: Responses, bots: Bots) -> Responses:
        """With slates of which bots look at, and click, everything."""
        theirs = are_bots(requests.users.ids, bots, self.seed)
        there = (seen.looks > 0).astype(np.float32)
        file = requests.world.file
        done = {LOOKED, file.responses[file.first].column}
        clicked = there.sum(axis=1, dtype=np.float32) * np.float32(bots.times)
        sums = {
            column: np.where(theirs, clicked if column in done else np.float32(0), total)
            for column, total in responses.sums.items()
        }
        looked = np.where(theirs[:, None], there, responses.happened[EXPOSURE])
        return replace(responses, sums=sums, happened={**responses.happened, EXPOSURE: looked})
