"""A function that formulas may call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import FormulaFunction

DAYS = 7.0
"""After which a value has halved."""


def fade(value: NDArray[Any], days: NDArray[Any]) -> NDArray[Any]:
    """A value of today as it counts after some days. Elementwise, in the precision of what it is given."""
    faded: NDArray[Any] = value * np.exp2(-days / DAYS)
    return faded


FADE = FormulaFunction(
    name="fade",
    arguments=2,
    evaluate=fade,
    about="a value from 0 to 1, halved with every week of its age in days, from 0 on",
    range=(0.0, 1.0),
    monotone=("nondecreasing", "nonincreasing"),
)
