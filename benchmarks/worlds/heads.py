"""What the models say of the candidates: each head errs in its own way, and an older model in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from worlds.catalogue import TOPICS, Catalogue, Floats, Requests
from worlds.keyed import generator
from worlds.setting import Setting
from worlds.truth import chance, seen_log_odds

_STEPS = 18
"""Of the bisection for a head's noise: it ends far below what an AUC can tell."""


@dataclass(frozen=True, eq=False)
class Head:
    """A model's log-odds are `slope` times the true ones, plus `offset`, plus `topics` (topics,), what it
    gets wrong of whole topics, plus `leak` times the item's bait, plus noise of this standard deviation."""

    slope: float
    offset: float
    topics: Floats
    leak: float
    noise: float

    def log_odds(
        self, true: Floats, requests: Requests, catalogue: Catalogue, rng: np.random.Generator
    ) -> Floats:
        items = requests.items
        wrong = self.topics[catalogue.topic[items]] + self.leak * catalogue.bait[items]
        return self.slope * true + self.offset + wrong + self.noise * rng.standard_normal(true.shape)


def draw_heads(
    seed: int,
    model: str,
    true: Mapping[str, Floats],
    requests: Requests,
    catalogue: Catalogue,
    auc: float | None,
) -> dict[str, Head]:
    """One head per action. `true` are log-odds of `requests`, on which a head's noise is set to reach an AUC
    of its own between .70 and .80, or `auc` where that is less."""
    return {
        action: _drawn(generator("head", seed, model, action), logits, requests, catalogue, auc)
        for action, logits in true.items()
    }


def predictions(
    setting: Setting,
    seed: int,
    purpose: str,
    heads: Mapping[str, Head],
    older: Mapping[str, Head],
    odds: Mapping[str, Floats],
    requests: Requests,
    catalogue: Catalogue,
    stale: float,
) -> dict[str, Floats]:
    """Head scores (requests, candidates) by action; of a share `stale` of the requests they are the older
    model's."""
    seen = seen_log_odds(odds, requests, catalogue, setting.hidden)
    old = generator("stale", seed, purpose).random(len(requests.items)) < stale
    found = {}
    for action, true in seen.items():
        rng = generator("noise", seed, purpose, action)
        said = heads[action].log_odds(true, requests, catalogue, rng)
        if old.any():
            said = np.where(old[:, None], older[action].log_odds(true, requests, catalogue, rng), said)
        found[action] = chance(said)
    return found


def area_under_curve(scores: Floats, chances: Floats) -> float:
    """Of ranking by `scores` what happens with `chances`: Mann and Whitney's statistic in expectation."""
    order = np.argsort(scores, axis=None, kind="stable")
    positive = chances.ravel()[order]
    negative = 1.0 - positive
    below = np.cumsum(negative) - negative
    own_pairs = (positive * negative).sum()  # a candidate is no pair with itself
    return float((positive * below).sum() / (positive.sum() * negative.sum() - own_pairs))


def _drawn(
    rng: np.random.Generator, true: Floats, requests: Requests, catalogue: Catalogue, auc: float | None
) -> Head:
    slope, offset = float(rng.uniform(0.6, 1.2)), float(0.3 * rng.standard_normal())
    topics, leak = 0.25 * rng.standard_normal(TOPICS), float(0.12 * rng.standard_normal())
    wanted = float(rng.uniform(0.70, 0.80))
    wanted = wanted if auc is None else min(wanted, auc)
    draws = rng.standard_normal(true.shape)
    exact = Head(slope, offset, topics, leak, 0.0).log_odds(true, requests, catalogue, rng)
    low, high = 0.0, 12.0
    for _ in range(_STEPS):
        noise = (low + high) / 2
        reached = area_under_curve(exact + noise * draws, chance(true))
        low, high = (noise, high) if reached > wanted else (low, noise)
    return Head(slope, offset, topics, leak, low)
