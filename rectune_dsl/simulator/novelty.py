"""How new an arm's slates are to people who know production's."""

from __future__ import annotations

import numpy as np

from rectune_dsl.funnel.features import overlap
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config
from rectune_dsl.simulator.keyed import key_of
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.world import World

_USERS = 256
"""Whose slates are compared."""


def strangeness(world: World, funnel: Funnel, config: Config, production: Config) -> float:
    """The share of items on slates of `config` that production's slates of the same requests do not have, in
    [0, 1]; on the same requests for all configs of a world."""
    if config == production:
        return 0.0
    ids = np.arange(min(_USERS, world.population), dtype=np.int64)
    users, traffic = world.users(ids), key_of("novelty", world.seed)
    own, known = (funnel.run(Requests(world, users, traffic, 0), one) for one in (config, production))
    return 1.0 - overlap(own, known)
