"""The HTTP server: on the loopback address, with whatever may go wrong on the way."""

from __future__ import annotations

import json
import re
import socket
import socketserver
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rectune_growthbook.testing.platform import Platform, Refusal

ROOT = "/api/v1"
_CLOCK = "/clock"

Reply = tuple[int, bytes]


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of a method whose path has a pattern.

    `what`: a status, with a `message`; "dropped": the connection ends before anything is done; "lost": it is
    done, and the connection ends before the answer; "slow": no answer comes until the server closes;
    "garbage": no JSON; or a function that changes the answer.
    """

    what: int | str | Callable[[dict[str, Any]], object]
    method: str = ""
    path: str = ""
    times: int = 1
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def takes(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in ("", method) and bool(re.search(self.path, path))


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any


class GrowthBookServer:
    """A context manager; `url` is where the API is, `requests` what it was asked so far. `key` is the only
    one that it knows, and `reads_only` says that it may change nothing. The clock of the platform can be read
    and set at `clock_url`, for processes that live in its time."""

    def __init__(self, platform: Platform, key: str) -> None:
        self.platform = platform
        self.key = key
        self.reads_only = False
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self._lock = Lock()
        self._closed = Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{ROOT}"

    @property
    def clock_url(self) -> str:
        return self.url.removesuffix(ROOT) + _CLOCK

    def __enter__(self) -> GrowthBookServer:
        Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._http.shutdown()
        self._http.server_close()

    def asked(self, method: str, pattern: str) -> list[Request]:
        """Requests of a method whose path has a pattern."""
        return [r for r in self.requests if r.method == method and re.search(pattern, r.path)]

    def respond(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply | None:
        """The status and the body of an answer; None where there is none."""
        parts = urlsplit(url)
        with self._lock:
            if parts.path == _CLOCK:
                return self._clock(body)
            self.requests.append(Request(method, parts.path, body))
            fault = next((f for f in self.faults if f.takes(method, parts.path)), None)
            if fault is not None:
                fault.times -= 1
            if fault is None or callable(fault.what) or fault.what == "lost":
                status, fields = self._answer(method, parts.path, dict(parse_qsl(parts.query)), headers, body)
        if fault is None:
            return status, json.dumps(fields).encode()
        if callable(fault.what):
            fault.what(fields)
            return status, json.dumps(fields).encode()
        return self._spoilt(fault, fault.what)

    def headers(self, status: int) -> Mapping[str, str]:
        """Of an answer with a fault's status."""
        return next((fault.headers for fault in self.faults if fault.what == status), {})

    def _spoilt(self, fault: Fault, what: int | str) -> Reply | None:
        if isinstance(what, int):
            said = fault.message or f"A fault with status {what}; key {self.key}."
            return what, json.dumps({"message": said}).encode()
        if what == "slow":
            self._closed.wait(30)
        return (200, b"<html>") if what == "garbage" else None

    def _answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any
    ) -> tuple[int, dict[str, Any]]:
        if headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"message": "No API key provided or it is invalid"}
        if self.reads_only and method != "GET":
            return 403, {"message": "API key user does not have this level of access"}
        names = [unquote(part) for part in path.removeprefix(ROOT + "/").split("/")]
        try:
            # as it is sent: nobody changes it afterwards
            return 200, json.loads(json.dumps(self.platform.answer(method, names, query, body or {})))
        except Refusal as refusal:
            return refusal.status, {"message": str(refusal)}

    def _clock(self, body: Any) -> Reply:
        if body:
            self.platform.pass_until(datetime.fromisoformat(body["until"]))
        return 200, json.dumps({"now": self.platform.now.isoformat()}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        # HTTPServer's own looks up the machine's name, which may take long
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients that are gone are part of the game
            super().handle_error(request, client_address)


def _handler(server: GrowthBookServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            self._reply("POST")

        def _reply(self, method: str) -> None:
            read = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = server.respond(method, self.path, headers, json.loads(read) if read else None)
            if found is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, sent = found
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            for name, value in server.headers(status).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
