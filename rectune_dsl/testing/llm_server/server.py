"""The HTTP server: on the loopback address, in threads that end with the process."""

from __future__ import annotations

import json
import socket
import socketserver
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from rectune_dsl.testing.llm_server.faults import Answer, Fault, Faults, fault_of, spoilt
from rectune_dsl.testing.llm_server.sample import sample_answer
from rectune_dsl.testing.llm_server.wire import Request, error, reply

_STATUSES: Mapping[str, tuple[int, str]] = {
    "busy": (429, "Too many requests."),
    "quota": (429, "The quota of this minute is used up."),
    "broken": (500, "Something broke."),
    "unauthorized": (401, "The key {key} is not valid."),  # some servers do repeat it
    "unknown model": (404, "There is no such model."),
}
TOKEN_PATH = "/token"
"""Where Google's service accounts get the tokens that Vertex AI wants, if their files say so. Such requests
are not counted."""
_TOKEN = {"access_token": "ya29.of-this-server", "expires_in": 3600, "token_type": "Bearer"}


class LLMServer:
    """A context manager; `url` is where it listens, `requests` what it was asked so far.

    `answer` gets the parts of the prompt and the JSON Schema, and returns what the model writes; by default
    that is a sample of the schema. `faults` says what goes wrong with which request. `retry_after` is the
    wait that "busy" and "quota" ask for, and `slowness` the seconds that "slow" and "dripping" take, unless
    the server is closed earlier.
    """

    def __init__(
        self,
        answer: Answer = sample_answer,
        faults: Faults = (),
        *,
        retry_after: str = "0",
        slowness: float = 30.0,
        version: str = "-001",
    ) -> None:
        """`version` is added to the name of the model that is asked, to name the one that answers. Raises
        ValueError for a fault that does not exist."""
        for number in range(0 if callable(faults) else len(faults)):
            fault_of(faults, number)
        self.requests: list[Request] = []
        self._answer = answer
        self._faults = faults
        self._retry_after = retry_after
        self._slowness = slowness
        self._version = version
        self._lock = Lock()
        self._closed = Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        """Gemini's base URL; OpenAI's is `url + "/v1"`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> LLMServer:
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

    def respond(self, request: Request) -> tuple[Fault, int, bytes]:
        """What happens to a request: the fault, the status and the body."""
        if request.path == TOKEN_PATH:
            return "ok", 200, json.dumps(_TOKEN).encode()
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        fault = fault_of(self._faults, number)
        if fault == "slow":
            self._closed.wait(self._slowness)
        status, body = self._reply(request, fault)
        return fault, status, b"<html>" if fault == "malformed" else json.dumps(body).encode()

    def drip(self, body: bytes, write: Callable[[bytes], object]) -> None:
        """Write a body slowly, all the time that slowness is."""
        for at in range(len(body)):
            if self._closed.wait(self._slowness / len(body)):
                return
            write(body[at : at + 1])

    def headers(self, fault: Fault) -> Mapping[str, str]:
        return {"Retry-After": self._retry_after} if fault == "busy" else {}

    def _reply(self, request: Request, fault: Fault) -> tuple[int, dict[str, Any]]:
        if not (request.is_gemini or request.is_openai):
            return 404, error(request, 404, f"There is nothing at {request.path}.")
        if request.is_gemini and not {"x-goog-api-key", "authorization"} & set(request.headers):
            return 401, error(request, 401, "There is no key.")
        if fault in _STATUSES:
            status, message = _STATUSES[fault]
            delay = self._retry_after if fault == "quota" else None
            return status, error(request, status, message.format(key=request.key), delay)
        if fault == "no schema" and request.body.get("response_format", {}).get("type") == "json_schema":
            return 400, error(request, 400, "response_format json_schema is not supported.")
        text = spoilt(fault, self._answer, request.prompt, request.schema)
        return 200, reply(request, fault, text, f"{request.model}{self._version}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        # HTTPServer's own looks up the machine's name, which may take long
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients that are gone are part of the game
            super().handle_error(request, client_address)


def _handler(server: LLMServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            read = self.rfile.read(length)
            body = json.loads(read) if "json" in self.headers.get("Content-Type", "") else {}
            headers = {name.lower(): value for name, value in self.headers.items()}
            fault, status, sent = server.respond(Request(self.path.partition("?")[0], headers, body))
            if fault == "dropped":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            for name, value in server.headers(fault).items():
                self.send_header(name, value)
            self.end_headers()
            if fault == "dripping":
                server.drip(sent, self.wfile.write)
            else:
                self.wfile.write(sent[: len(sent) // 2] if fault == "cut off" else sent)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
