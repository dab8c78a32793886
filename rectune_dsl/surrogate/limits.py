"""How likely a belief about a value keeps a limit."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.surrogate.data import Level
from rectune_dsl.surrogate.kernels import Array

Z90 = float(ndtri(0.95))
"""Half the width of a 90 % interval, in standard deviations."""
ASSUMED_HEADROOM = 0.1
"""Until an absolute metric is measured, production is assumed to keep its limit by this share of it."""


def chance_to_hold(limit: Limit, mean: Array, sd: Array) -> Array:
    """P(a normal value keeps the limit); a value that is known exactly keeps it or does not."""
    return np.asarray(ndtr(standard_room(limit, mean, sd)))


def standard_room(limit: Limit, mean: Array, sd: Array) -> Array:
    """How many standard deviations lie between a value and its limit; infinite where it is known exactly."""
    room = (mean - limit.bound) if limit.direction == ">=" else (limit.bound - mean)
    certain = np.where(room >= 0, np.inf, -np.inf)
    return np.where(sd > 0, room / np.where(sd > 0, sd, 1.0), certain)


def assumed_level(limit: Limit) -> Level:
    """Production's, before it was measured."""
    room = ASSUMED_HEADROOM * abs(limit.bound)
    return Level(limit.bound + room if limit.direction == ">=" else limit.bound - room, 0.0)
