"""A base for servers of tests: HTTP on the loopback address, in threads that end with the process."""

from __future__ import annotations

import socket
import socketserver
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, TypeVar

Self = TypeVar("Self", bound="LoopbackServer")


@dataclass(frozen=True)
class Asked:
    """A request. `target` is its path with the query; names of `headers` are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A response with JSON, or with what should be. `parts` is what is really written of the body, piece by
    piece, before the connection is closed; all of it where that is None."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Iterable[bytes] | None = None


class LoopbackServer:
    """A context manager that serves what `respond` returns, to many clients at a time. `closed` is set when
    it ends: whoever takes long to answer waits for that."""

    protocol = "HTTP/1.1"
    """Of which a connection is used again, or "HTTP/1.0", of which each request has its own."""

    def __init__(self) -> None:
        self.closed = Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def address(self) -> str:
        """`http://` with host and port; no path."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def respond(self, asked: Asked) -> Reply | None:
        """What is answered; None closes the connection instead. Called in a thread of the connection."""
        raise NotImplementedError

    def __enter__(self: Self) -> Self:
        Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed.set()
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        # HTTPServer's own looks up the machine's name, which may take long
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients that are gone are part of the game
            super().handle_error(request, client_address)


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = server.protocol

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.respond(Asked(method, self.path, headers, body))
            if reply is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if reply.parts is None:
                self.wfile.write(reply.body)
                return
            self.close_connection = True
            for part in reply.parts:
                self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
