"""Which arms are drawn where there are many, and what is drawn of each."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.agents import words
from rectune_dsl.report.facts.records import ArmFacts, Facts, Span
from rectune_dsl.report.facts.rounds import is_safe

MANY = 80
"""Points from which on each is drawn in less detail."""
MOST_ROWS = 200
"""Rows of a table on a page."""
ELSEWHERE = "`rectune report --format json` has them all"


def chosen(facts: Facts, most: int) -> tuple[ArmFacts, ...]:
    """All arms, or the `most` telling ones, in their order: those on which something rests (safe gain,
    elite), stopped ones up to a quarter, then those with the highest U."""
    if len(facts.arms) <= most:
        return facts.arms
    safest = {round.safe_arm for round in facts.rounds[-1:]}
    stopped = [arm.name for arm in facts.arms if arm.stopped][: most // 4]
    ranked = sorted(facts.arms, key=lambda arm: -(arm.objective.value if arm.objective else float("-inf")))
    first = [arm.name for arm in ranked if arm.name in safest or arm.is_elite]
    taken = set(list(dict.fromkeys([*first, *stopped, *(arm.name for arm in ranked)]))[:most])
    return tuple(arm for arm in facts.arms if arm.name in taken)


def left_out(facts: Facts, shown: Sequence[ArmFacts]) -> str:
    """How many arms are not drawn, and which are; empty where all are."""
    if len(shown) == len(facts.arms):
        return ""
    return (
        f"{len(shown)} of {len(facts.arms):,} arms are drawn: those that the run rests on, stopped ones, and "
        f"those with the highest U."
    )


def safety(arm: ArmFacts, floor: float) -> str:
    if arm.p_safe is None and not arm.stopped:
        return "unknown"
    return "safe" if is_safe(arm, floor) else "not safe"


def percents(span: Span | None) -> tuple[float | None, float | None, float | None]:
    """Value, low and high in %."""
    if span is None:
        return None, None, None
    return rounded(span.value * 100), rounded(span.low * 100), rounded(span.high * 100)


def rounded(value: float) -> float:
    """To six digits: more would be noise, and weigh."""
    return float(f"{value:.6g}")


def interval(span: Span | None) -> str:
    """`+1.20 % [+0.10 %, +2.30 %]`."""
    return "missing" if span is None else words.interval(span.value, span.low, span.high)
