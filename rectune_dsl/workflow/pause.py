"""How a run waits, for a moment or for an answer: it stays, or leaves and is taken up later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from rectune_dsl.memory import lease
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.memory.store import StoreError
from rectune_dsl.workflow.clock import Clock
from rectune_dsl.workflow.journaled import Wait
from rectune_dsl.workflow.watch import Waited, Watcher

T = TypeVar("T")

POLL = timedelta(seconds=1)
"""Between two looks at whether an answer has come, or somebody has taken the run over."""


class Waiting(Exception):  # noqa: N818  (it is no error: all that can be done now is done)
    """Nothing more can be done now."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.why)
        self.wait = wait


@dataclass(frozen=True)
class Pause:
    """Waits of one run. Each is written to the journal once. Where the process does not `stay`, it raises
    Waiting. While it stays it raises LeaseLostError when another process takes the run over, and StoreError
    when the store is away for longer than the run's lease may outlast."""

    recorder: Recorder
    clock: Clock
    stay: bool
    watch: Watcher

    def until(self, key: str, moment: datetime, why: str) -> None:
        """Wait for the moment at which the act `key` can be done; not at all where it was."""
        if self.recorder.has(key) or not self.clock.left(moment):
            return
        wait, patience = self._begin(Wait(key, why, moment)), _Patience()
        while left := self.clock.left(moment):
            self._rest(wait, left, patience)

    def answer(self, key: str, why: str, found: Callable[[], T | None]) -> T:
        """Wait until something is found to record under `key`."""
        answer = found()
        if answer is not None:
            return answer
        wait, asking, resting = self._begin(Wait(key, why)), _Patience(), _Patience()
        while (answer := asking.with_(found)) is None:
            self._rest(wait, POLL, resting)
        return answer

    def _begin(self, wait: Wait) -> Wait:
        begun = self.recorder.act(f"{wait.key}/wait", Wait, lambda: wait)
        self.watch(Waited(begun))
        return begun

    def _rest(self, wait: Wait, most: timedelta, patience: _Patience) -> None:
        if not self.stay:
            raise Waiting(wait)
        patience.with_(self.recorder.verify)
        time.sleep(min(most, POLL).total_seconds())


class _Patience:
    """With a store that cannot be reached, as while its server is restarted."""

    def __init__(self) -> None:
        self._reached = time.monotonic()

    def with_(self, ask: Callable[[], T | None]) -> T | None:
        """What the store tells, None where it does not; raises StoreError when it has been away too long."""
        try:
            told = ask()
        except StoreError:
            if time.monotonic() - self._reached > lease.PATIENCE_SECONDS:
                raise
            return None
        self._reached = time.monotonic()
        return told
