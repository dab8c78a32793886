"""What was learnt: mechanics with their intervals, and what skills were told to keep."""

from __future__ import annotations

import math

from rectune_dsl.agents.words import sentence
from rectune_dsl.hooks.api import Mechanic
from rectune_dsl.report.facts.records import Facts, RecordFacts
from rectune_dsl.report.pages.arms import ELSEWHERE, MOST_ROWS, rounded
from rectune_dsl.report.pages.blocks import Block, Figure, Folded, Panel, Prose, Row
from rectune_dsl.report.tables import Cell, Table, first_rows, table
from rectune_dsl.report.words import count, percent

MOST_CAUSES = 16
"""Rows of a panel."""
MOST_PANELS = 12
EVEN = 0.005
"""Log of what a bet makes of one unit, up to which nothing was won or lost."""


def mechanics(facts: Facts) -> tuple[Block, ...]:
    """How metrics respond to what slates show, or to params."""
    if not facts.mechanics:
        return (Prose("No mechanics were estimated."),)
    by_metric: dict[str, list[Mechanic]] = {}
    for mechanic in facts.mechanics:
        by_metric.setdefault(mechanic.metric, []).append(mechanic)
    clear = [m for m in facts.mechanics if m.low > 0 or m.high < 0]
    figure = Figure(
        "mechanics",
        "Effects with 90 % intervals",
        f"One panel per metric: what one unit more of a cause does to its lift. {len(clear)} of "
        f"{len(facts.mechanics)} intervals exclude 0.",
        tuple(_panel(metric, own) for metric, own in list(by_metric.items())[:MOST_PANELS]),
        _table(facts.mechanics),
        key="● the interval excludes 0, ■ it does not; the numbers below say what one unit of a cause is",
        note=f"At most {MOST_CAUSES} causes per metric are drawn, the clearest." if _many(by_metric) else "",
    )
    return (figure,)


def skills(facts: Facts) -> tuple[Block, ...]:
    """Records that skills were told to keep, with their evidence, and how their predictions came out."""
    if not facts.records and not facts.bets:
        return (Prose("No skill was told anything in this run."),)
    headings = ("skill", "round", "what it says", "status", "for", "against", "bets won", "made of 1", "why")
    rows = [
        [
            r.skill,
            str(r.round),
            r.line,
            r.status,
            str(r.supports),
            str(r.contradicts),
            *_worth(facts, r),
            r.why,
        ]
        for r in facts.records
    ]
    numbers = ("round", *headings[4:8])
    kept = table("what skills were told to keep", headings, rows, numbers=numbers)
    note = (
        "Evidence makes records active, never an agent: `rectune skills show NAME` tells where each stands."
    )
    worth = (Prose(sentence(facts.worth)),) if facts.worth else ()
    return (*worth, first_rows(kept, MOST_ROWS, ELSEWHERE), *_bets(facts), Prose(note, "dim"))


def _worth(facts: Facts, record: RecordFacts) -> tuple[str, str]:
    """How many bets on a record were won in this run, and what all of them have made of one unit."""
    own = [bet.gained for bet in facts.bets if (bet.skill, bet.record) == (record.skill, record.id)]
    if not own:
        return "no bets", ""
    return f"{sum(gained > EVEN for gained in own)} of {len(own)}", f"{math.exp(min(sum(own), 700.0)):.3g}"


def _bets(facts: Facts) -> tuple[Block, ...]:
    if not facts.bets:
        return ()
    headings = ("round", "skill", "record", "arm", "metric", "with it", "without it", "measured", "bet")
    rows: list[list[str | Cell]] = [
        [
            str(b.round),
            b.skill,
            b.record,
            b.arm,
            b.metric,
            percent(b.expected),
            percent(b.otherwise),
            f"{percent(b.measured)} (se {b.error * 100:.2f})",
            _outcome(b.gained),
        ]
        for b in facts.bets
    ]
    title = "predictions of records, registered before each experiment"
    shown = table(title, headings, rows, numbers=("round", *headings[5:8]))
    won = sum(bet.gained > EVEN for bet in facts.bets)
    summary = f"{count(len(facts.bets), 'bet')} on records, {won} of them won"
    return (Folded(summary, (first_rows(shown, MOST_ROWS, ELSEWHERE),)),)


def _outcome(gained: float) -> Cell:
    if abs(gained) <= EVEN:
        return Cell("even", "dim")
    return Cell("won", "good") if gained > 0 else Cell("lost", "doubtful")


def _panel(metric: str, own: list[Mechanic]) -> Panel:
    shown = sorted(own, key=_clearness, reverse=True)[:MOST_CAUSES]
    rows: tuple[Row, ...] = tuple(
        {
            "name": m.cause,
            "unit": m.unit,
            "value": rounded(m.effect * 100),
            "low": rounded(m.low * 100),
            "high": rounded(m.high * 100),
            "standing": "clear" if m.low > 0 or m.high < 0 else "unclear",
        }
        for m in shown
    )
    return Panel(
        metric, "intervals", rows, {"x": "effect on the lift, points", "origin": True, "rows": len(rows)}
    )


def _clearness(mechanic: Mechanic) -> float:
    """The effect in half intervals."""
    half = (mechanic.high - mechanic.low) / 2
    return abs(mechanic.effect) / half if half > 0 else 0.0


def _many(by_metric: dict[str, list[Mechanic]]) -> bool:
    return any(len(own) > MOST_CAUSES for own in by_metric.values())


def _table(mechanics: tuple[Mechanic, ...]) -> Table:
    headings = ("metric", "cause", "one unit", "effect", "90 % interval", "experiments")
    rows = [
        [
            m.metric,
            m.cause,
            m.unit,
            percent(m.effect),
            f"{percent(m.low)} .. {percent(m.high)}",
            str(len(m.evidence)),
        ]
        for m in mechanics
    ]
    return first_rows(table("mechanics", headings, rows, numbers=headings[3:]), MOST_ROWS, ELSEWHERE)
