"""The two protocols: what a request asks, and what a reply to it looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rectune_dsl.testing.llm_server.faults import Fault

_GEMINI = re.compile(
    r"/(?P<version>v\w+)/(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/google/)?"
    r"models/(?P<model>[^/]+):generateContent"
)
_OPENAI = re.compile(r"(?:/\w+)*/chat/completions")
_THOUGHTS = 5
"""Tokens that a model which is told to think says it has thought."""


@dataclass(frozen=True)
class Request:
    """What was asked. `headers` have names in lower case; `body` is the JSON as it came."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def is_gemini(self) -> bool:
        return _GEMINI.fullmatch(self.path) is not None

    @property
    def is_openai(self) -> bool:
        return _OPENAI.fullmatch(self.path) is not None

    @property
    def key(self) -> str:
        """The key that came with it."""
        return self.headers.get("x-goog-api-key") or self.headers.get("authorization", "").removeprefix(
            "Bearer "
        )

    @property
    def model(self) -> str:
        found = _GEMINI.fullmatch(self.path)
        return found["model"] if found else str(self.body.get("model", ""))

    @property
    def prompt(self) -> tuple[str, ...]:
        """The parts of the prompt, the standing instruction first."""
        if not self.is_gemini:
            return tuple(text for message in self.body.get("messages", []) for text in _texts(message))
        contents = [self.body.get("systemInstruction") or {}, *self.body.get("contents", [])]
        return tuple(part["text"] for content in contents for part in content.get("parts", []))

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the answer; under OpenAI's `json_object`, the last one in the prompt."""
        if self.is_gemini:
            return dict(self.body.get("generationConfig", {}).get("responseJsonSchema", {}))
        wanted = self.body.get("response_format", {})
        if "json_schema" in wanted:
            return dict(wanted["json_schema"]["schema"])
        return _schema_in(self.prompt)

    @property
    def thinks(self) -> bool:
        return bool(self.body.get("generationConfig", {}).get("thinkingConfig"))


def reply(request: Request, fault: Fault, text: str, version: str) -> dict[str, Any]:
    """The body of a reply with status 200."""
    made = (
        _gemini(request, fault, text, version)
        if request.is_gemini
        else _openai(request, fault, text, version)
    )
    if fault == "no usage":
        made.pop("usageMetadata", None)
        made.pop("usage", None)
    return made


def error(request: Request, status: int, message: str, delay: str | None = None) -> dict[str, Any]:
    """The body of a reply with another status. `delay` is in seconds."""
    kind = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
    if request.is_gemini:
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{delay}s"}
        told = {"code": status, "message": message, "status": kind.get(status, "INTERNAL")}
        return {"error": {**told, "details": [info]} if delay is not None else told}
    return {"error": {"message": message, "type": kind.get(status, "INTERNAL").lower(), "code": status}}


def tokens(texts: Sequence[str]) -> int:
    """About as many as a model would count."""
    return -(-sum(map(len, texts)) // 4)


def _gemini(request: Request, fault: Fault, text: str, version: str) -> dict[str, Any]:
    asked, thoughts = tokens(request.prompt), _THOUGHTS if request.thinks else 0
    usage = {"promptTokenCount": asked, "totalTokenCount": asked}
    if fault == "blocked":
        return {
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": usage,
            "modelVersion": version,
        }
    if fault == "empty":
        return {"usageMetadata": usage, "modelVersion": version}
    stops = {"truncated": "MAX_TOKENS", "unsafe": "SAFETY"}
    parts = [{"text": "Let me think.", "thought": True}] if thoughts else []
    candidate: dict[str, Any] = {"index": 0, "finishReason": stops.get(fault, "STOP")}
    if fault != "unsafe":
        candidate["content"] = {"role": "model", "parts": [*parts, {"text": text}]}
    usage |= {"candidatesTokenCount": tokens([text]), "thoughtsTokenCount": thoughts}
    usage["totalTokenCount"] = asked + tokens([text]) + thoughts
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": version}


def _openai(request: Request, fault: Fault, text: str, version: str) -> dict[str, Any]:
    asked, written = tokens(request.prompt), 0 if fault in ("blocked", "empty") else tokens([text])
    stops = {"truncated": "length", "unsafe": "content_filter", "blocked": "content_filter"}
    message = {"role": "assistant", "content": None if fault in ("blocked", "unsafe", "empty") else text}
    choice = {"index": 0, "message": message, "finish_reason": stops.get(fault, "stop")}
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "model": version,
        "choices": [] if fault == "empty" else [choice],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": written,
            "total_tokens": asked + written,
        },
    }


def _texts(message: Mapping[str, Any]) -> list[str]:
    """The parts of an OpenAI message, whose content may be one text or a list of parts."""
    content = message["content"]
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def _schema_in(prompt: Sequence[str]) -> Mapping[str, Any]:
    """The last line of a prompt that is a JSON Schema, as a model would read it."""
    for line in reversed("\n".join(prompt).splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and {"type", "properties", "$defs", "anyOf"} & set(found):
            return found
    return {}
