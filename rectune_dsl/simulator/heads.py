"""What is true of a user and an item, and how the models of each stage see it.

Every probability is a logistic function of log-odds: an item's part, the user's taste for its topic,
something particular to user and item (chemistry), and the user's proneness. A head is the same log-odds, seen
with noise, a wrong slope and a bias: monotone in the truth on average, calibrated never. Part of the noise is
common to the heads of a stage, as where models learn from the same features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.rehearsal import Drift
from rectune_dsl.simulator.catalogue import Items
from rectune_dsl.simulator.tables.models import View
from rectune_dsl.simulator.tables.responses import Response
from rectune_dsl.simulator.worldfile import WorldFile


@dataclass(frozen=True)
class Weights:
    """What a response's log-odds have per unit of the request's own latents, each standard normal: the taste
    for the topic, and the two chemistries."""

    taste: np.float32
    attraction: np.float32
    satisfaction: np.float32


def weights(file: WorldFile) -> dict[str, Weights]:
    """The weights of every response."""
    taste, chemistry = np.sqrt(file.relevance.taste), np.sqrt(file.relevance.chemistry)
    return {
        name: Weights(
            taste=np.float32((r.attraction + r.satisfaction) * taste),
            attraction=np.float32(r.attraction * chemistry),
            satisfaction=np.float32(r.satisfaction * chemistry),
        )
        for name, r in file.responses.items()
    }


def item_logits(file: WorldFile, items: Items) -> dict[str, NDArray[np.float32]]:
    """The items' part of every log-odds, (items,)."""
    a, b = file.items.clickbait
    bait = items.clickbait - np.float32(a / (a + b))
    doublings = np.log2(items.size / np.float32(file.items.size.median))
    fresh = items.freshness - np.float32(0.5)
    return {
        name: (
            r.intercept
            + r.attraction * items.attraction
            + r.satisfaction * items.satisfaction
            + r.clickbait * bait
            + r.size * doublings
            + r.freshness * fresh
        ).astype(np.float32)
        for name, r in file.responses.items()
    }


def drifted(seen: Mapping[str, View], drift: Drift) -> Mapping[str, View]:
    """How models see responses after a change: what they saw before, noise included, is seen once more."""
    return {
        name: View(
            slope=view.slope * drift.slope,
            bias=view.bias * drift.slope + drift.bias,
            noise=view.noise * drift.slope,
            shared=view.shared,
        )
        for name, view in seen.items()
    }


def model_of(stage: str) -> str:
    """Stages with the same name here are served by the same models, noise included."""
    return "early" if stage == "pre_ranking" else "full"


def views(file: WorldFile, stage: str) -> Mapping[str, View]:
    """How the models that serve a stage see responses, by name."""
    return file.early if model_of(stage) == "early" else file.full


def shift_of(view: View, response: Response) -> float:
    """What a model adds: `view.slope * z + shift` are the log-odds that it sees, but for its error."""
    return (1 - view.slope) * response.intercept + view.bias


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), computed in place of its argument."""
    np.negative(logits, out=logits)
    np.exp(logits, out=logits)
    logits += np.float32(1)
    return np.reciprocal(logits, out=logits)
