"""One run's pen: every act is written before and after it is done, and done only once.

What was recorded is returned instead of being done again, so a killed run that starts over arrives, without
repeating anything, at the act it was in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Lease

T = TypeVar("T")
NOTHING = type(None)
"""What an act returns that is done for its effect."""


class Recorder:
    """Reads what is recorded of `run`; writes under its `lease`, or without one where nobody holds any."""

    def __init__(self, journal: Journal, run: str, lease: Lease | None = None) -> None:
        entries = journal.entries(run)
        self.run = run
        self._journal = journal
        self._token = lease.token if lease else None
        self._seq = len(entries)
        self._results = {e.key: e.body for e in entries if not e.is_attempt}
        self._attempted = {e.key.split(":", 2)[2] for e in entries if e.is_attempt}
        self._attempts = sum(e.is_attempt for e in entries)

    def act(self, key: str, kind: type[T], work: Callable[[], T]) -> T:
        """Do `work` and record what it returns under `key`, or return what was recorded before.

        The work has to be idempotent or to carry an idempotency key: a crash between doing and recording
        makes it be done again. Raises LeaseLostError, before the work or after it, when another process has
        taken the run over.
        """
        if key not in self._results:
            self._attempt(key)
            body = encode(kind, work())
            self._write(key, body)
            self._results[key] = body
        return decode(kind, self._results[key])

    def failed(self, key: str) -> None:
        """Record an attempt that left no result, at something that is done again without being an act."""
        self._attempt(key)

    def recall(self, key: str, kind: type[T]) -> T | None:
        """What was recorded under `key`, or None."""
        body = self._results.get(key)
        return None if body is None else decode(kind, body)

    def has(self, key: str) -> bool:
        """Whether the act under `key` was done and recorded."""
        return key in self._results

    def attempted(self, key: str) -> bool:
        """Whether the act under `key` was begun, and so may have been done."""
        return key in self._attempted

    @property
    def done(self) -> tuple[str, ...]:
        """The keys of all acts that were recorded, in their order."""
        return tuple(self._results)

    def verify(self) -> None:
        """Raises LeaseLostError when another process has taken the run over."""
        self._journal.verify(self.run, self._token)

    def claim_confirmation(self, surface: str) -> int:
        """This run's confirmation number on the surface, over all runs of the store."""
        return self._journal.claim_confirmation(surface, self.run)

    def _attempt(self, key: str) -> None:
        self._attempts += 1
        self._write(f"attempt:{self._attempts}:{key}", "{}")
        self._attempted.add(key)

    def _write(self, key: str, body: str) -> None:
        self._seq += 1
        self._journal.append(self.run, self._seq, key, body, self._token)
