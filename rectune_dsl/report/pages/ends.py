"""The verdict: what was decided and why, what was to be shown, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rectune_dsl.agents.words import chance, marked
from rectune_dsl.report.configs import config_table, is_moved
from rectune_dsl.report.facts.records import AbortFacts, AnswerFacts, EndFacts, Facts
from rectune_dsl.report.lifts import MARKS, PLUS_MINUS, measure_cell
from rectune_dsl.report.pages.blocks import Banner, Block, Listing, Prose, Titled
from rectune_dsl.report.support import LOGGED, advice, support_table
from rectune_dsl.report.tables import Cell, Table, Tone, table
from rectune_dsl.report.verdicts import bounds_table
from rectune_dsl.report.words import answered, count, moment, objective, predicted

_SAID: Mapping[str, tuple[str, Tone]] = {
    "ship": ("The recommended config was shown to be better, and to keep every guardrail.", "good"),
    "hold": ("Not everything that has to be shown was shown. Production stays as it is.", "doubtful"),
    "keep production": ("No other config can be stood for. Production stays as it is.", "dim"),
}
_HELD_UP: Mapping[str, str] = {
    "not delivered yet": "It is not delivered yet.",
    "refused": "It is not delivered: people refused to.",
}


def verdict(facts: Facts) -> tuple[Block, ...]:
    end = facts.end
    blocks = list(decision(end))
    if end.bounds and end.confirmation is not None and end.alpha is not None:
        blocks.append(bounds_table(end.bounds, end.confirmation, end.alpha))
        later = "Every further confirmation of a surface has a smaller level."
        blocks.append(Prose(f"{objective(facts.weights)} {later}", "dim"))
    return (*blocks, *what_next(end), *_recommended(facts))


def decision(end: EndFacts) -> Iterator[Block]:
    """The decision, why, and what people said to it."""
    yield _banner(end)
    if end.reasons:
        yield Listing(end.reasons)
    if end.confirm_answer is not None:
        yield _answer("The confirmation", end.confirm_answer)
    if end.answer is not None:
        yield _answer("Shipping", end.answer)


def what_next(end: EndFacts) -> tuple[Block, ...]:
    return (Titled("What to do next", (Listing(end.next),)),) if end.next else ()


def doubts(end: EndFacts) -> Iterator[Block]:
    """What warns of the confirmation's numbers: who came, and how well a log supports them."""
    if end.turnout:
        yield Prose(f"Confirmation: {end.turnout}", "bad")
    if end.support:
        yield from (Prose(note, "doubtful") for note in advice(end.support))


def _banner(end: EndFacts) -> Banner:
    if end.decision:
        sentence, tone = _SAID[end.decision]
        if held := _HELD_UP.get(end.shipped):
            return Banner(end.state, f"{sentence} {held}", "doubtful")
        return Banner(end.decision, sentence, tone)
    if end.abort is not None:
        return Banner(end.state, _aborted(end.abort), "bad")
    return Banner(end.state, "There is no verdict yet.", "doubtful")


def _aborted(abort: AbortFacts) -> str:
    """What had been decided, what became of it, and who ended it."""
    if not abort.verdict:
        return "People ended this run before its end. There is no verdict."
    if not abort.shipped_at:
        return f"The verdict was {abort.verdict}, and nothing was shipped when {abort.by} ended the run."
    story = f"It was shipped at {moment(abort.shipped_at)}, then aborted by {abort.by} at {moment(abort.at)}"
    if abort.taken_back:
        return f"{story} and taken back."
    if abort.kept:
        return f"{story}. The config was kept: {abort.kept}."
    return f"{story}. That is not finished: the config may still be production."


def _answer(what: str, answer: AnswerFacts) -> Prose:
    return Prose(f"{what} was {answered(granted=answer.granted, by=answer.by, why=answer.why)}.")


def _recommended(facts: Facts) -> list[Block]:
    """The config, what was expected of it, and what its confirmation measured."""
    end = facts.end
    blocks: list[Block] = [Prose(end.why)] if end.why and end.why not in end.reasons else []
    if end.is_production is False:
        blocks += [_changes(facts), Prose(_expected(end))]
    if end.measures:
        title = f"confirmation: lifts over control, {PLUS_MINUS}, {count(end.confirmed_users)} users"
        rows: list[list[str | Cell]] = [[m.metric, measure_cell(m)] for m in end.measures]
        blocks.append(table(title, ("metric", "measured"), rows, numbers=("measured",), note=MARKS))
    if end.support:
        blocks.append(support_table(end.support, LOGGED))
    blocks += doubts(end)
    return [Titled("The recommended config", tuple(blocks))] if blocks else []


def _changes(facts: Facts) -> Table:
    moved = [param for param in facts.params if is_moved(param)]
    left = len(facts.params) - len(moved)
    note = f"{count(left, 'other param')} {'stays as it is' if left == 1 else 'stay as they are'}."
    return config_table(moved, "what the recommended config changes", note if left else "")


def _expected(end: EndFacts) -> str:
    """What the Actor expected, before the confirmation."""
    parts = [f"Expected before the confirmation: {predicted(end.expected)}."] if end.expected else []
    if end.p_feasible is not None and end.chance_to_ship is not None:
        holds, ships = chance(end.p_feasible), chance(end.chance_to_ship)
        parts.append(f"All guardrails hold with {marked(holds, end.assumed)}; it would ship with {ships}.")
    return " ".join(parts)
