"""Who is alive between two stages, under one config or under several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.select import Positions, Scores, Valid
from rectune_dsl.funnel.source import Indices, SignalSource
from rectune_dsl.hooks.api import Config


@dataclass(frozen=True)
class Alive:
    """Candidates that reached a stage, (requests, kept); None stands for all, in the source's order."""

    candidates: Indices | None
    scores: Scores | None
    valid: Valid | None

    def at(self, positions: Positions, scores: Scores) -> Alive:
        """Those at `positions`, with their new scores. Position -1 is nobody."""
        someone = positions >= 0
        valid = None
        if self.valid is not None or not someone.all():
            valid = someone if self.valid is None else someone & _at(self.valid, positions)
            positions = np.where(someone, positions, 0)
            valid = None if valid.all() else valid
        candidates = positions if self.candidates is None else _at(self.candidates, positions)
        return Alive(candidates, _at(scores, positions), valid)

    def rows(self, rows: slice | Positions) -> Alive:
        """Those of some rows."""
        scores = None if self.scores is None else self.scores[rows]
        valid = None if self.valid is None else self.valid[rows]
        valid = None if valid is None or valid.all() else valid  # as `at` has it: sums round otherwise
        return Alive(None if self.candidates is None else self.candidates[rows], scores, valid)

    def repeated(self, requests: int, width: int, times: int) -> Alive:
        """So many times over, where there is one row for each request, (times * requests, width)."""
        if self.scores is not None and len(self.scores) != requests:
            return self
        several = self.rows(np.tile(np.arange(requests), times))
        if several.candidates is not None:
            return several
        candidates = np.broadcast_to(np.arange(width), (times * requests, width))
        return Alive(candidates, several.scores, several.valid)

    def among(self, passing: Valid | None) -> Alive:
        """The same, of whom only those `passing` are there."""
        return Alive(self.candidates, self.scores, passing)


def one_by_one(
    run: Callable[[SignalSource, Config, Alive], Alive],
    source: SignalSource,
    configs: Sequence[Config],
    alive: Alive,
) -> Alive:
    """Several configs, each by itself, as CompiledStage.run_all has them."""
    requests = source.requests
    own = alive.scores is not None and len(alive.scores) != requests
    parts = [
        run(source, config, alive.rows(slice(i * requests, (i + 1) * requests)) if own else alive)
        for i, config in enumerate(configs)
    ]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[Alive]) -> Alive:
    """The rows of one after the other, where all have gone through a stage."""
    candidates = [part.candidates for part in parts if part.candidates is not None]
    scores = [part.scores for part in parts if part.scores is not None]
    valid = None
    if any(part.valid is not None for part in parts):
        everybody = np.ones(scores[0].shape, np.bool_)
        valid = np.concatenate([everybody if part.valid is None else part.valid for part in parts])
    return Alive(np.concatenate(candidates), np.concatenate(scores), valid)


def _at(array: NDArray[Any], positions: Positions) -> NDArray[Any]:
    """`array` (requests, candidates) at `positions` (requests, kept)."""
    rows = np.arange(array.shape[0], dtype=np.intp)[:, None] * array.shape[1]
    found: NDArray[Any] = np.ascontiguousarray(array).reshape(-1).take(positions + rows)
    return found
