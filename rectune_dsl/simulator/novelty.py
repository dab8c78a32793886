"""How new an arm's slates are to people who know production's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rectune_dsl.funnel.features import overlap
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import HOLDOUT, Arm, Config, Slates
from rectune_dsl.simulator.keyed import key_of
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.world import World

_USERS = 256
"""Whose slates are compared."""


def strangeness(world: World, funnel: Funnel, arms: Sequence[Arm]) -> tuple[float, ...]:
    """Of each arm of an experiment, control first: the share of items on its slates that control's slates of
    the same requests do not have, in [0, 1]. The requests are the same for all experiments in a world. The
    holdout's users know what they are served."""
    known = arms[0].config
    users = world.users(np.arange(min(_USERS, world.population), dtype=np.int64))

    def slates(config: Config) -> Slates:
        return funnel.run(Requests(world, users, key_of("novelty", world.seed), 0), config)

    def unlike(arm: Arm) -> float:
        if arm.config == known or arm.name == HOLDOUT:
            return 0.0
        return 1.0 - overlap(slates(arm.config), slates(known))

    return tuple(unlike(arm) for arm in arms)
