"""The best config there is: CMA-ES from several starts, polished on all requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from worlds.catalogue import Floats

Merits = Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class Found:
    """The best point (params,) and its merit; `others` are the merits that further starts came to."""

    point: Floats
    merit: float
    others: tuple[float, ...]


def best_of(starts: Floats, rough: Merits, soft: Merits, merits: Merits, rng: np.random.Generator) -> Found:
    """Search from each start (starts, params) with `rough` merits, which are cheaper, and again from the best
    end; go on with `soft` ones, in which what is forbidden costs without a wall, and then with `merits`."""
    size = starts.shape[1]
    ends = np.array([evolve(start, rough, rng, 50 + 3 * size, 0.3) for start in starts])
    again = evolve(ends[int(soft(ends).argmax())], rough, rng, 50 + 3 * size, 0.15)
    ends = np.vstack([ends, again])
    found = soft(ends)
    best = evolve(ends[int(found.argmax())], soft, rng, 18 + size // 2, 0.04)
    best = evolve(best, merits, rng, 12 + size // 3, 0.01)
    return Found(best, float(merits(best[None])[0]), tuple(map(float, found)))


def evolve(start: Floats, merits: Merits, rng: np.random.Generator, generations: int, step: float) -> Floats:
    """The best point seen by CMA-ES in the unit box, maximising (Hansen 2016, arXiv 1604.00772, whose symbols
    these are); steps out of the box are clipped to it."""
    n = start.size
    size = 8 + int(3 * np.log(n))
    mu = size // 2
    w = np.log(mu + 0.5) - np.log(np.arange(1, mu + 1))
    w /= w.sum()
    mueff = 1 / (w**2).sum()
    cs, cc = (mueff + 2) / (n + mueff + 5), (4 + mueff / n) / (n + 4 + 2 * mueff / n)
    c1 = 2 / ((n + 1.3) ** 2 + mueff)
    cmu = min(1 - c1, 2 * (mueff - 2 + 1 / mueff) / ((n + 2) ** 2 + mueff))
    damps = 1 + 2 * max(0.0, np.sqrt((mueff - 1) / (n + 1)) - 1) + cs
    chi = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    mean, sigma, shape, ps, pc = start.copy(), step, np.eye(n), np.zeros(n), np.zeros(n)
    best, best_merit = start, float(merits(start[None])[0])
    for _ in range(generations):
        values, axes = np.linalg.eigh(shape)
        lengths = np.sqrt(np.maximum(values, 1e-14))
        points = np.clip(mean + sigma * (rng.standard_normal((size, n)) * lengths) @ axes.T, 0.0, 1.0)
        found = merits(points)
        order = np.argsort(-found)
        if found[order[0]] > best_merit:
            best, best_merit = points[order[0]], float(found[order[0]])
        y = (points[order[:mu]] - mean) / sigma  # after clipping: the path follows what was tried
        step_mean = w @ y
        mean = mean + sigma * step_mean
        ps = (1 - cs) * ps + np.sqrt(cs * (2 - cs) * mueff) * (axes @ ((axes.T @ step_mean) / lengths))
        pc = (1 - cc) * pc + np.sqrt(cc * (2 - cc) * mueff) * step_mean
        shape = (1 - c1 - cmu) * shape + c1 * np.outer(pc, pc) + cmu * (y.T * w) @ y
        sigma = min(sigma * float(np.exp(cs / damps * (np.linalg.norm(ps) / chi - 1))), 0.5)
    return best
