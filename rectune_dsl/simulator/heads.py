"""What is true of a user and an item, and how the models of each stage see it.

Every probability is a logistic function of log-odds: an item part, the user's taste for the topic, something
particular to user and item (`chemistry`), and the user's proneness. A head is the same log-odds, seen with
noise, a wrong slope and a bias; monotone in the truth on average, calibrated never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.simulator.catalogue import Items


@dataclass(frozen=True)
class Truth:
    """Log-odds of one response. `proneness` names the user's latent that shifts them."""

    intercept: float
    quality: float
    clickbait: float
    freshness: float
    taste: float
    chemistry: float
    draw: Literal["attraction", "satisfaction"]
    proneness: Literal["click", "like", "hate"] | None


@dataclass(frozen=True)
class View:
    """How a stage's model sees log-odds z: `intercept + slope * (z - intercept) + bias + noise * normal`."""

    slope: float
    bias: float
    noise: float


TRUTHS: Mapping[str, Truth] = {
    "p_click": Truth(-1.3, -0.15, 2.6, 0.25, 0.50, 0.5, "attraction", "click"),
    "p_long_view": Truth(-2.6, 1.15, -5.2, 0.0, 0.22, 1.5, "satisfaction", None),
    "p_like": Truth(-4.5, 0.45, -1.0, 0.1, 0.35, 0.6, "satisfaction", "like"),
    "p_hate": Truth(-4.5, -0.45, 1.8, 0.0, -0.25, -0.4, "satisfaction", "hate"),
}
"""`p_click` is given that the item is examined, `p_long_view` given a click."""

# The long-view heads are trained on down-sampled negatives, as is common where positives are rare, and
# nobody corrected their log-odds for it: a long view looks nearly certain, so that an exponent that reads
# well counts it too little.
_EARLY: Mapping[str, View] = {
    "p_click": View(1.10, 0.25, 0.60),
    "p_long_view": View(0.80, 0.80, 0.60),
    "p_like": View(0.80, 0.30, 0.90),
    "p_hate": View(0.80, 0.30, 0.90),
}
_FULL: Mapping[str, View] = {
    "p_click": View(1.05, 0.40, 0.40),
    "p_long_view": View(0.80, 2.60, 0.40),
    "p_like": View(0.90, 0.00, 0.45),
    "p_hate": View(1.10, 0.20, 0.50),
}


def view(stage: str, head: str) -> View:
    """The model of `head` that serves `stage`: a cheap one in pre-ranking, the full one elsewhere."""
    return (_EARLY if stage == "pre_ranking" else _FULL)[head]


def model_of(stage: str) -> str:
    """Stages with the same name here are served by the same models, noise included."""
    return "early" if stage == "pre_ranking" else "full"


def item_logits(items: Items) -> dict[str, NDArray[np.float32]]:
    """The items' part of every log-odds, (items,)."""
    return {
        head: (
            truth.intercept
            + truth.quality * items.quality
            + truth.clickbait * (items.clickbait - np.float32(1 / 3))
            + truth.freshness * (items.freshness - np.float32(0.5))
        ).astype(np.float32)
        for head, truth in TRUTHS.items()
    }


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), computed in place of its argument."""
    np.negative(logits, out=logits)
    np.exp(logits, out=logits)
    logits += np.float32(1)
    return np.reciprocal(logits, out=logits)
