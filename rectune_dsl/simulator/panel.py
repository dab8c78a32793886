"""A sample of logged requests with every stage's heads for all their candidates."""

from __future__ import annotations

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Panel
from rectune_dsl.simulator.keyed import key_of, uniform
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.signals import KEYS, LABELS
from rectune_dsl.simulator.world import World

_TRIES = 8


def sample_panel(task: Task, world: World, seed: int, requests: int) -> Panel:
    """Requests of users who came, with the signals of every stage as the task declares them.

    Users come with the chance of an ordinary day; the sample is one for each (world, seed, requests). They
    came on the world's first days: a change of its models shows only where it was before them. Raises
    UsageError when the task declares a signal the world does not have.
    """
    parts: list[Requests] = []
    day, missing = 0, requests
    while missing > 0:
        part = _came(world, seed, day, _TRIES * missing, missing)
        parts.append(part)
        missing -= part.requests
        day += 1
    return Panel(
        signals={
            stage: {
                name: np.concatenate([p.signals(stage, [name], None)[name] for p in parts])
                for name, signal in task.signals.items()
                if signal.stages is None or stage in signal.stages
            }
            for stage in task.stages
        },
        keys={key: np.concatenate([p.keys(key, None) for p in parts]) for key in KEYS},
        items=np.concatenate([p.items() for p in parts]),
        labels=LABELS,
    )


def _came(world: World, seed: int, day: int, tries: int, most: int) -> Requests:
    key = key_of("panel", world.seed, seed, day)
    ids = (key % world.population + np.arange(min(tries, world.population))) % world.population
    users = world.users(ids.astype(np.int64))
    came = np.flatnonzero(uniform(key, users.ids) < users.activity)[:most]
    return Requests(world, users.at(came), key_of("panel", seed), day)
