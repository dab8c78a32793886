"""The built-in executor: threads of this process. NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Shard = TypeVar("Shard")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Threads:
    """Maps shards on `count` threads, as many as there are processors if left out."""

    count: int = os.cpu_count() or 1

    def map(self, work: Callable[[Shard], Result], shards: Sequence[Shard]) -> Sequence[Result]:
        if self.count == 1 or len(shards) < 2:
            return [work(shard) for shard in shards]
        with ThreadPoolExecutor(min(self.count, len(shards))) as pool:
            return list(pool.map(work, shards))
