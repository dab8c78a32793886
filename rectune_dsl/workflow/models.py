"""The model that a step's agent may ask. What becomes of each question stands in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rectune_dsl.hooks.api import (
    Ledger,
    LLMAnswer,
    ModelCall,
    NoAnswerError,
    Outcome,
    RectuneError,
    Spending,
)
from rectune_dsl.llm.caps import BudgetSpentError
from rectune_dsl.llm.cassette import Recorded
from rectune_dsl.llm.retries import Retries
from rectune_dsl.llm.secrets import redacted
from rectune_dsl.llm.session import Session
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.providers import Providers


def model_of_step(providers: Providers, ledger: Ledger, step: Step, act: str = "") -> StepModel | None:
    """The model for one step or, where a step asks more than once, for one act of it; None where its agent
    asks none."""
    if step.role not in providers.asked:
        return None
    name = f"{step.name}/{act}" if act else step.name
    return StepModel(providers, ledger, providers.asked[step.role], name, step.role)


@dataclass(frozen=True)
class StepModel:
    """A `JudgedLLM`: one provider, asked for one step. Its provider is made when the first question comes."""

    providers: Providers
    ledger: Ledger
    provider: str
    step: str
    role: str

    def complete(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """See `Session`. A provider that cannot be made gives no answer: that ends no campaign either."""
        if self.providers.rests(self.provider):
            self.providers.heard(self.provider, answered=False)
            why = f"{self.provider} is left alone for a while: it did not answer lately"
            self.ledger.record(self._free("capped", LLMAnswer(why, "", 0, 0)))
            raise NoAnswerError(why, "unavailable")
        session = self._session()
        try:
            answer = session.complete(prompt, schema)
        except BudgetSpentError as error:
            self.ledger.record(self._free("capped", LLMAnswer(str(error), session.model, 0, 0)))
            raise
        except NoAnswerError as error:
            self.providers.heard(self.provider, answered=error.outcome != "unavailable")
            raise
        self.providers.heard(self.provider, answered=True)
        if isinstance(session.provider, Recorded):  # what was recalled from the store is in no cassette yet
            session.provider.keep(prompt, schema, answer)
        return answer

    def reject(self, answer: LLMAnswer, problems: Sequence[str]) -> None:
        """See `JudgedLLM`."""
        self.ledger.record(self._free("unusable", LLMAnswer("; ".join(problems), answer.model, 0, 0)))

    def recalled(self, key: str) -> LLMAnswer | None:
        """The answer of the cassette, or one that was paid for before; written down as recalled. Raises
        NoAnswerError where the cassette tells of a failure."""
        take = self.providers.takes.get(key)
        try:
            answer = self.ledger.recall(key) if take is None else take.replay()
        except NoAnswerError as error:
            self.reject(LLMAnswer("", error.model, 0, 0), [str(error)])
            raise
        if answer is not None:
            self.ledger.record(self._free("recalled", answer, key))
        return answer

    def _session(self) -> Session:
        providers = self.providers
        try:
            return Session(
                provider=providers.provider(self.provider),
                name=self.provider,
                settings=providers.settings,
                ledger=_Recalling(self),
                caps=providers.caps,
                prices=providers.prices,
                retries=Retries(attempts=providers.attempts),
                step=self.step,
                role=self.role,
            )
        except RectuneError as error:
            why = redacted(str(error))
            self.ledger.record(self._free("refused", LLMAnswer(why, "", 0, 0)))
            raise NoAnswerError(why, "refused", help=error.help) from None

    def _free(self, outcome: Outcome, answer: LLMAnswer, key: str = "") -> ModelCall:
        """A line of the ledger that costs nothing."""
        return ModelCall(
            key=key,
            step=self.step,
            role=self.role,
            provider=self.provider,
            model=answer.model,
            outcome=outcome,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            usd=0.0,
            seconds=0.0,
            text=answer.text,
        )


@dataclass(frozen=True)
class _Recalling:
    """The run's ledger as a session sees it: what is recalled is written down too."""

    asked: StepModel

    def recall(self, key: str) -> LLMAnswer | None:
        return self.asked.recalled(key)

    def record(self, call: ModelCall) -> None:
        self.asked.ledger.record(call)

    def spent(self) -> Spending:
        return self.asked.ledger.spent()
