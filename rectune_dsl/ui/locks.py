"""One lock for each of many things."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class _Used:
    """A lock, and how many hold it or wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    by: int = 0


class Locks:
    """A lock is there as long as somebody holds it or waits for it, so there are no more than threads."""

    def __init__(self) -> None:
        self._used: dict[str, _Used] = {}
        self._guard = threading.Lock()

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Nobody else is inside with the same name."""
        with self._guard:
            used = self._used.setdefault(name, _Used())
            used.by += 1
        try:
            with used.lock:
                yield
        finally:
            with self._guard:
                used.by -= 1
                if not used.by:
                    del self._used[name]
