"""Two cores over one, beside what the machine has to spare for a second one at all."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from rectune_dsl.funnel.processors import usable
from speed.figures import Figure, ratio

GOAL = 1.7
_HASHED = 30_000_000
_ONE, _TWO = "hashing", "hashing, two threads"


def several() -> bool:
    return usable() > 1


def hashing() -> dict[str, Callable[[], object]]:
    """Contenders whose work nothing but a processor can hold up; none where there is only one."""
    return {_ONE: partial(_hash, 1), _TWO: partial(_hash, 2)} if several() else {}


def gain(what: str, one: Sequence[float], two: Sequence[float]) -> Figure:
    """Two threads over one."""
    return ratio(f"{what}, two cores over one", one, two, GOAL)


def spare(what: str, seconds: Mapping[str, Sequence[float]]) -> Figure:
    """What hashing gained in the same rounds."""
    free = statistics.median(2 * one / two for one, two in zip(seconds[_ONE], seconds[_TWO], strict=True))
    name = f"{what}: two cores over one at hashing: what else ran left so much"
    return Figure(name, round(free, 2), "x", "none", True)


def _hash(threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda data: hashlib.sha256(data).digest(), [bytes(_HASHED)] * threads))
