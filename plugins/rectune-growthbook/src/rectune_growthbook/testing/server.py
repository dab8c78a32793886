"""The HTTP server, with whatever may go wrong on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rectune_dsl.testing.http_server import Asked, LoopbackServer, Reply
from rectune_growthbook.testing.platform import Platform, Refusal

ROOT = "/api/v1"
_CLOCK = "/clock"


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


class GrowthBookServer(LoopbackServer):
    """A context manager; `url` is where the API is, `requests` what it was asked so far. `key` is the only
    one that it knows, and `reads_only` says that it may change nothing. The clock of the platform can be read
    and set at `clock_url`, for processes that live in its time."""

    def __init__(self, platform: Platform, key: str) -> None:
        super().__init__()
        self.platform = platform
        self.key = key
        self.reads_only = False
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self._lock = Lock()

    @property
    def url(self) -> str:
        return self.address + ROOT

    @property
    def clock_url(self) -> str:
        return self.address + _CLOCK

    def asked(self, method: str, pattern: str) -> list[Request]:
        """Requests of a method whose path has a pattern."""
        return [r for r in self.requests if r.method == method and re.search(pattern, r.path)]

    def respond(self, asked: Asked) -> Reply | None:
        parts, body = urlsplit(asked.target), json.loads(asked.body) if asked.body else None
        with self._lock:
            if parts.path == _CLOCK:
                return self._clock(body)
            self.requests.append(Request(asked.method, parts.path, body))
            fault = next((f for f in self.faults if f.takes(asked.method, parts.path)), None)
            if fault is not None:
                fault.times -= 1
            if fault is None or callable(fault.what) or fault.what == "lost":
                query = dict(parse_qsl(parts.query))
                status, fields = self._answer(asked.method, parts.path, query, asked.headers, body)
        if fault is not None:
            if not callable(fault.what):
                return self._spoilt(fault, fault.what)
            fault.what(fields)
        return Reply(status, json.dumps(fields).encode())

    def _spoilt(self, fault: Fault, what: int | str) -> Reply | None:
        if isinstance(what, int):
            said = fault.message or f"A fault with status {what}; key {self.key}."
            return Reply(what, json.dumps({"message": said}).encode(), fault.headers)
        if what == "slow":
            self.closed.wait(30)
        return Reply(200, b"<html>") if what == "garbage" else None

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
        return Reply(200, json.dumps({"now": self.platform.now.isoformat()}).encode())
