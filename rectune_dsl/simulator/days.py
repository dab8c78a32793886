"""A block of users under one config, day after day: who comes, what it brings, who comes again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import USERS, Config, Slates
from rectune_dsl.simulator.faults.arm import NO_FAULTS, Disturbance
from rectune_dsl.simulator.keyed import Ids, key_of, uniform
from rectune_dsl.simulator.latency import latency_ms
from rectune_dsl.simulator.population import LONGEST, Users
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.responses import Mood, Respond, Shown, satisfaction, shown, topics_shown
from rectune_dsl.simulator.segments import NO_SEGMENTS, SegmentColumns
from rectune_dsl.simulator.targets import EXPOSURE
from rectune_dsl.simulator.world import World

CHUNK = 512
_TOPICS, _LATENCY = "topics", "latency"


class Chooser(Protocol):
    """What makes slates of requests: a funnel, as a rule."""

    @property
    def stages(self) -> tuple[str, ...]: ...

    def keeps(self, config: Config) -> tuple[int, ...]: ...

    def run(self, source: Requests, config: Config) -> Slates: ...


@dataclass(frozen=True)
class Setting:
    """What a block of users lives in. `traffic` keys its occasions; `days` are the exposed ones; `segments`
    have columns of their own; `strange` is how much of the slates is new to people who know production's,
    in [0, 1]; `faults` are what goes wrong; a user's value of a column in `caps` is that at most."""

    world: World
    funnel: Chooser
    config: Config
    traffic: int
    first_day: int
    days: int
    respond: Respond
    chunk: int = CHUNK
    segments: SegmentColumns = NO_SEGMENTS
    strange: float = 0.0
    faults: Disturbance = NO_FAULTS
    caps: Mapping[str, float] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The per-user columns."""
        return (*self.world.columns, *self.segments.names)

    def novelty(self, day: int) -> float:
        """Log-odds that novelty adds on a day of the experiment, counted from 0."""
        of = self.world.file.fatigue
        return of.novelty * self.strange * float(np.exp(-day / of.novelty_days))


class Block:
    """Users of one arm. `advance` adds days; `columns` tells what is known so far."""

    def __init__(self, setting: Setting, ids: Ids) -> None:
        self._in = setting
        self._users: Users = setting.faults.users(setting.world.users(ids))
        activity = self._users.activity.astype(np.float64)
        self._habit = np.log(activity / (1 - activity))
        self._pull = np.zeros(ids.size)
        self._remembered = _remembered(setting.world, self._users)
        self._sums = {name: np.zeros(ids.size) for name in (*setting.world.sums, _TOPICS, _LATENCY)}
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
        rows: list[NDArray[Any]] = [self._sums[name] for name in self._in.world.sums]
        rows += [self._sessions, self._followed / np.maximum(self._matured, 1)]
        rows += [self._sums[_LATENCY] / sessions, self._sums[_TOPICS] / sessions]
        rows += [self._users.amount_before * came, self._users.sessions_before * came]
        names = self._in.world.columns
        known = dict(zip((*names, USERS), [*rows, came], strict=True))
        known |= {column: np.minimum(known[column], cap) for column, cap in self._in.caps.items()}
        of_all, of_segments = (known[name] for name in names), self._in.segments.of(self._users, known)
        return np.array([*of_all, *of_segments, came], np.float64)

    def _live(self, day: int) -> None:
        file = self._in.world.file
        calendar = self._in.first_day + day
        chance = 1 / (1 + np.exp(-(self._habit + file.users.weekdays[calendar % 7] + self._pull)))
        luck = uniform(key_of("comes", self._in.world.seed, self._in.traffic, calendar), self._users.ids)
        comes = luck < chance
        self._matured += self._came
        self._followed += self._came & comes
        self._came = comes if day < self._in.days else np.zeros_like(comes)
        self._pull *= file.habits.memory
        self._remembered *= np.float32(file.fatigue.memory)
        if day < self._in.days:
            rows = np.flatnonzero(comes)
            for setting, served in self._in.faults.served(self._in, self._users.ids, rows, calendar):
                for start in range(0, served.size, setting.chunk):
                    self._serve(setting, served[start : start + setting.chunk], day)
            self._sessions += comes

    def _serve(self, setting: Setting, rows: NDArray[np.intp], day: int) -> None:
        habits = setting.world.file.habits
        requests = Requests(setting.world, self._users.at(rows), setting.traffic, setting.first_day + day)
        slates = setting.funnel.run(requests, setting.config)
        seen = shown(requests, slates, Mood(self._remembered[rows], setting.novelty(day)))
        responses = setting.respond(requests, seen)
        latency = latency_ms(setting.funnel.stages, setting.funnel.keeps(setting.config), requests)
        brought = {**responses.sums, _TOPICS: topics_shown(seen), _LATENCY: latency}
        for name, total in self._sums.items():
            total[rows] += brought[name]
        self._remember(rows, seen, responses.happened[EXPOSURE])
        waited = (latency - setting.world.file.latency.base) / 100
        gain = satisfaction(requests, seen) - habits.content
        self._pull[rows] += habits.pull * gain - habits.wait * waited

    def _remember(self, rows: NDArray[np.intp], seen: Shown, looked: NDArray[np.float32]) -> None:
        """Topics of the items that were looked at, slot by slot: no row stands twice among `rows`."""
        for topic, times in zip(seen.topic.T, looked.T, strict=True):
            self._remembered[rows, topic] += times


def _remembered(world: World, users: Users) -> NDArray[np.float32]:
    """What users remember before an experiment, (users, topics): by their tastes, as after long use."""
    tastes = world.normals.stretch(users.taste, world.topics) * np.float32(1.6)
    shares = np.exp(tastes - tastes.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    memory = world.file.fatigue.memory
    items = users.activity * users.looked(LONGEST) * np.float32(memory / (1 - memory))
    found: NDArray[np.float32] = shares * items[:, None]
    return found
