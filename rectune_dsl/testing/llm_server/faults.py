"""How a model's server misbehaves: on the way, in the reply, or in what the model writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

Fault = Literal[
    "ok",
    "busy",  # 429, with `Retry-After`
    "quota",  # 429, and the wait in the body, as Gemini has it
    "broken",  # 500
    "slow",  # answers, but later than anyone waits
    "dripping",  # replies byte by byte, and takes as long
    "dropped",  # closes the connection instead of replying
    "cut off",  # closes the connection in the middle of its reply
    "malformed",  # a reply that is not JSON
    "unauthorized",  # 401
    "unknown model",  # 404
    "blocked",  # the prompt is refused
    "unsafe",  # the answer is refused
    "truncated",  # the answer ends at the limit of tokens
    "empty",  # a reply without an answer
    "no usage",  # a whole answer, and no word on tokens
    "no schema",  # 400: this server knows no JSON Schema (OpenAI's protocol)
    "garbage",  # what the model writes is not JSON
    "wrong",  # ... is JSON that does not fit the schema
    "nan",  # ... has NaN for numbers
    "echo",  # ... is the prompt
    "fenced",  # ... is a good answer inside a Markdown fence
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
Faults = Sequence[Fault] | Callable[[int], Fault]
"""One per request, "ok" after the last; or a function of the request's number, from 0."""
Answer = Callable[[Sequence[str], Mapping[str, Any]], str]
"""What the model writes, given the parts of the prompt and the JSON Schema."""


def fault_of(faults: Faults, number: int) -> Fault:
    """What goes wrong with a request. Raises ValueError for a fault that does not exist."""
    fault = faults(number) if callable(faults) else next(iter(faults[number : number + 1]), "ok")
    if fault not in FAULTS:
        raise ValueError(f"there is no fault {fault!r}; there are {', '.join(FAULTS)}")
    return fault


def spoilt(fault: Fault, answer: Answer, prompt: Sequence[str], schema: Mapping[str, Any]) -> str:
    """What the model writes under a fault."""
    if fault == "garbage":
        return "As a language model, I think that {"
    if fault == "wrong":
        return '{"surprise": []}'
    if fault == "echo":
        return "\n".join(prompt)
    text = answer(prompt, schema)
    if fault == "nan":
        return json.dumps(_without_numbers(json.loads(text)))
    if fault == "truncated":
        return text[: len(text) // 2]
    if fault == "fenced":
        return f"```json\n{text}\n```"
    return text


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_numbers(inner) for inner in value]
    return float("nan") if isinstance(value, int | float) and not isinstance(value, bool) else value
