"""A block of users under one config, day after day: who comes, what it brings, who comes again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config
from rectune_dsl.simulator.keyed import Ids, key_of, uniform
from rectune_dsl.simulator.latency import latency_ms
from rectune_dsl.simulator.population import Users
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.responses import Respond, satisfaction, shown, topics_shown
from rectune_dsl.simulator.segments import NO_SEGMENTS, USERS, SegmentColumns
from rectune_dsl.simulator.world import World

SUMS = ("watch_minutes", "clicks", "long_views", "likes", "hates", "impressions", "topics", "latency")
"""What is summed over a user's requests."""
COLUMNS = (
    "watch_minutes",
    "clicks",
    "long_views",
    "likes",
    "hates",
    "impressions",
    "sessions",
    "next_day_return",
    "latency_ms",
    "topics_shown",
    "watch_minutes_before",
    "sessions_before",
)
"""The per-user columns. Sums over the exposed days, but: `next_day_return` is the share of the days a
user came that were followed by another, of those whose next day is over; `latency_ms` and `topics_shown`
are means over the user's requests; `_before` are sums over the fortnight before."""

WEEKDAYS = np.array([-0.05, -0.08, -0.06, -0.02, 0.06, 0.12, 0.08])
"""Shift of the log-odds of coming, Monday first."""
CONTENT = 0.83
"""Satisfaction that leaves a user's habits as they are."""
PULL = 0.035
"""Shift of the log-odds of coming per unit of satisfaction above that."""
MEMORY = 0.7
"""Share of the shift that is left a day later."""
CHUNK = 512


@dataclass(frozen=True)
class Setting:
    """What a block of users lives in. `traffic` keys its occasions; `days` are the exposed ones; `segments`
    have columns of their own."""

    world: World
    funnel: Funnel
    config: Config
    traffic: int
    first_day: int
    days: int
    respond: Respond
    chunk: int = CHUNK
    segments: SegmentColumns = NO_SEGMENTS

    @property
    def columns(self) -> tuple[str, ...]:
        """The per-user columns."""
        return (*COLUMNS, *self.segments.names)


class Block:
    """Users of one arm. `advance` adds days; `columns` tells what is known so far."""

    def __init__(self, setting: Setting, ids: Ids) -> None:
        self._in = setting
        self._users: Users = setting.world.users(ids)
        activity = self._users.activity.astype(np.float64)
        self._habit = np.log(activity / (1 - activity))
        self._pull = np.zeros(ids.size)
        self._sums = np.zeros((len(SUMS), ids.size))
        self._sessions = np.zeros(ids.size)
        self._followed = np.zeros(ids.size)
        self._matured = np.zeros(ids.size)
        self._came = np.zeros(ids.size, np.bool_)
        self._days = 0

    def advance(self, days: int) -> None:
        """Go on until `days` days are over, at most the exposed ones and the one that shows the last
        one's return."""
        while self._days < min(days, self._in.days + 1):
            self._live(self._days)
            self._days += 1

    def columns(self) -> NDArray[np.float64]:
        """(the setting's columns, users), zero for users who never came; and last, 1 for those who did."""
        came = self._sessions > 0
        sessions = np.maximum(self._sessions, 1)
        sums = dict(zip(SUMS, self._sums, strict=True))
        rows: list[NDArray[Any]] = [sums[name] for name in COLUMNS[:6]]
        rows += [self._sessions, self._followed / np.maximum(self._matured, 1)]
        rows += [sums["latency"] / sessions, sums["topics"] / sessions]
        rows += [self._users.watch_before * came, self._users.sessions_before * came]
        known = dict(zip((*COLUMNS, USERS), [*rows, came], strict=True))
        return np.array([*rows, *self._in.segments.of(self._users, known), came], np.float64)

    def _live(self, day: int) -> None:
        calendar = self._in.first_day + day
        chance = 1 / (1 + np.exp(-(self._habit + WEEKDAYS[calendar % 7] + self._pull)))
        luck = uniform(key_of("comes", self._in.world.seed, self._in.traffic, calendar), self._users.ids)
        comes = luck < chance
        self._matured += self._came
        self._followed += self._came & comes
        self._came = comes if day < self._in.days else np.zeros_like(comes)
        self._pull *= MEMORY
        if day < self._in.days:
            rows = np.flatnonzero(comes)
            for start in range(0, rows.size, self._in.chunk):
                self._serve(rows[start : start + self._in.chunk], calendar)
            self._sessions += comes

    def _serve(self, rows: NDArray[np.intp], calendar: int) -> None:
        users = self._users.at(rows)
        requests = Requests(self._in.world, users, self._in.traffic, calendar)
        slates = self._in.funnel.run(requests, self._in.config)
        seen = shown(requests, slates)
        responses = self._in.respond(requests, seen)
        latency = latency_ms(self._in.funnel, self._in.config, requests)
        brought = {**vars(responses), "topics": topics_shown(seen), "latency": latency}
        for total, name in zip(self._sums, SUMS, strict=True):
            total[rows] += brought[name]
        self._pull[rows] += PULL * (satisfaction(requests, seen) - CONTENT)
