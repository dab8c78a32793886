"""Peak memory, as `benchmarks/memory.py` measures it."""

from __future__ import annotations

import memory

from speed.figures import Figure, Options


def figures(options: Options) -> list[Figure]:
    sizes = memory.QUICK if options.quick else memory.FULL
    return [Figure(**figure) for figure in memory.peak_memory(*sizes)]
