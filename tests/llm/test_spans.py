"""Spans of calls, as OpenTelemetry's own SDK exports them."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rectune_dsl.hooks.api import NoAnswerError
from rectune_dsl.testing.llm_contract import PROMPT, SCHEMA
from rectune_dsl.testing.llm_server import LLMServer


@pytest.fixture
def spans(monkeypatch):
    """What was exported."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter.get_finished_spans


def test_a_call_has_a_span_by_the_conventions(session, spans):
    with LLMServer() as server:
        answer = session(server).complete(PROMPT, SCHEMA)
    (span,) = spans()
    assert (span.name, span.kind) == ("generate_content gemini-3.8-flash", trace.SpanKind.CLIENT)
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gen_ai",
        "gen_ai.system": "gcp.gen_ai",
        "gen_ai.request.model": "gemini-3.8-flash",
        "gen_ai.request.max_tokens": 8192,
        "gen_ai.response.model": "gemini-3.8-flash-001",
        "gen_ai.usage.input_tokens": answer.input_tokens,
        "gen_ai.usage.output_tokens": answer.output_tokens,
        "rectune.step": "round-1/propose",
        "rectune.role": "actor",
    }


def test_each_attempt_has_a_span_and_a_failed_one_its_type(session, spans):
    with LLMServer(faults=["busy", "truncated"]) as server, pytest.raises(NoAnswerError):
        session(server).complete(PROMPT, SCHEMA)
    busy, truncated = spans()
    assert [span.attributes["error.type"] for span in (busy, truncated)] == ["unavailable", "truncated"]
    assert busy.status.status_code is trace.StatusCode.ERROR
    assert truncated.attributes["gen_ai.usage.output_tokens"] > 0


def test_a_recalled_answer_has_none(session, spans):
    with LLMServer() as server:
        for _ in range(2):
            session(server).complete(PROMPT, SCHEMA)
    assert len(spans()) == 1


def test_no_key_prompt_or_answer_is_in_a_span(session, spans, key):
    for fault in ("ok", "unauthorized", "echo"):
        with LLMServer(faults=[fault]) as server:
            try:
                session(server).complete((key, fault, "a secret plan"), SCHEMA)
            except NoAnswerError:
                continue
    assert len(spans()) == 3
    told = "".join(span.to_json() for span in spans())
    assert key not in told
    assert "secret plan" not in told
