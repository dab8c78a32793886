"""Hard limits on what a run may spend, checked before every call with the worst that it may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rectune_dsl.hooks.models import NoAnswerError, Spending
from rectune_dsl.llm.prices import Price
from rectune_dsl.llm.question import written

_BYTES = 4
"""Of a token, about: four letters of English text and JSON, one or two signs of other scripts."""


class BudgetSpentError(NoAnswerError):
    """A call was not made because a cap might not have held. Nothing was spent."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message, "refused", help=help)


@dataclass(frozen=True)
class Worst:
    """The most that a call may use: input tokens are estimated, output tokens are the most it may write."""

    input_tokens: int
    output_tokens: int

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def worst(prompt: Sequence[str], schema: Mapping[str, object], max_output_tokens: int) -> Worst:
    """What a question may use at most."""
    return Worst(tokens_in("".join(prompt) + written(dict(schema))), max_output_tokens)


def tokens_in(text: str) -> int:
    """About as many tokens as a model would count, in any script."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES)


@dataclass(frozen=True)
class Caps:
    """The most that a run may spend; None is no limit."""

    max_usd: float | None = None
    max_calls: int | None = None
    max_tokens: int | None = None

    def check(self, spent: Spending, call: Worst, price: Price | None, model: str) -> None:
        """Raise BudgetSpentError unless the call keeps within every cap, whatever is answered."""
        if self.max_calls is not None and spent.calls >= self.max_calls:
            raise BudgetSpentError(
                f"all {self.max_calls} calls are spent", help="raise `max_calls` if it is worth it"
            )
        if self.max_tokens is not None and spent.tokens + call.tokens > self.max_tokens:
            raise BudgetSpentError(
                f"{spent.tokens:,} of {self.max_tokens:,} tokens are spent, and the next call may use "
                f"{call.tokens:,}",
                help="raise `max_tokens` if it is worth it, or lower `max_output_tokens`",
            )
        if self.max_usd is not None:
            _check_money(self.max_usd, spent, call, price, model)


def _check_money(most: float, spent: Spending, call: Worst, price: Price | None, model: str) -> None:
    if price is None:
        raise BudgetSpentError(
            f"no price is known for model {model!r}, so max_usd = {most:g} cannot be kept",
            help="give its price in a price list of your own, or leave `max_usd` out and set `max_tokens`",
        )
    if spent.usd + (next_usd := price.usd(call.input_tokens, call.output_tokens)) > most:
        raise BudgetSpentError(
            f"{spent.usd:.4f} of {most:g} USD are spent, and the next call may cost {next_usd:.4f}",
            help="raise `max_usd` if it is worth it, or lower `max_output_tokens`",
        )
