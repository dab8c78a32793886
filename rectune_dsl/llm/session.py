"""A model as agents see it: no answer is paid twice, no cap is passed, and what may pass is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count

from rectune_dsl.hooks.models import (
    LLM,
    Ledger,
    LLMAnswer,
    ModelCall,
    ModelSettings,
    NoAnswerError,
    Outcome,
)
from rectune_dsl.llm.caps import Caps, tokens_in, worst
from rectune_dsl.llm.deadline import within
from rectune_dsl.llm.prices import Prices, load_prices
from rectune_dsl.llm.question import model_of, question_key
from rectune_dsl.llm.retries import Retries
from rectune_dsl.llm.secrets import redacted
from rectune_dsl.llm.spans import Asked, traced


@dataclass(frozen=True)
class Clock:
    """The time: seconds of a clock that never goes back, waiting, and the day that prices are of."""

    seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    today: Callable[[], date] = lambda: datetime.now(UTC).date()


@dataclass(frozen=True)
class Session:
    """An LLM around a provider. `name` is what the provider is registered as; `step` and `role` say for what
    is asked. Each attempt is written to the ledger; a recalled answer, which costs nothing, is not."""

    provider: LLM
    name: str
    settings: ModelSettings
    ledger: Ledger
    caps: Caps = field(default_factory=Caps)
    prices: Prices = field(default_factory=load_prices)
    retries: Retries = field(default_factory=Retries)
    clock: Clock = field(default_factory=Clock)
    step: str = ""
    role: str = ""

    def at(self, step: str, role: str) -> Session:
        """The same session, asked in another step."""
        return replace(self, step=step, role=role)

    @property
    def model(self) -> str:
        """The model that is asked."""
        return model_of(self.provider, self.settings)

    def complete(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """The answer, recalled or new.

        Raises BudgetSpentError before a call that may pass a cap, and NoAnswerError where there is no whole
        answer after all attempts. Neither holds a key.
        """
        key = question_key(self.name, self.model, self.settings, prompt, schema)
        if (known := self.ledger.recall(key)) is not None:
            return known
        began = self.clock.seconds()
        for attempt in count(1):
            try:
                self._check_caps(prompt, schema)
                return self._attempt(key, prompt, schema)
            except NoAnswerError as error:
                wait = self.retries.wait(error, attempt, self.clock.seconds() - began, key)
                if wait is None:
                    raise self._located(error, attempt) from None
            self.clock.sleep(wait)
        raise AssertionError("the attempts are counted without end")

    def _check_caps(self, prompt: Sequence[str], schema: Mapping[str, object]) -> None:
        call = worst(prompt, schema, self.settings.max_output_tokens)
        price = self.prices.of(self.model, self.clock.today())
        self.caps.check(self.ledger.spent(), call, price, self.model)

    def _attempt(self, key: str, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """One call, written down however it ends."""
        asked = Asked(self.name, self.model, self.settings.max_output_tokens, self.step, self.role)
        began = self.clock.seconds()
        try:
            answer = traced(asked, lambda: self._asked(prompt, schema))
        except NoAnswerError as error:
            nothing = LLMAnswer("", error.model, error.input_tokens, error.output_tokens)
            self._record(key, nothing, error.outcome, began)
            raise
        self._record(key, answer, "answered", began)
        return answer

    def _asked(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """What the provider says, without keys: so it is the same when it is recalled."""
        try:
            answer = within(self.settings.timeout, lambda: self.provider.complete(prompt, schema))
        except NoAnswerError as error:
            _redact(error)
            raise
        if not isinstance(answer, LLMAnswer):
            raise NoAnswerError(
                f"provider {self.name!r} returned {type(answer).__name__}, not an LLMAnswer", "refused"
            )
        return replace(self._counted(answer, prompt, schema), text=redacted(answer.text))

    def _counted(self, answer: LLMAnswer, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """The answer with its tokens, estimated where the provider does not count: caps hold all the same."""
        if answer.input_tokens or answer.output_tokens:
            return answer
        used = worst(prompt, schema, tokens_in(answer.text))
        return replace(answer, input_tokens=used.input_tokens, output_tokens=used.output_tokens)

    def _record(self, key: str, answer: LLMAnswer, outcome: Outcome, began: float) -> None:
        model = answer.model or self.model
        today = self.clock.today()
        price = self.prices.of(model, today) or self.prices.of(self.model, today)
        self.ledger.record(
            ModelCall(
                key=key,
                step=self.step,
                role=self.role,
                provider=self.name,
                model=model,
                outcome=outcome,
                input_tokens=answer.input_tokens,
                output_tokens=answer.output_tokens,
                usd=price.usd(answer.input_tokens, answer.output_tokens) if price else None,
                seconds=self.clock.seconds() - began,
                text=answer.text,
            )
        )

    def _located(self, error: NoAnswerError, attempt: int) -> NoAnswerError:
        """The error, with where it happened and how often it was tried."""
        tries = f" (tried {attempt} times)" if attempt > 1 else ""
        where = " of ".join(part for part in (self.role, self.step) if part)
        error.args = (f"{where}: {error}{tries}" if where else f"{error}{tries}",)
        return error


def _redact(error: NoAnswerError) -> None:
    """Take keys out of an error, and what it came from away: that is another's, and may hold keys too."""
    error.args = (redacted(str(error)),)
    error.help = redacted(error.help)
    error.__cause__ = error.__context__ = None
