"""Testing for authors of tasks and plugins: a pytest plugin, Hypothesis strategies, whole projects, and the
suites that backends, executors and providers of language models have to pass."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rectune_dsl.testing.backend_contract import BackendContract
    from rectune_dsl.testing.executors import ExecutorContract
    from rectune_dsl.testing.llm_contract import LLMContract

__all__ = ["BackendContract", "ExecutorContract", "LLMContract"]

_SUITES = {
    "BackendContract": "backend_contract",
    "ExecutorContract": "executors",
    "LLMContract": "llm_contract",
}


def __getattr__(name: str) -> Any:
    """A suite is imported when it is asked for: every pytest loads this package for its plugin."""
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_SUITES[name]}"), name)
