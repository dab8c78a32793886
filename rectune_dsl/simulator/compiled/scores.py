"""Scores by the kernel: nothing is kept, since making anew costs no more than keeping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.source import Indices
from rectune_dsl.simulator.compiled import kernel
from rectune_dsl.simulator.heads import shift_of
from rectune_dsl.simulator.occasion import Column, Occasion
from rectune_dsl.simulator.scores import CHEMISTRIES, Names, errors_of, shared_errors_of
from rectune_dsl.simulator.tables.models import View
from rectune_dsl.simulator.tables.responses import Response


class CompiledScores:
    """As `simulator.scores.PlainScores`: log-odds the same to the last bit, predictions up to the last bits
    of an exponential."""

    def __init__(self, occasion: Occasion) -> None:
        self._of = occasion
        self._chemistry = np.stack([occasion.starts(draw) for draw in CHEMISTRIES])

    def log_odds(self, responses: Names, alive: Indices | None) -> Mapping[str, Column]:
        found = self._room(responses, alive)
        kernel.log_odds(*self._arguments(responses, alive), found)
        return dict(zip(responses, found, strict=True))

    def predictions(self, stage: str, responses: Names, alive: Indices | None) -> Mapping[str, Column]:
        file, found = self._of.world.file, self._room(responses, alive)
        seen = self._of.world.views(stage, self._of.day)
        errors = [self._of.starts(errors_of(stage, response)) for response in responses]
        shared = self._of.starts(shared_errors_of(stage))
        seen_as = np.array([_numbers(seen[r], file.responses[r]) for r in responses], np.float32)
        if responses:
            kernel.predictions(*self._arguments(responses, alive), np.stack(errors), shared, seen_as, found)
        return dict(zip(responses, found, strict=True))

    def _room(self, responses: Names, alive: Indices | None) -> Column:
        kept = self._of.world.candidates if alive is None else alive.shape[1]
        return np.empty((len(responses), len(self._of.users), kept), np.float32)

    def _arguments(self, responses: Names, alive: Indices | None) -> tuple[NDArray[Any], ...]:
        """As both kernels take them."""
        world, users, requests = self._of.world, self._of.users, len(self._of.users)
        pools, of = world.pools, [world.weights[response] for response in responses]
        nobody = np.zeros(requests, np.float32)
        return (
            pools.log_odds.reshape(len(pools.responses), -1, pools.candidates),
            pools.topic.reshape(-1, pools.candidates),
            world.normals.table,
            self._of.pools,
            self._of.tastes,
            self._chemistry,
            np.empty((requests, 0), np.int64) if alive is None else np.require(alive, np.int64, ["C", "W"]),
            np.array([pools.responses.index(response) for response in responses], np.int64),
            np.array([(w.taste, w.attraction, w.satisfaction) for w in of], np.float32).reshape(len(of), 3),
            np.array([users.prone.get(r, nobody) for r in responses], np.float32).reshape(len(of), requests),
        )


def _numbers(view: View, response: Response) -> tuple[float, float, float, float]:
    """A row of the kernel's `views`."""
    return view.slope, shift_of(view, response), view.own_noise, view.shared_noise
