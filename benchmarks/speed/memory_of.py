"""Peak memory, as `benchmarks/memory.py` measures it."""

from __future__ import annotations

import memory

from speed.figures import Figure, Options

QUICK, FULL = (40_000, 10_000_000), (400_000, 100_000_000)
"""Users, of whom there are ten times as many in the second experiment, and the population."""


def figures(options: Options) -> list[Figure]:
    return [Figure(**figure) for figure in memory.peak_memory(*(QUICK if options.quick else FULL))]
