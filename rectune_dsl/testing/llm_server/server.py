"""A server that answers as Gemini's and OpenAI's APIs do, with whatever may go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from rectune_dsl.testing.http_server import Asked, LoopbackServer, Reply
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


class LLMServer(LoopbackServer):
    """A context manager; `url` is where it listens, `requests` what it was asked so far.

    `answer` gets the parts of the prompt and the JSON Schema, and returns what the model writes; by default
    that is a sample of the schema. `faults` says what goes wrong with which request. `retry_after` is the
    wait that "busy" and "quota" ask for, and `slowness` the seconds that "slow" and "dripping" take, unless
    the server is closed earlier.
    """

    protocol = "HTTP/1.0"

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
        super().__init__()
        self.requests: list[Request] = []
        self._answer = answer
        self._faults = faults
        self._retry_after = retry_after
        self._slowness = slowness
        self._version = version
        self._lock = Lock()

    @property
    def url(self) -> str:
        """Gemini's base URL; OpenAI's is `url + "/v1"`."""
        return self.address

    def respond(self, asked: Asked) -> Reply | None:
        body = json.loads(asked.body) if "json" in asked.headers.get("content-type", "") else {}
        request = Request(asked.target.partition("?")[0], asked.headers, body)
        if request.path == TOKEN_PATH:
            return Reply(200, json.dumps(_TOKEN).encode())
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        fault = fault_of(self._faults, number)
        if fault == "slow":
            self.closed.wait(self._slowness)
        status, fields = self._reply(request, fault)
        sent = b"<html>" if fault == "malformed" else json.dumps(fields).encode()
        headers = {"Retry-After": self._retry_after} if fault == "busy" else {}
        if fault == "dropped":
            return None
        if fault == "cut off":
            return Reply(status, sent, headers, parts=[sent[: len(sent) // 2]])
        return Reply(status, sent, headers, parts=self._dripping(sent) if fault == "dripping" else None)

    def _dripping(self, body: bytes) -> Iterator[bytes]:
        """A body byte by byte, over all the time that slowness is."""
        for at in range(len(body)):
            if self.closed.wait(self._slowness / len(body)):
                return
            yield body[at : at + 1]

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
