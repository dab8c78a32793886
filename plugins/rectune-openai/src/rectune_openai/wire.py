"""OpenAI's `chat/completions`, as far as it is used here: what is sent, and what a reply means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from rectune_dsl.hooks.api import LLMAnswer, ModelSettings, NoAnswerError, Outcome, UsageError

NUMBERS: Mapping[str, type] = {"temperature": float, "top_p": float, "seed": int}
LIMITS = ("max_tokens", "max_completion_tokens")
"""The names that servers have for the most tokens of an answer; the first is what most know."""
_STOPS: Mapping[str | None, Outcome] = {"length": "truncated", None: "truncated", "content_filter": "blocked"}
"""What reasons to stop mean, other than `stop`. Without one, nobody says that the answer is whole."""


class Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class Choice(BaseModel):
    message: Message
    finish_reason: str | None = None


class Reply(BaseModel):
    model: str = ""
    choices: list[Choice] = Field(min_length=1)
    usage: Usage | None = None


def check(settings: ModelSettings) -> None:
    """Raise UsageError for settings that are not known, or lack a model."""
    if not settings.model:
        raise UsageError("the provider openai needs the name of a model", help='write model = "NAME"')
    known = (*NUMBERS, "limit")
    if unknown := sorted(set(settings.options) - set(known)):
        raise UsageError(f"openai has no option {unknown[0]!r}", help=f"options: {', '.join(known)}")
    if (limit := settings.options.get("limit", LIMITS[0])) not in LIMITS:
        raise UsageError(f"limit = {limit!r} is no name of a limit", help=f"write one of {', '.join(LIMITS)}")
    for name, number in NUMBERS.items():
        try:
            number(settings.options.get(name, "0"))
        except ValueError:
            wrong = f"{name} = {settings.options[name]!r} is no number"
            raise UsageError(wrong, help=f'write {name} = "1"') from None


def body(
    settings: ModelSettings, prompt: Sequence[str], schema: Mapping[str, object], *, knows_schemas: bool
) -> dict[str, Any]:
    """What is posted. Where a server knows no schemas, the schema is the last part of the prompt."""
    if knows_schemas:
        wanted: dict[str, Any] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(schema)},
        }
        question = list(prompt[1:])
    else:
        wanted = {"type": "json_object"}
        question = [*prompt[1:], f"Answer with JSON that fits this JSON Schema:\n{json.dumps(dict(schema))}"]
    options = settings.options
    sent = {name: number(options[name]) for name, number in NUMBERS.items() if name in options}
    if settings.thinking:
        sent["reasoning_effort"] = settings.thinking
    return {
        "model": settings.model,
        "messages": _messages(prompt[0], question),
        "response_format": wanted,
        options.get("limit", LIMITS[0]): settings.max_output_tokens,
        **sent,
    }


def answer(content: bytes, asked: str) -> LLMAnswer:
    """The whole answer of a reply with status 200. Raises NoAnswerError where there is none."""
    try:
        reply = Reply.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NoAnswerError(
            f"the reply is no chat completion: {where}: {first['msg']}", "unavailable"
        ) from error
    choice, usage = reply.choices[0], reply.usage or Usage()
    found = LLMAnswer(
        choice.message.content or "", reply.model or asked, usage.prompt_tokens, usage.completion_tokens
    )
    if choice.message.refusal:
        raise _incomplete(found, "blocked", f"the model refuses: {choice.message.refusal}")
    if choice.finish_reason != "stop":
        outcome = _STOPS.get(choice.finish_reason, "unavailable")
        raise _incomplete(
            found, outcome, f"the model stopped: {choice.finish_reason or 'it is not said why'}"
        )
    if not found.text:
        raise _incomplete(found, "unavailable", "the reply is empty")
    return found


def _messages(instruction: str, question: Sequence[str]) -> list[dict[str, Any]]:
    """One message of the user: templates of many models want users and assistants to take turns."""
    parts = [{"type": "text", "text": part} for part in question]
    content: Any = question[0] if len(question) == 1 else parts
    asked = [{"role": "user", "content": content}] if question else []
    return [{"role": "system" if asked else "user", "content": instruction}, *asked]


def _incomplete(found: LLMAnswer, outcome: Outcome, message: str) -> NoAnswerError:
    return NoAnswerError(
        message,
        outcome,
        help="raise `max_output_tokens`" if outcome == "truncated" else "",
        model=found.model,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
    )
