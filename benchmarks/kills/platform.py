"""An A/B platform over HTTP that keeps a ledger of everything that was done on it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field

from rectune_dsl.testing.http_server import Asked, LoopbackServer, Reply

LAG = 0.02
"""Seconds between what is done and its answer, as of a network: a client killed meanwhile never knows."""


@dataclass
class Launched:
    """One experiment, and how often it was asked for, started and stopped."""

    key: str
    step: str
    created: int = 1
    started: int = 0
    stopped: int = 0


@dataclass
class Ledger:
    experiments: dict[str, Launched] = field(default_factory=dict)
    delivered: list[dict[str, float]] = field(default_factory=list)
    before: list[dict[str, float]] = field(default_factory=list)
    """What had been delivered before the last delivery."""

    def create(self, key: str, step: str) -> str:
        """One experiment per key, however often it is asked for."""
        for name, known in self.experiments.items():
            if known.key == key:
                known.created += 1
                return name
        name = f"experiment-{len(self.experiments) + 1}"
        self.experiments[name] = Launched(key, step)
        return name

    def start(self, experiment: str) -> None:
        self.experiments[experiment].started += 1

    def stop(self, experiment: str) -> None:
        self.experiments[experiment].stopped += 1

    def expose(self, experiment: str) -> None:
        assert self.experiments[experiment].started

    def deliver(self, config: dict[str, float]) -> None:
        if self.delivered[-1:] != [config]:
            self.before = self.delivered
            self.delivered = [*self.delivered, config]

    def rollback(self) -> None:
        """Undo the last delivery, and no more than that however often it is asked for."""
        self.delivered = self.before


class Platform(LoopbackServer):
    """The server, as a context; `address` is where it listens, `ledger` what was done since `reset`."""

    protocol = "HTTP/1.0"

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self._lock = threading.Lock()

    def respond(self, asked: Asked) -> Reply:
        answer = json.dumps(self.do(asked.target.strip("/"), json.loads(asked.body))).encode()
        time.sleep(LAG)
        return Reply(200, answer)

    def do(self, what: str, told: dict[str, object]) -> object:
        with self._lock:
            return getattr(self.ledger, what)(**told)

    def reset(self) -> None:
        with self._lock:
            self.ledger = Ledger()
