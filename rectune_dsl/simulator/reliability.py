"""How good the heads are: do they order candidates as the truth does, and are they right on average?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.simulator.heads import sigmoid
from rectune_dsl.simulator.keyed import key_of
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.world import World

REQUESTS = 400
BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Of one head over the candidates of requests: its AUC against the responses that would follow, and what
    it says in each tenth of its values beside what is true there."""

    auc: float
    said: Floats
    true: Floats


def reliability(world: World, stage: str, requests: int = REQUESTS) -> Mapping[str, Reliability]:
    """By response, as the models of a stage see it."""
    asked = _requests(world, requests)
    found = {}
    for name in world.file.responses:
        said = asked.signals(stage, [f"p_{name}"], None)[f"p_{name}"].reshape(-1).astype(np.float64)
        true = sigmoid(asked.logits(name, None)).reshape(-1).astype(np.float64)
        order = np.argsort(said)
        parts = [part.mean() for part in np.array_split(said[order], BINS)]
        truth = [part.mean() for part in np.array_split(true[order], BINS)]
        found[name] = Reliability(_auc(true[order]), np.array(parts), np.array(truth))
    return found


def correlations(world: World, stage: str, requests: int = REQUESTS) -> Floats:
    """Of the heads' log-odds over candidates, in the order of the responses: (responses, responses)."""
    asked = _requests(world, requests)
    heads = [f"p_{name}" for name in world.file.responses]
    said = np.stack([asked.signals(stage, [head], None)[head].reshape(-1) for head in heads]).astype(
        np.float64
    )
    said = np.clip(said, 1e-9, 1 - 1e-9)
    found: Floats = np.corrcoef(np.log(said / (1 - said)))
    return found


def _requests(world: World, requests: int) -> Requests:
    ids = np.arange(min(requests, world.population), dtype=np.int64)
    return Requests(world, world.users(ids), key_of("reliability", world.seed), 0)


def _auc(true: Floats) -> float:
    """The chance that a candidate with the response has a higher score than one without, for probabilities in
    the order of the scores (Hanley and McNeil 1982)."""
    negative = np.cumsum(1 - true) - (1 - true) / 2
    return float((true * negative).sum() / (true.sum() * (1 - true).sum()))
