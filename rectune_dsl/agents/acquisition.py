"""Which configs to test next: constrained noisy expected improvement, in batches.

Letham, Karrer, Ottoni & Bakshy (2019), "Constrained Bayesian Optimization with Noisy Experiments": the
improvement is over the best of what was tested, which is itself uncertain, so both are drawn jointly.
A batch is chosen one by one on the same draws; each choice counts as tested for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rectune_dsl.agents.belief import objective_draws
from rectune_dsl.agents.region import Region
from rectune_dsl.hooks.api import Config, Surrogate

Array = NDArray[np.float64]
Score = Callable[[Sequence[Config]], Array]

_POOL = 700
_GENERATIONS = 4
_PARENTS = 24
_CHILDREN = 8
_SHORTLIST = 220
_DRAWS = 256
_TESTED = 40
_NEIGHBOUR = 0.3
_SHRINK = (0.7, 0.5, 0.35, 0.2, 0.1)


@dataclass(frozen=True)
class Candidates:
    """Configs with their scores (configs,), best first."""

    configs: tuple[Config, ...]
    scores: Array

    def where(self, kept: NDArray[np.bool_]) -> Candidates:
        return Candidates(
            tuple(c for c, keep in zip(self.configs, kept, strict=True) if keep), self.scores[kept]
        )

    def shortlist(self) -> tuple[Config, ...]:
        """The best, and as many spread over the ranks after them: mutants of one config crowd the top."""
        best, rest = self.configs[: _SHORTLIST // 2], self.configs[_SHORTLIST // 2 :]
        return best + rest[:: max(1, 2 * len(rest) // _SHORTLIST)]

    def with_scored(self, configs: Sequence[Config], score: Score) -> Candidates:
        """And these, with their scores."""
        return _merged(self, _ranked(configs, score))


def search(
    region: Region, score: Score, rng: np.random.Generator, seeds: Sequence[Config] = ()
) -> Candidates:
    """Candidates of a region: a random sample and `seeds`, then generations of mutants of the best."""
    start = np.vstack([region.unit(seeds), region.starts(rng, _POOL)])
    best = _ranked(region.configs(start), score)
    scale = 0.5 * region.radius
    for _ in range(_GENERATIONS):
        parents = region.unit(best.configs[:_PARENTS])
        if not len(parents):
            break
        children = _mutants(parents, scale, rng)
        best = _merged(best, _ranked(region.configs(region.clip(children)), score))
        scale *= 0.5
    return best


def shrunk(region: Region, configs: Sequence[Config]) -> list[Config]:
    """The configs drawn towards production, step by step: safer, and closer to what is known."""
    production = region.space.production
    offsets = region.unit(configs) - production
    return region.configs(np.vstack([production + share * offsets for share in _SHRINK]))


def improvement_score(surrogate: Surrogate, tested: Sequence[Config], floor: float) -> Score:
    """Expected improvement times P(feasible); below the floor, how far below it."""
    incumbent = _incumbent(surrogate, tested, floor)

    def score(configs: Sequence[Config]) -> Array:
        mean, sd = surrogate.objective(configs)
        p = surrogate.p_feasible(configs)
        gain = expected_improvement(mean - incumbent, np.maximum(sd, 1e-12))
        return np.where(p >= floor, gain * p, p - floor - 1.0)

    return score


def expected_improvement(gain: Array, sd: Array) -> Array:
    """E[max(0, N(gain, sd²))] (Jones, Schonlau & Welch 1998, eq. 15)."""
    z = gain / sd
    expected: Array = gain * ndtr(z) + sd * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return expected


class Worth(Protocol):
    """What each of some configs is worth, given those taken so far."""

    def gains(self) -> Array:
        """(configs,), not negative."""
        ...

    def take(self, index: int) -> None: ...


class Batch:
    """What each of some configs would add to the safe tested ones and to those taken so far.

    Unsafe ones are no alternative: nothing has to be better than a config that cannot be served.
    """

    def __init__(
        self,
        surrogate: Surrogate,
        configs: Sequence[Config],
        tested: Sequence[Config],
        rng: np.random.Generator,
        floor: float,
    ) -> None:
        known = _best_known(surrogate, _safe(surrogate, tested, floor))
        drawn = objective_draws(surrogate, [*known, *configs], rng, _DRAWS)
        self._options = drawn[:, len(known) :]
        self._best = drawn[:, : len(known)].max(1, initial=0.0)  # production's U is 0
        self._p = surrogate.p_feasible(configs)

    def gains(self) -> Array:
        """Expected improvement times P(feasible), (configs,)."""
        gains: Array = np.maximum(self._options - self._best[:, None], 0.0).mean(0) * self._p
        return gains

    def take(self, index: int) -> None:
        """From now on, improvement is over this one too."""
        self._best = np.maximum(self._best, self._options[:, index])


def choose_batch(
    region: Region, candidates: Candidates, count: int, worth_of: Callable[[Sequence[Config]], Worth]
) -> list[Config]:
    """At most `count` of the candidates, in order of what each adds to the batch before it, times how
    new it is."""
    shortlist = candidates.shortlist()
    if not shortlist:
        return []
    batch, points = worth_of(shortlist), region.places(shortlist)
    nearest, chosen = np.full(len(shortlist), np.inf), list[int]()
    for _ in range(min(count, len(shortlist))):
        worth = batch.gains() * novelty(nearest)
        worth[chosen] = -1.0
        chosen.append(int(worth.argmax()))
        batch.take(chosen[-1])
        nearest = np.minimum(nearest, spread(points, points[chosen[-1]]))
    return [shortlist[i] for i in chosen]


def novelty(gap: Array) -> Array:
    """0 for what is in the batch already, towards 1 with the `spread`: the model may be wrong about how much
    two neighbours teach."""
    return np.where(np.isinf(gap), 1.0, 1.0 / (1.0 + _NEIGHBOUR / np.maximum(gap, 1e-9)))


def spread(points: Array, other: Array) -> Array:
    """Root mean square difference over the dimensions, (points,): two corners of a box differ by how many
    params set them apart."""
    return np.asarray(np.sqrt(((points - other) ** 2).mean(-1)))


def _incumbent(surrogate: Surrogate, tested: Sequence[Config], floor: float) -> float:
    """The best posterior mean among safe tested configs; production's 0 if there is none."""
    safe = _safe(surrogate, tested, floor)
    return float(surrogate.objective(safe)[0].max(initial=0.0)) if safe else 0.0


def _safe(surrogate: Surrogate, tested: Sequence[Config], floor: float) -> list[Config]:
    if not tested:
        return []
    likely = surrogate.p_feasible(tested) >= floor
    return [config for config, safe in zip(tested, likely, strict=True) if safe]


def _best_known(surrogate: Surrogate, tested: Sequence[Config]) -> list[Config]:
    """The tested configs that improvement is measured against; the hopeless ones only cost time."""
    if len(tested) <= _TESTED:
        return list(tested)
    mean, _ = surrogate.objective(tested)
    return [tested[i] for i in np.sort(np.argsort(-mean, kind="stable")[:_TESTED])]


def _mutants(parents: Array, scale: float, rng: np.random.Generator) -> Array:
    """Children (parents * _CHILDREN, params): some params moved, the others kept."""
    repeated = np.repeat(parents, _CHILDREN, axis=0)
    dimension = parents.shape[1]
    moved = rng.random(repeated.shape) < max(0.25, 2.0 / dimension)
    return repeated + np.where(moved, scale * rng.standard_normal(repeated.shape), 0.0)


def _ranked(configs: Sequence[Config], score: Score) -> Candidates:
    if not configs:
        return Candidates((), np.empty(0))
    scores = score(configs)
    order = np.argsort(-scores, kind="stable")
    return Candidates(tuple(configs[i] for i in order), scores[order])


def _merged(first: Candidates, second: Candidates) -> Candidates:
    scores = np.concatenate([first.scores, second.scores])
    configs = (*first.configs, *second.configs)
    unique: dict[tuple[float, ...], int] = {}
    for i in np.argsort(-scores, kind="stable"):
        unique.setdefault(_key(configs[i]), int(i))
    kept = list(unique.values())
    return Candidates(tuple(configs[i] for i in kept), scores[kept])


def _key(config: Config) -> tuple[float, ...]:
    return tuple(config.values.values())
