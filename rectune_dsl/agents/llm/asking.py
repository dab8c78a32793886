"""One question to the model of a context: a usable answer, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rectune_dsl.hooks.api import AgentContext, NoAnswerError, Outcome
from rectune_dsl.llm.ask import UnusableAnswerError, ask
from rectune_dsl.llm.caps import BudgetSpentError

Answer = TypeVar("Answer")
_WHY: Mapping[Outcome, str] = {
    "blocked": "blocked",
    "truncated": "the answer was cut off",
    "unavailable": "the provider is unavailable",
    "refused": "the provider refused",
    "capped": "the budget is spent",
}


@dataclass(frozen=True)
class Silence:
    """No usable answer. `why` is a few words of ours: nothing a provider wrote is in it."""

    why: str

    def fell_back(self, agent: str, twin: str) -> str:
        """`llm (fell back to funnel: blocked)`."""
        return f"{agent} (fell back to {twin}: {self.why})"


def asked(
    context: AgentContext,
    prompt: Sequence[str],
    answer_type: type[Answer],
    schema: Mapping[str, object],
    problems: Callable[[Answer], Sequence[str]] = lambda answer: (),
) -> Answer | Silence:
    """The answer, asked for once more where it cannot be used; see `rectune_dsl.llm.ask`."""
    if context.llm is None:
        return Silence("no model to ask")
    try:
        return ask(context.llm, prompt, answer_type, problems, schema)
    except UnusableAnswerError:
        return Silence("no usable answer")
    except BudgetSpentError:
        return Silence(_WHY["capped"])
    except NoAnswerError as error:
        return Silence(_WHY.get(error.outcome, "no answer"))
