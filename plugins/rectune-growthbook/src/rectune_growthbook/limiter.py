"""No more requests in any minute than GrowthBook allows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 60.0


class Limiter:
    """Lets `most` requests through in any window of a minute; the next one waits until it is allowed."""

    def __init__(
        self,
        most: int,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._most = most
        self._now = now
        self._sleep = sleep
        self._made: deque[float] = deque(maxlen=most)

    def wait(self) -> None:
        """Return when one more request may be made, which counts as made."""
        if len(self._made) == self._most:
            while (left := self._made[0] + WINDOW_SECONDS - self._now()) > 0:
                self._sleep(left)
        self._made.append(self._now())
