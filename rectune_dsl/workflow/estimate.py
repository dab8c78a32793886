"""What its questions to language models are likely to cost a campaign, before it begins.

How long prompts and answers will be is assumed: the constants below say how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.written import to_toml
from rectune_dsl.hooks.api import Capabilities, Spending
from rectune_dsl.hooks.specs import Role
from rectune_dsl.llm.ask import LONGEST_PROBLEM, LONGEST_QUOTE, MOST_PROBLEMS
from rectune_dsl.llm.caps import BudgetSpentError, Caps, Worst
from rectune_dsl.llm.prices import Price
from rectune_dsl.workflow.approval import has_to_ask
from rectune_dsl.workflow.compile import StepKind, Workflow
from rectune_dsl.workflow.providers import Providers

CHARACTERS_PER_TOKEN = 4
INSTRUCTIONS = 2_000
"""Tokens of a prompt beside the task and what was measured: what to do, and how to answer."""
ANSWER = 1_500
"""Tokens of an answer, thinking included, where so many are allowed."""
DESCRIBER: Role = "online"
"""Whose agent tells people what they are asked to approve."""
_QUESTIONS: Mapping[StepKind, Role] = {
    StepKind.PROPOSE: "actor",
    StepKind.REVIEW: "critic",
    StepKind.APPROVE: DESCRIBER,
    StepKind.LEARN: "insight",
    StepKind.EVOLVE: "skill",
    StepKind.CONFIRM: DESCRIBER,
    StepKind.VERDICT: DESCRIBER,
}
"""Whose agent asks in which steps. Recommendations rest on the posterior, and experiments on rules."""
_PER_PARAM, _PER_METRIC = 12, 30
"""Characters of a value of a config, and of a lift with its interval."""
_SENT_BACK = (LONGEST_QUOTE + MOST_PROBLEMS * LONGEST_PROBLEM) // CHARACTERS_PER_TOKEN
"""Tokens of an answer that cannot be used and of what is wrong with it, at most."""


@dataclass(frozen=True)
class PlannedCall:
    """The question of one step."""

    step: str
    provider: str
    model: str
    input_tokens: int
    price: Price | None


@dataclass(frozen=True)
class Bill:
    """What calls add up to; `usd` is None where the price of a model is not known."""

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None


@dataclass(frozen=True)
class Estimate:
    """`asked` are the providers by the roles of who asks. `likely` is one question per step, answered at once
    with `answer` tokens; with `worst` each answer is as long as it may be, and sent back once. `reached` is
    the first cap that would keep a question of `likely` from being asked, and that question's step."""

    asked: Mapping[str, str]
    calls: tuple[PlannedCall, ...]
    answer: int
    likely: Bill
    worst: Bill
    reached: tuple[str, str] | None

    @property
    def models(self) -> tuple[str, ...]:
        """Providers with the models that are asked, in words."""
        return tuple(dict.fromkeys(f"{call.provider} {call.model}".strip() for call in self.calls))

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Models whose price is not known."""
        return tuple(dict.fromkeys(call.model for call in self.calls if call.price is None))


def estimate(workflow: Workflow, capabilities: Capabilities, providers: Providers) -> Estimate | None:
    """What a campaign's questions would cost at today's prices; None where nobody asks any.

    Raises UsageError for a file of `[llm]` that cannot be read, and what the providers' factories raise.
    """
    people = has_to_ask(workflow.task, capabilities)
    calls = tuple(_planned(workflow, providers, people))
    if not calls:
        return None
    longest = providers.settings.max_output_tokens
    answer = min(ANSWER, longest)
    return Estimate(
        asked=providers.asked,
        calls=calls,
        answer=answer,
        likely=_bill(calls, answer),
        worst=_bill([again for call in calls for again in (call, _sent_back(call))], longest),
        reached=_reached(calls, providers.caps, answer, longest),
    )


def _planned(workflow: Workflow, providers: Providers, people: bool) -> Iterator[PlannedCall]:
    """One call per step that asks. Where no `people` are asked, they are told nothing."""
    today = datetime.now(UTC).date()
    fixed = INSTRUCTIONS + len(to_toml(workflow.task)) // CHARACTERS_PER_TOKEN
    for step in workflow.steps:
        role = _QUESTIONS.get(step.kind, "")
        name = providers.asked.get(role)
        if name is not None and (people or role != DESCRIBER):
            model = providers.model(name)
            tokens = fixed + (step.round - 1) * _round_tokens(workflow.task)
            yield PlannedCall(step.name, name, model, tokens, providers.prices.of(model, today))


def _round_tokens(task: Task) -> int:
    """What a round found: each arm's config, and its lifts."""
    per_arm = len(task.params) * _PER_PARAM + len(task.judged) * _PER_METRIC
    return task.experiment.arms * per_arm // CHARACTERS_PER_TOKEN


def _sent_back(call: PlannedCall) -> PlannedCall:
    tokens = call.input_tokens + _SENT_BACK
    return PlannedCall(call.step, call.provider, call.model, tokens, call.price)


def _bill(calls: Sequence[PlannedCall], answer: int) -> Bill:
    costs = [call.price.usd(call.input_tokens, answer) for call in calls if call.price is not None]
    usd = sum(costs) if len(costs) == len(calls) else None
    return Bill(len(calls), sum(call.input_tokens for call in calls), answer * len(calls), usd)


def _reached(calls: Sequence[PlannedCall], caps: Caps, answer: int, longest: int) -> tuple[str, str] | None:
    """A call is made only if the longest answer would keep within the caps."""
    each = {name: Caps(**{name: most}) for name, most in asdict(caps).items() if most is not None}
    spent = Spending()
    for call in calls:
        for name, cap in each.items():
            if name == "max_usd" and call.price is None:
                continue  # which is a problem of its own
            try:
                cap.check(spent, Worst(call.input_tokens, longest), call.price, call.model)
            except BudgetSpentError:
                return name, call.step
        usd = call.price.usd(call.input_tokens, answer) if call.price else 0.0
        spent = Spending(spent.calls + 1, spent.tokens + call.input_tokens + answer, spent.usd + usd)
    return None
