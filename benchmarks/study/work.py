"""How much is simulated, cut into pieces that any process may take: the result does not depend on which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np

from rectune_dsl.simulator.keyed import generator

T = TypeVar("T")


@dataclass(frozen=True)
class Chunk:
    """`count` cases of one seed, with random numbers of their own."""

    seed: int
    number: int
    count: int

    def generator(self, *what: str) -> np.random.Generator:
        return generator(*what, self.seed, self.number)


@dataclass(frozen=True)
class Plan:
    """`seeds` repetitions of each part's cases, or of `quick` fewer ones; `pool` shares the work."""

    seeds: int
    quick: bool
    pool: Executor | None = None

    def chunks(self, cases: int, quick_cases: int, size: int) -> list[Chunk]:
        """So many cases per seed, `size` at once."""
        each = quick_cases if self.quick else cases
        starts = range(0, each, size)
        return [
            Chunk(seed, number, min(size, each - start))
            for seed in range(self.seeds)
            for number, start in enumerate(starts)
        ]

    def map(self, function: Callable[[Chunk], T], chunks: Sequence[Chunk]) -> list[T]:
        return list(map(function, chunks) if self.pool is None else self.pool.map(function, chunks))

    def cases(self, function: Callable[[Chunk], Sequence[T]], chunks: Sequence[Chunk]) -> list[T]:
        """What the function says of every single case."""
        return list(chain.from_iterable(self.map(function, chunks)))


@contextmanager
def plan(seeds: int, quick: bool, processes: int) -> Iterator[Plan]:
    with ProcessPoolExecutor(processes) as pool:
        yield Plan(seeds, quick, pool)
