"""What asking language models costs: planned, and spent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console

from rectune_dsl.dsl.llm import LanguageModel
from rectune_dsl.hooks.api import ModelCall, Outcome
from rectune_dsl.memory.ledger import NO_CALLS
from rectune_dsl.report.console import print_table
from rectune_dsl.report.tables import Table, table
from rectune_dsl.report.words import count
from rectune_dsl.workflow.estimate import CHARACTERS_PER_TOKEN, INSTRUCTIONS, Bill, Estimate

_HAD: tuple[Outcome, ...] = ("answered", "recalled")
"""How the last line of a step ends whose agent got an answer that it could use."""
_NUMBERS = ("calls", "tokens in", "tokens out", "USD", "recalled", "repaired", "fell back")
_ROUND = re.compile(r"round-(\d+)/")


@dataclass(frozen=True)
class Cost:
    """What one agent asked in one round; `round` is None after the last.

    Calls that were paid for are counted, whatever became of them; `usd` leaves out the `unpriced` ones. The
    others are numbers of answers that were had for nothing, and of questions whose answer could be used only
    after it was sent back, or not at all.
    """

    round: int | None
    role: str
    models: tuple[str, ...]
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float
    unpriced: int
    recalled: int
    repaired: int
    fell_back: int


def costs(lines: Iterable[ModelCall]) -> tuple[Cost, ...]:
    """A run's ledger by rounds and agents, in the order of asking."""
    groups: dict[tuple[int | None, str], list[ModelCall]] = {}
    for line in lines:
        groups.setdefault((_round_of(line.step), line.role), []).append(line)
    return tuple(_cost(*who, of) for who, of in groups.items())


def total(parts: Sequence[Cost]) -> Cost:
    """What all of them cost together."""
    models = tuple(dict.fromkeys(model for part in parts for model in part.models))
    counts = ("calls", "input_tokens", "output_tokens", "unpriced", "recalled", "repaired", "fell_back")
    sums = {name: sum(getattr(part, name) for part in parts) for name in counts}
    return Cost(round=None, role="all", models=models, usd=sum(part.usd for part in parts), **sums)


def costs_json(lines: Sequence[ModelCall]) -> Mapping[str, object]:
    """For `show --json`; without times, which differ from run to run."""
    parts = costs(lines)
    return {"total": _json(total(parts)), "by_round_and_agent": [_json(cost) for cost in parts]}


def print_costs(out: Console, lines: Sequence[ModelCall]) -> None:
    """The ledger as a table; nothing where no model was asked."""
    if lines:
        out.print()
        print_table(out, costs_table(costs(lines)))


def costs_table(parts: Sequence[Cost]) -> Table:
    """What was spent by rounds and agents, and in all."""
    rows = [["end" if cost.round is None else str(cost.round), *_cells(cost)] for cost in parts]
    headings = ("round", "agent", "model", *_NUMBERS)
    return table(
        "language models", headings, [*rows, ["all", *_cells(total(parts))]], numbers=_NUMBERS, has_total=True
    )


def print_estimate(out: Console, settings: LanguageModel, plan: Estimate) -> None:
    """What the questions of a campaign are likely to cost, on what assumptions, and within which caps."""
    out.print()
    out.print(f"language model: {', '.join(plan.models)}, asked by {', '.join(plan.asked)}")
    if settings.cassette_mode == "replay":
        out.print(f"  {count(plan.likely.calls)} answers come from {settings.cassette}, and cost nothing")
        return
    out.print(f"  likely {_bill(plan.likely)}: one question per step in which they ask, answered at once")
    out.print(f"  at worst {_bill(plan.worst)}: each answer as long as it may be, and sent back once")
    out.print(
        f"  assumed: {CHARACTERS_PER_TOKEN} characters per token; a prompt has the task, what the rounds "
        f"before found and {count(INSTRUCTIONS)} tokens of instructions; an answer has {count(plan.answer)}"
    )
    caps = {"max_usd": settings.max_usd, "max_calls": settings.max_calls, "max_tokens": settings.max_tokens}
    out.print(f"  caps: {', '.join(f'{name} {most:,}' for name, most in caps.items() if most is not None)}")


def _cost(round: int | None, role: str, lines: Sequence[ModelCall]) -> Cost:
    paid = [line for line in lines if line.outcome not in NO_CALLS]
    steps: dict[str, list[Outcome]] = {}
    for line in lines:
        steps.setdefault(line.step, []).append(line.outcome)
    return Cost(
        round=round,
        role=role,
        models=tuple(dict.fromkeys(line.model for line in lines if line.model)),
        calls=len(paid),
        input_tokens=sum(line.input_tokens for line in paid),
        output_tokens=sum(line.output_tokens for line in paid),
        usd=sum(line.usd or 0.0 for line in paid),
        unpriced=sum(line.usd is None and line.input_tokens + line.output_tokens > 0 for line in paid),
        recalled=sum(line.outcome == "recalled" for line in lines),
        repaired=sum("unusable" in told and told[-1] in _HAD for told in steps.values()),
        fell_back=sum(told[-1] not in _HAD for told in steps.values()),
    )


def _round_of(step: str) -> int | None:
    found = _ROUND.match(step)
    return int(found[1]) if found else None


def _json(cost: Cost) -> dict[str, object]:
    return {**asdict(cost), "models": list(cost.models)}


def _cells(cost: Cost) -> tuple[str, ...]:
    numbers = (cost.recalled, cost.repaired, cost.fell_back)
    tokens = (count(cost.input_tokens), count(cost.output_tokens))
    usd = _usd(cost.usd) if not cost.unpriced else f"{_usd(cost.usd)} + {cost.unpriced} unpriced"
    return cost.role, ", ".join(cost.models), count(cost.calls), *tokens, usd, *map(count, numbers)


def _bill(bill: Bill) -> str:
    usd = "at a price that is not known" if bill.usd is None else f"USD {_usd(bill.usd)}"
    return f"{count(bill.calls)} calls, {count(bill.input_tokens + bill.output_tokens)} tokens, {usd}"


def _usd(amount: float) -> str:
    return f"{amount:.4f}" if amount < 1 else f"{amount:,.2f}"
