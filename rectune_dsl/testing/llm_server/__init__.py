"""A language model on this machine, which misbehaves on demand: for tests of providers and of what asks them.

    with LLMServer(faults=["busy", "ok"]) as server:
        settings = ModelSettings(model="small", endpoint=server.url)
        ...
        assert len(server.requests) == 2

It speaks Gemini's `generateContent`, by the paths of the Developer API and of Vertex AI, and OpenAI's
`chat/completions`. It needs no network.
"""

from rectune_dsl.testing.llm_server.faults import FAULTS, Fault
from rectune_dsl.testing.llm_server.sample import sample, sample_answer
from rectune_dsl.testing.llm_server.server import LLMServer
from rectune_dsl.testing.llm_server.wire import Request

__all__ = ["FAULTS", "Fault", "LLMServer", "Request", "sample", "sample_answer"]
