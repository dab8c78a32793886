"""How far a run has come, round by round: U of its arms, the best so far, and the safe gain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rectune_dsl.report.facts.records import ArmFacts, Facts
from rectune_dsl.report.pages.arms import MANY, interval, percents, rounded, safety
from rectune_dsl.report.pages.blocks import Block, Figure, Panel, Prose, Row
from rectune_dsl.report.tables import Table, table
from rectune_dsl.report.words import count, objective

NO_ROUND = "No round has begun yet."
_KEY = (
    "● safe, ▼ not safe, ■ a guardrail was not measured; dashed grey: the best U so far, solid green: the "
    "safe gain; on the right, the dashed line is where safe begins."
)


def progress(facts: Facts) -> tuple[Block, ...]:
    """U of every arm with the best so far and the safe gain, and how likely each keeps all guardrails."""
    if not facts.rounds:
        return (Prose(NO_ROUND),)
    last = facts.rounds[-1]
    about = (
        f"After {count(len(facts.rounds), 'round')} the best U measured is {interval(last.best)}, and the "
        f"safe gain {interval(last.safe_gain)}, of {last.safe_arm or 'production'}."
    )
    figure = Figure("progress", "Over rounds", about, _panels(facts), _rounds_table(facts), key=_KEY)
    return (Prose(about), figure, Prose(_meaning(facts), "dim"))


def _panels(facts: Facts) -> tuple[Panel, ...]:
    arms = [_arm(arm, facts, place) for arm, place in _places(facts.arms)]
    measured = [row for row in arms if row["value"] is not None]
    chances = [row for row in arms if row["p"] is not None]
    looks: Row = {"many": len(arms) > MANY, "rounds": len(facts.rounds)}
    floor = rounded(facts.floor)
    panels = [Panel("U of arms", "progress", (*measured, *_steps(facts)), looks)]
    if chances:
        options: Row = {"floor": floor, **looks}
        panels.append(Panel("P(all guardrails hold)", "chances", tuple(chances), options))
    return tuple(panels)


def _places(arms: Sequence[ArmFacts]) -> Iterator[tuple[ArmFacts, float]]:
    """Each arm with its place on the axis of rounds: those of one round stand side by side."""
    all_of, seen = Counter(arm.round for arm in arms), Counter[int]()
    for arm in arms:
        seen[arm.round] += 1
        yield arm, rounded(arm.round + 0.5 * (seen[arm.round] / (all_of[arm.round] + 1) - 0.5))


def _arm(arm: ArmFacts, facts: Facts, place: float) -> Row:
    value, low, high = percents(arm.objective)
    return {
        "kind": "arm",
        "name": arm.name,
        "x": place,
        "value": value,
        "low": low,
        "high": high,
        "p": None if arm.p_safe is None else rounded(arm.p_safe),
        "safety": safety(arm, facts.floor),
    }


def _steps(facts: Facts) -> Iterator[Row]:
    for round in facts.rounds:
        best, gain = percents(round.best)[0], percents(round.safe_gain)[0]
        if best is not None:
            yield {"kind": "best", "x": round.round, "value": best, "name": round.best_arm}
        yield {"kind": "gain", "x": round.round, "value": gain, "name": round.safe_arm or "production"}


def _meaning(facts: Facts) -> str:
    return (
        f"{objective(facts.weights)} The safe gain is the highest U measured of an arm that "
        f"keeps all guardrails with a probability of at least {facts.floor:.0%} by its own numbers; "
        f"production's is 0. The best of many noisy measurements flatters: only the confirmation, on fresh "
        f"users, says what a config is worth."
    )


def _rounds_table(facts: Facts) -> Table:
    headings = ("round", "state", "arms", "users", "best U so far", "best arm", "safe gain", "safe arm")
    arms = Counter(arm.round for arm in facts.arms)
    rows = [
        [
            str(r.round),
            r.state,
            str(arms[r.round]),
            f"{r.users:,}",
            interval(r.best) if r.best else "none",
            r.best_arm,
            interval(r.safe_gain) if r.safe_arm else "0 (production)",
            r.safe_arm,
        ]
        for r in facts.rounds
    ]
    return table("rounds", headings, rows, numbers=(headings[0], *headings[2:5], headings[6]))
