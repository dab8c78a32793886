"""An A/B platform over HTTP that keeps a ledger of everything that was done on it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

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


class Platform:
    """The server, as a context; `url` is where it listens, `ledger` what was done since `reset`."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._lock = threading.Lock()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(platform.do(self.path.strip("/"), told)).encode()
                time.sleep(LAG)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:  # the client was killed
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def do(self, what: str, told: dict[str, object]) -> object:
        with self._lock:
            return getattr(self.ledger, what)(**told)

    def reset(self) -> None:
        with self._lock:
            self.ledger = Ledger()

    def __enter__(self) -> Platform:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
