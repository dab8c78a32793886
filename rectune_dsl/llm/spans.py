"""OpenTelemetry spans of calls, by the semantic conventions for generative AI; none where it is absent.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/. Prompts and answers are never in a span.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rectune_dsl.hooks.models import LLMAnswer, NoAnswerError

_CONVENTIONS = {"gemini": ("generate_content", "gcp.gen_ai"), "openai": ("chat", "openai")}
"""The names that the conventions have for operations and providers."""


@dataclass(frozen=True)
class Asked:
    """Whom a span is about, and for what."""

    provider: str
    model: str
    max_output_tokens: int
    step: str
    role: str


def traced(asked: Asked, call: Callable[[], LLMAnswer]) -> LLMAnswer:
    """The call's answer. Its span has an error type and the tokens where there is none."""
    try:
        from opentelemetry import trace
    except ImportError:
        return call()
    operation, provider = _CONVENTIONS.get(asked.provider, ("chat", asked.provider))
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.system": provider,  # what `gen_ai.provider.name` was called before version 1.37
        "gen_ai.request.model": asked.model,
        "gen_ai.request.max_tokens": asked.max_output_tokens,
        "rectune.step": asked.step,
        "rectune.role": asked.role,
    }
    tracer = trace.get_tracer("rectune")
    with tracer.start_as_current_span(
        f"{operation} {asked.model}",
        kind=trace.SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,  # the attributes say what happened; a traceback may say too much
        set_status_on_exception=False,
    ) as span:
        try:
            answer = call()
        except NoAnswerError as error:
            span.set_attribute("error.type", error.outcome)
            span.set_attributes(_response(error.model, error.input_tokens, error.output_tokens))
            span.set_status(trace.StatusCode.ERROR, str(error))
            raise
        span.set_attributes(_response(answer.model, answer.input_tokens, answer.output_tokens))
        return answer


def _response(model: str, input_tokens: int, output_tokens: int) -> dict[str, str | int]:
    used: dict[str, str | int] = {
        "gen_ai.usage.input_tokens": input_tokens,
        "gen_ai.usage.output_tokens": output_tokens,
    }
    return {**used, "gen_ai.response.model": model} if model else used
