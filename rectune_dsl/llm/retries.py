"""When to ask again: a few times, ever later, never before the provider wants to be asked."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rectune_dsl.hooks.models import NoAnswerError


@dataclass(frozen=True)
class Retries:
    """Waits are drawn evenly between zero and a bound that doubles from `first` up to `longest`: full jitter.

    All times are in seconds. No attempt begins later than `total` after the first one did.
    Source: Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015.
    """

    attempts: int = 4
    first: float = 2.0
    longest: float = 60.0
    total: float = 300.0

    def wait(self, error: NoAnswerError, attempt: int, elapsed: float, key: str) -> float | None:
        """The seconds until the next attempt after the `attempt`th has failed, None if there is to be none.
        The same key and attempt always wait equally long."""
        if error.outcome != "unavailable" or attempt >= self.attempts:
            return None
        bound = min(self.longest, self.first * 2.0 ** (attempt - 1))
        jittered = random.Random(f"{key}/{attempt}").uniform(0.0, bound)
        seconds = max(jittered, error.retry_after or 0.0)
        return seconds if elapsed + seconds <= self.total else None
