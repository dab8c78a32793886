"""Testing for authors of tasks and plugins: a pytest plugin, Hypothesis strategies, whole projects, and the
suites that backends, actors, critics, providers of language models, executors and formula functions have to
pass.

The suites keep a promise: no patch release adds a test to one of them, or makes one harder to pass."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rectune_dsl.testing.agent_contract import ActorContract, CriticContract
    from rectune_dsl.testing.backend_contract import BackendContract
    from rectune_dsl.testing.executors import ExecutorContract
    from rectune_dsl.testing.function_contract import FunctionContract
    from rectune_dsl.testing.llm_contract import LLMContract

__all__ = [
    "ActorContract",
    "BackendContract",
    "CriticContract",
    "ExecutorContract",
    "FunctionContract",
    "LLMContract",
]

_SUITES = {
    "ActorContract": "agent_contract",
    "BackendContract": "backend_contract",
    "CriticContract": "agent_contract",
    "ExecutorContract": "executors",
    "FunctionContract": "function_contract",
    "LLMContract": "llm_contract",
}


def __getattr__(name: str) -> Any:
    """A suite is imported when it is asked for: every pytest loads this package for its plugin."""
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_SUITES[name]}"), name)
