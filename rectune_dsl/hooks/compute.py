"""What computes: functions that formulas may call, and executors of large computations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class FormulaFunction:
    """A function formulas may call. `evaluate` takes and returns float arrays of one shape, elementwise.

    What it declares of itself is what proofs about scores rest on: for finite arguments every value lies in
    `range`; in each argument it is `monotone`, whatever the others are (None: it may not be). Monotone in all
    of them, it needs no range: its values at the arguments' ends bound it.
    """

    name: str
    arguments: int
    evaluate: Callable[..., NDArray[np.float64]]
    about: str
    range: tuple[float, float] | None = None
    monotone: tuple[Literal["nondecreasing", "nonincreasing"] | None, ...] = ()


Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Executor(Protocol):
    """Maps shards to results, here or on many machines.

    `work`, shards and results can be pickled. `work` is a pure function that may be large and is the same for
    all shards of a call: send it to a worker once. A shard may be worked on again when a worker is lost.
    """

    def map(self, work: Callable[[Shard], Result], shards: Sequence[Shard]) -> Sequence[Result]:
        """One result per shard, in the shards' order, whatever ran them and in which order.

        What `work` raises is raised here. Raises BackendError when workers fail again and again.
        """
        ...
