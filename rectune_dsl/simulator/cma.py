"""CMA-ES in the unit box (Hansen 2016, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Merits = Callable[[Floats], Floats]

GENERATIONS, CHILDREN, STEP = 34, 16, 0.25
"""Generations, points of each, and the standard deviation of the first, in box widths."""


def evolve(start: Floats, merits: Merits, rng: np.random.Generator) -> Floats:
    """The best point found, (params,), for `merits` of points (points, params) to be maximised.

    Steps out of the box are folded back into it, so that optima on its faces are found as well.
    """
    search = _Search(start)
    best, best_merit = start, float(merits(start[None, :])[0])
    for generation in range(GENERATIONS):
        draws = rng.standard_normal((CHILDREN, start.size))
        steps = draws @ search.root.T
        points = _fold(search.mean + search.step * steps)
        found = merits(points)
        order = np.argsort(-found, kind="stable")
        if found[order[0]] > best_merit:
            best, best_merit = points[order[0]], float(found[order[0]])
        search.learn(draws[order], steps[order], generation)
    middle = _fold(search.mean)
    return middle if float(merits(middle[None, :])[0]) > best_merit else best


class _Search:
    """The distribution points are drawn from; equation numbers are the tutorial's."""

    def __init__(self, start: Floats) -> None:
        size = start.size
        weights = np.log((CHILDREN + 1) / 2) - np.log(np.arange(1, CHILDREN // 2 + 1))  # (49)
        self.weights: Floats = weights / weights.sum()
        effective = 1 / (self.weights**2).sum()
        self.mean, self.step = start.copy(), STEP
        self.covariance, self.root = np.eye(size), np.eye(size)
        self._path_step, self._path = np.zeros(size), np.zeros(size)
        self._effective = effective
        self._length = np.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size**2))
        self._c_step = (effective + 2) / (size + effective + 5)  # (55)
        self._damping = 1 + 2 * max(0.0, np.sqrt((effective - 1) / (size + 1)) - 1) + self._c_step
        self._c_path = (4 + effective / size) / (size + 4 + 2 * effective / size)  # (56)
        self._c_one = 2 / ((size + 1.3) ** 2 + effective)  # (57)
        rank = 2 * (effective - 2 + 1 / effective) / ((size + 2) ** 2 + effective)  # (58)
        self._c_rank = min(1 - self._c_one, rank)

    def learn(self, draws: Floats, steps: Floats, generation: int) -> None:
        """Move to the better half of a generation, best first, and take its shape (tutorial, A)."""
        parents = steps[: self.weights.size]
        move = self.weights @ parents
        self.mean = self.mean + self.step * move
        c = self._c_step
        pull = np.sqrt(c * (2 - c) * self._effective)
        # the tutorial whitens the move with the symmetric root; draws are white for any root
        self._path_step = (1 - c) * self._path_step + pull * (self.weights @ draws[: self.weights.size])
        length = float(np.sqrt((self._path_step**2).sum()))
        steady = np.sqrt(1 - (1 - c) ** (2 * generation + 2))
        going = length / steady < (1.4 + 2 / (self.mean.size + 1)) * self._length
        c = self._c_path
        self._path = (1 - c) * self._path + going * np.sqrt(c * (2 - c) * self._effective) * move
        late = (1 - going) * self._c_one * c * (2 - c)
        self.covariance = (
            (1 + late - self._c_one - self._c_rank) * self.covariance
            + self._c_one * np.outer(self._path, self._path)
            + self._c_rank * (parents.T * self.weights) @ parents
        )
        self.step *= float(np.exp(self._c_step / self._damping * (length / self._length - 1)))
        values, vectors = np.linalg.eigh(self.covariance)
        self.root = vectors * np.sqrt(np.maximum(values, 1e-12)) @ vectors.T


def _fold(points: Floats) -> Floats:
    """Points reflected at the faces of the unit box until they lie inside."""
    return np.abs((points + 1) % 2 - 1)
