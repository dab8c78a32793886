"""What a world is like: rates, models, catalogue and users, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.simulator.measures import SLATE, Exposures, Measured, exposures
from rectune_dsl.simulator.reliability import Reliability, correlations, reliability
from rectune_dsl.simulator.world import Sizes
from rectune_dsl.simulator.worldfile import WorldFile

STAGES = ("pre_ranking", "ranking")
"""A stage of the cheap models, and one of the others."""
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
_SAMPLED = 20_000
"""Users that activity is counted of."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Activity:
    """Users of one activity class: their share, their chance to come on an ordinary day, items of a slate
    that they look at, and the share of new ones."""

    share: float
    daily: float
    looked: float
    new: float


@dataclass(frozen=True, eq=False)
class Description:
    """Everything that `describe` tells. `heads` are by stage and response; `correlations` are those of the
    log-odds of the stage `ranking`, (responses, responses)."""

    file: WorldFile
    sizes: Sizes
    users: int
    found: Exposures
    heads: Mapping[str, Mapping[str, Reliability]]
    correlations: Floats
    activity: tuple[Activity, ...]

    @property
    def both(self) -> Mapping[str, Measured]:
        """What was measured, by the kind of exposure."""
        return {"random": self.found.random, "standard": self.found.standard}

    @property
    def measures(self) -> tuple[str, ...]:
        """Everything that has a rate per exposure."""
        return (*self.file.responses, *self.file.amounts)

    def sizes_at(self) -> Floats:
        """Quantiles of the items' size."""
        return np.quantile(self.found.random.world.items.size.astype(np.float64), QUANTILES)


def describe(file: WorldFile, sizes: Sizes, seed: int, users: int) -> Description:
    """Measure a world, and look at its models."""
    found = exposures(file, sizes, seed, users)
    world = found.standard.world
    return Description(
        file=file,
        sizes=sizes,
        users=users,
        found=found,
        heads={stage: reliability(world, stage) for stage in STAGES},
        correlations=correlations(world, STAGES[-1]),
        activity=_activity(found.standard),
    )


def topic_shares(measured: Measured) -> tuple[Floats, Floats]:
    """Of each topic: its share of the catalogue, and of the exposures."""
    topic, topics = measured.world.items.topic, measured.world.topics
    items = np.bincount(topic, minlength=topics) / topic.size
    exposed = np.bincount(topic, measured.tally.items, topics)
    return items, exposed / exposed.sum()


def concentration(measured: Measured) -> Floats:
    """Share of the exposures that the n most exposed items have, for n = 1 ... all."""
    exposed: Floats = np.cumsum(np.sort(measured.tally.items)[::-1])
    exposed /= exposed[-1]
    return exposed


def _activity(measured: Measured) -> tuple[Activity, ...]:
    world = measured.world
    users = world.users(np.arange(min(_SAMPLED, world.population), dtype=np.int64))
    looked = users.looked(SLATE)
    found = []
    for one in np.unique(users.activity_class):
        those = users.activity_class == one
        means = (float(column[those].mean()) for column in (users.activity, looked, users.is_new))
        found.append(Activity(float(those.mean()), *means))
    return tuple(found)
