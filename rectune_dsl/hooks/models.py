"""Language models: what agents ask, what providers answer, and the ledger that counts the cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from rectune_dsl.hooks.errors import RectuneError

Outcome = Literal[
    "answered", "recalled", "truncated", "blocked", "unavailable", "refused", "unusable", "capped"
]
"""How a call to a provider ended. `recalled` answers were paid for before; `refused` is a call that would
fail again, such as one without a valid key. The last two are no calls: an `unusable` answer was had before,
and a `capped` question was not asked, since a cap might not have held or nobody had answered lately."""


@dataclass(frozen=True)
class ModelSettings:
    """What a provider is made from: the `[llm]` table. Empty strings are the provider's own defaults.

    `timeout` is in seconds, for one attempt. `options` are further settings that a provider documents.
    """

    model: str = ""
    thinking: str = ""
    timeout: float = 120.0
    max_output_tokens: int = 8192
    endpoint: str = ""
    api_version: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LLMAnswer:
    """A model's answer. `model` is the version that answered; tokens are counted by the provider, those
    spent on thinking among `output_tokens`."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int


class LLM(Protocol):
    """One attempt at one answer: whoever calls it waits, tries again and counts the cost."""

    def complete(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """Answer with JSON that fits `schema` (JSON Schema). The first part of the prompt is the standing
        instruction, the others are the question.

        Raises NoAnswerError where there is no whole answer.
        """
        ...


@runtime_checkable
class JudgedLLM(LLM, Protocol):
    """A model that is told which of its answers could not be used, so that the ledger can tell it. The one in
    an agent's context is."""

    def reject(self, answer: LLMAnswer, problems: Sequence[str]) -> None:
        """The answer could not be used, for these reasons."""
        ...


@runtime_checkable
class CheckedLLM(Protocol):
    """A model that can tell beforehand, without asking anybody, whether it could be asked."""

    def check(self) -> Sequence[str]:
        """What is missing (keys, settings), each a sentence; nothing where all is there."""
        ...


class NoAnswerError(RectuneError):
    """There is no answer, or not a whole one. `unavailable` may be tried again, after `retry_after` seconds
    where the provider says so. What an answer that cannot be used cost is in the tokens."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        outcome: Outcome,
        *,
        help: str = "",
        retry_after: float | None = None,
        model: str = "",
        input_tokens: int = 0,
        output_tokens: int = 0,
    ) -> None:
        super().__init__(message, help=help)
        self.outcome = outcome
        self.retry_after = retry_after
        self.model = model
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


@dataclass(frozen=True)
class ModelCall:
    """One line of the ledger. `key` is the hash of all that was asked, of whom, with which settings; `step`
    and `role` say for what; `usd` is None where no price is known; `text` is the answer as it came."""

    key: str
    step: str
    role: str
    provider: str
    model: str
    outcome: Outcome
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float
    text: str = ""


@dataclass(frozen=True)
class Spending:
    """What a run has spent so far, on calls that were made. `usd` leaves out calls without a known price,
    which `unpriced` counts."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0


class Ledger(Protocol):
    """Where calls are written as soon as they are paid for."""

    def recall(self, key: str) -> LLMAnswer | None:
        """A whole answer to the same question that was paid for before."""
        ...

    def record(self, call: ModelCall) -> None:
        """Write a line."""
        ...

    def spent(self) -> Spending:
        """What the run has spent so far."""
        ...
