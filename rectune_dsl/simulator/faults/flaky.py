"""A backend that fails now and then, and reproducibly. What is read of logs (panel, baseline) does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from rectune_dsl.hooks.errors import BackendError
from rectune_dsl.simulator.keyed import key_of, uniform

_HELP = "it is a fault that [simulator.faults] asks for: `rectune resume` goes on"


class Line:
    """The line to the backend. A call fails with the chance `flaky`, in half of the cases after it was done.

    The draw is keyed by the call, what it is about, and its attempt, so that a run's failures are always the
    same and yet another attempt may succeed. Attempts of earlier processes are told by `setbacks`.
    """

    def __init__(self, seed: int, flaky: float, setbacks: int) -> None:
        self._seed, self._flaky, self._setbacks = seed, flaky, setbacks
        self._calls: Counter[tuple[str, ...]] = Counter()

    @contextmanager
    def call(self, *what: str) -> Iterator[None]:
        """Around the work of a call: raises BackendError before it, or after it."""
        luck = self._luck(what) if self._flaky else 1.0
        if luck < self._flaky / 2:
            raise BackendError(f"the simulated platform did not do `{what[0]}`", help=_HELP)
        yield
        if luck < self._flaky:
            raise BackendError(f"the simulated platform did not answer `{what[0]}`", help=_HELP)

    def _luck(self, what: tuple[str, ...]) -> float:
        attempt = self._setbacks + self._calls[what]
        self._calls[what] += 1
        return float(uniform(key_of("flaky", self._seed, *what, attempt), np.zeros(1, np.int64))[0])
