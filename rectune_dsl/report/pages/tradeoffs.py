"""What is traded for what: U against every other metric."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from rectune_dsl.report.facts.records import ArmFacts, Facts, Measure
from rectune_dsl.report.pages.arms import MANY, rounded
from rectune_dsl.report.pages.blocks import Block, Figure, Panel, Prose, Row
from rectune_dsl.report.pages.forest import MOST_METRICS, NOTHING, arms_table, metrics_of


def tradeoffs(facts: Facts) -> tuple[Block, ...]:
    """U against every other metric, with control, the elite and what is recommended."""
    measured = [arm for arm in facts.arms if arm.objective is not None]
    others = [name for name in metrics_of(facts) if list(facts.weights) != [name]][:MOST_METRICS]
    if not measured or not others:
        return (Prose(NOTHING if not measured else "There is one metric, so nothing is traded."),)
    panels = [_scatter(facts, measured, name) for name in others]
    elite = ", ".join(arm.name for arm in measured if arm.is_elite)
    figure = Figure(
        "tradeoffs",
        "U against each metric",
        f"One panel per metric: its lift against U, a point per arm. The elite are {elite or 'none'}.",
        tuple(panel for panel in panels if panel.rows),
        arms_table(facts, others),
        key=_key(panels),
    )
    return (figure,)


def _key(panels: Sequence[Panel]) -> str:
    """Control is among the marks only where its level is known, and the recommended config where it was
    tested as it is."""
    roles = {row["role"] for panel in panels for row in panel.rows}
    recommended = "▲ recommended, " if "recommended" in roles else ""
    control = "■ control, " if "control" in roles else ""
    return (
        f"{control}● an arm, ◆ elite: no arm is better in everything, {recommended}✚ stopped; the dashed "
        "line is the guardrail's margin"
    )


def _scatter(facts: Facts, measured: Sequence[ArmFacts], name: str) -> Panel:
    """A point per arm that has both, and control: at 0, or at its level where levels are drawn."""
    found = [(arm, m) for arm in measured for m in arm.measures if m.metric == name and m.span]
    levels = any(m.is_level for _, m in found)
    own = _control_level(facts, name) if levels else 0.0
    control: Row = {"name": "control", "x": 0.0, "y": own, "role": "control", "label": "control"}
    rows = [*([] if own is None else [control]), *(_point(facts, arm, m) for arm, m in found)]
    limit = next((m.limit for _, m in found), None)
    options: Row = {
        "x": "U, %",
        "y": name if levels else f"{name}, lift in %",
        "limit": None if limit is None else rounded(limit * (1.0 if levels else 100.0)),
        "many": len(rows) > MANY,
    }
    return Panel(name, "scatter", tuple(rows), options)


def _control_level(facts: Facts, name: str) -> float | None:
    """What control had of a metric, on average over rounds; None where no round knows it."""
    known = [round.control[name] for round in facts.rounds if name in round.control]
    return rounded(mean(known)) if known else None


def _point(facts: Facts, arm: ArmFacts, measure: Measure) -> Row:
    """What the run rests on is named beside its point."""
    assert arm.objective is not None
    assert measure.span is not None
    is_recommended = arm.config == {p.name: p.recommended for p in facts.params}
    role = "stopped" if arm.stopped else "elite" if arm.is_elite else "arm"
    named = (facts.rounds[-1].safe_arm, facts.rounds[-1].best_arm)
    return {
        "name": arm.name,
        "x": rounded(arm.objective.value * 100),
        "y": rounded(measure.span.value * (1.0 if measure.is_level else 100.0)),
        "role": "recommended" if is_recommended else role,
        "label": arm.name if is_recommended or arm.name in named else "",
    }
