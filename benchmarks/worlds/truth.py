"""True chances of every action on every candidate, which heads estimate and responses are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from worlds.catalogue import Catalogue, Floats, Requests

ODDS: Mapping[str, Mapping[str, float]] = {
    "click": {"base": -1.4, "interest": 0.9, "bait": 0.7, "outrage": 0.3, "craft": 0.2, "fresh": 0.2},
    "long_view": {"base": -0.6, "interest": 0.8, "craft": 0.9, "bait": -1.0, "length": -0.1, "hidden": 1.0},
    "finish": {"base": -0.4, "interest": 0.5, "craft": 0.7, "length": -0.9, "bait": -0.4, "hidden": 0.5},
    "like": {"base": -2.6, "interest": 0.7, "craft": 0.6, "warmth": 0.6, "bait": -0.4, "hidden": 0.6},
    "share": {"base": -3.4, "interest": 0.3, "warmth": 0.9, "outrage": 0.7, "craft": 0.2},
    "comment": {"base": -3.2, "interest": 0.5, "outrage": 1.0, "warmth": 0.2},
    "follow": {"base": -4.0, "interest": 0.6, "craft": 0.7, "small": 0.5, "hidden": 0.5},
    "hate": {"base": -4.2, "interest": -0.5, "bait": 0.7, "outrage": 0.8, "tolerance": -1.0, "hidden": -0.7},
    "report": {"base": -5.5, "outrage": 1.1, "bait": 0.6, "tolerance": -0.8, "hidden": -0.5},
}
"""Log-odds of each action, given that the item is looked at (`click`, `hate`, `report`) or opened, per unit
of a trait."""


def log_odds(requests: Requests, catalogue: Catalogue, hidden: float) -> dict[str, Floats]:
    """Of each action, (requests, candidates); the hidden trait counts `hidden` times."""
    traits = _traits(requests, catalogue)
    traits["hidden"] = hidden * traits["hidden"]
    return {action: _weighted(weights, traits) for action, weights in ODDS.items()}


def seen_log_odds(
    odds: Mapping[str, Floats], requests: Requests, catalogue: Catalogue, hidden: float
) -> dict[str, Floats]:
    """The same without the hidden trait: what a perfect head would say."""
    trait = hidden * catalogue.hidden[requests.items]
    return {action: logits - ODDS[action].get("hidden", 0.0) * trait for action, logits in odds.items()}


def chance(logits: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def _traits(requests: Requests, catalogue: Catalogue) -> dict[str, Floats]:
    at = requests.items
    found = {
        name: getattr(catalogue, name)[at]
        for name in ("craft", "bait", "outrage", "warmth", "length", "small", "hidden")
    }
    found["fresh"] = np.exp(-catalogue.age[at] / 4.0)
    found["interest"] = requests.interest
    found["tolerance"] = np.broadcast_to(requests.tolerance[:, None], at.shape)
    return found


def _weighted(weights: Mapping[str, float], traits: Mapping[str, Floats]) -> Floats:
    total = np.full(traits["interest"].shape, weights["base"])
    for trait, weight in weights.items():
        if trait != "base":
            total += weight * traits[trait]
    return total
