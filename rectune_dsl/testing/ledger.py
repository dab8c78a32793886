"""A ledger in memory, for tests of what asks language models."""

from __future__ import annotations

from rectune_dsl.hooks.api import LLMAnswer, ModelCall, Spending


class MemoryLedger:
    """A `Ledger`; `calls` is all that was recorded, in order."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []

    def recall(self, key: str) -> LLMAnswer | None:
        for call in self.calls:
            if call.key == key and call.outcome == "answered":
                return LLMAnswer(call.text, call.model, call.input_tokens, call.output_tokens)
        return None

    def record(self, call: ModelCall) -> None:
        self.calls.append(call)

    def spent(self) -> Spending:
        return Spending(
            calls=len(self.calls),
            tokens=sum(call.input_tokens + call.output_tokens for call in self.calls),
            usd=sum(call.usd for call in self.calls if call.usd is not None),
            unpriced=sum(call.usd is None for call in self.calls),
        )
