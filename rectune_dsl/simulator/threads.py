"""The built-in executor: threads of this process. NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from rectune_dsl.funnel.processors import usable

Shard = TypeVar("Shard")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Threads:
    """Maps shards on `count` threads, as many as there are processors to use if left out."""

    count: int = field(default_factory=usable)

    def map(self, work: Callable[[Shard], Result], shards: Sequence[Shard]) -> Sequence[Result]:
        if self.count == 1 or len(shards) < 2:
            return [work(shard) for shard in shards]
        with ThreadPoolExecutor(min(self.count, len(shards))) as pool:
            return list(pool.map(work, shards))
