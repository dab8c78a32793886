"""What was tested: arms against guardrails, the objective over rounds, and what is traded for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rectune_dsl.agents.words import chance
from rectune_dsl.report.facts.records import ArmFacts, Facts, Measure, Span
from rectune_dsl.report.lifts import MARKS, measure_cell
from rectune_dsl.report.pages.arms import (
    ELSEWHERE,
    MOST_ROWS,
    chosen,
    interval,
    left_out,
    percents,
    rounded,
    safety,
)
from rectune_dsl.report.pages.blocks import Block, Figure, Panel, Prose, Row
from rectune_dsl.report.tables import Cell, Column, Table, first_rows, table

MOST_DRAWN = 40
"""Arms of a forest plot."""
MANY = 80
"""Points from which on each is drawn in less detail."""
MOST_METRICS = 12
"""Panels of a figure."""
_U = "U"
_NONE = "No arm has been measured yet."
KEY = (
    "● the whole interval keeps the guardrail, ◆ only the estimate does, ▼ not even that, ■ no guardrail, "
    "✚ stopped for harm; bars are 90 % intervals, the dashed line is the guardrail's margin, the thin one "
    "production."
)
_SAFE_KEY = "● safe, ▼ not safe, ■ a guardrail was not measured"


def arms(facts: Facts) -> tuple[Block, ...]:
    """The forest plot: every arm's lift of every metric, held against its guardrail."""
    if not facts.arms:
        return (Prose(_NONE), *_frozen(facts))
    shown = chosen(facts, MOST_DRAWN)
    names = _metrics(facts)
    panels = [_objective_panel(facts, shown)] if _weighs(facts) else []
    panels += [_forest(shown, name) for name in names[: MOST_METRICS - len(panels)]]
    figure = Figure(
        "forest",
        "Lifts over control",
        f"One panel for each of {len(panels)} metrics: a row per arm with its lift and 90 % interval, against "
        f"the guardrail's margin. {len(facts.arms)} arms, {sum(bool(a.stopped) for a in facts.arms)} stopped.",
        tuple(panels),
        arms_table(facts, names),
        key=KEY,
        note=left_out(facts, shown),
    )
    return (figure, *_stopped(facts), *_frozen(facts))


def arms_table(facts: Facts, names: Sequence[str]) -> Table:
    """One row per arm: U, P(all guardrails hold) and every metric."""
    columns = [Column("arm"), Column("round", is_number=True), Column("U", is_number=True)]
    columns += [Column("P(safe)", is_number=True)]
    columns += [Column(name, limit_of(facts, name), is_number=True) for name in names]
    rows: list[list[str | Cell]] = []
    for arm in facts.arms:
        found = {m.metric: m for m in arm.measures}
        cells = [measure_cell(found[n]) if n in found else Cell("missing", "dim") for n in names]
        name = Cell(f"{arm.name} (stopped)", "bad") if arm.stopped else Cell(arm.name)
        p = "unknown" if arm.p_safe is None else chance(arm.p_safe)
        rows.append([name, str(arm.round), interval(arm.objective), p, *cells])
    whole = table("lifts over control, ± 90 %", columns, rows, note=MARKS)
    return first_rows(whole, MOST_ROWS, ELSEWHERE)


def progress(facts: Facts) -> tuple[Block, ...]:
    """U of every arm, the best so far and the safe gain, round by round."""
    if not facts.rounds:
        return (Prose("No round has begun yet."),)
    rows = [_over_rounds(arm, facts, place) for arm, place in _places(facts.arms)]
    points = [row for row in rows if row["value"] is not None]
    for round in facts.rounds:
        best = None if round.best is None else rounded(round.best.value * 100)
        gain = rounded(round.safe_gain.value * 100)
        points.append({"kind": "best", "x": round.round, "value": best, "name": round.best_arm})
        points.append(
            {"kind": "gain", "x": round.round, "value": gain, "name": round.safe_arm or "production"}
        )
    chances = tuple({**row} for row in rows if row["p"] is not None)
    last = facts.rounds[-1]
    panels = [Panel("U of arms", "progress", tuple(points), {"many": len(rows) > MANY})]
    if chances:
        floor = rounded(facts.floor)
        panels.append(
            Panel("P(all guardrails hold)", "chances", chances, {"floor": floor, "many": len(rows) > MANY})
        )
    about = (
        f"After {len(facts.rounds)} rounds the best U measured is {interval(last.best)}, and the safe gain "
        f"{interval(last.safe_gain)}, of {last.safe_arm or 'production'}."
    )
    figure = Figure(
        "progress",
        "Over rounds",
        about,
        tuple(panels),
        _rounds_table(facts),
        key=f"{_SAFE_KEY}; dashed: the best U so far, solid: the safe gain.",
    )
    words = (
        f"U is {_formula(facts)}. The safe gain is the highest U measured of an arm that keeps all guardrails "
        f"with a probability of at least {facts.floor:.0%} by its own numbers; production's is 0. The best of many "
        f"noisy measurements flatters: only the confirmation, on fresh users, says what a config is worth."
    )
    return (Prose(about), figure, Prose(words, "dim"))


def tradeoffs(facts: Facts) -> tuple[Block, ...]:
    """U against every other metric, with control, the elite and what is recommended."""
    measured = [arm for arm in facts.arms if arm.objective is not None]
    others = [name for name in _metrics(facts) if list(facts.weights) != [name]][:MOST_METRICS]
    if not measured or not others:
        return (Prose(_NONE if not measured else "There is one metric, so nothing is traded."),)
    panels = tuple(_scatter(facts, measured, name) for name in others)
    elite = [arm.name for arm in measured if arm.is_elite]
    figure = Figure(
        "tradeoffs",
        "U against each metric",
        f"One panel per metric: its lift against U, a point per arm. The elite are {', '.join(elite) or 'none'}.",
        panels,
        arms_table(facts, others),
        key="■ control, ● an arm, ◆ elite: no arm is better in everything, ▲ recommended, ✚ stopped; the dashed "
        "line is the guardrail's margin",
    )
    return (figure,)


def limit_of(facts: Facts, metric: str) -> str:
    """A guardrail as people write it; empty where there is none."""
    measure = next((m for arm in facts.arms for m in arm.measures if m.metric == metric), None)
    if measure is None or measure.limit is None:
        return ""
    if measure.is_level:
        return f"{measure.direction} {measure.limit:.6g}"
    return f"{measure.direction} {measure.limit * 100:+.4g} %"


def _metrics(facts: Facts) -> list[str]:
    return list(dict.fromkeys(m.metric for arm in facts.arms for m in arm.measures))


def _weighs(facts: Facts) -> bool:
    """Whether U is more than the lift of one metric."""
    return list(facts.weights.values()) != [1.0]


def _formula(facts: Facts) -> str:
    parts = [f"{weight:+g} x {name}" for name, weight in facts.weights.items()]
    return f"the weighted sum of lifts, {' '.join(parts)}"


def _objective_panel(facts: Facts, shown: Sequence[ArmFacts]) -> Panel:
    rows = [_row(arm, arm.objective, 100.0, "no guardrail") for arm in shown if arm.objective]
    return Panel(_U, "intervals", tuple(rows), {"x": "U, %", "origin": True, "rows": len(rows)})


def _forest(shown: Sequence[ArmFacts], name: str) -> Panel:
    found = [(arm, m) for arm in shown for m in arm.measures if m.metric == name]
    first = found[0][1] if found else Measure(name, None)
    unit = 1.0 if first.is_level else 100.0
    rows = [_row(arm, m.span, unit, m.standing or "no guardrail") for arm, m in found if m.span]
    limit = None if first.limit is None else rounded(first.limit * unit)
    options: Row = {
        "x": "level" if first.is_level else "lift, %",
        "limit": limit,
        "origin": not first.is_level,
        "rows": len(rows),
    }
    return Panel(name, "intervals", tuple(rows), options)


def _row(arm: ArmFacts, span: Span | None, unit: float, standing: str) -> Row:
    assert span is not None
    return {
        "name": arm.name,
        "value": rounded(span.value * unit),
        "low": rounded(span.low * unit),
        "high": rounded(span.high * unit),
        "standing": "stopped" if arm.stopped else standing,
    }


def _places(arms: Sequence[ArmFacts]) -> Iterator[tuple[ArmFacts, float]]:
    """Each arm with its place on the axis of rounds: those of one round stand side by side."""
    by_round: dict[int, list[ArmFacts]] = {}
    for arm in arms:
        by_round.setdefault(arm.round, []).append(arm)
    for round, own in by_round.items():
        for at, arm in enumerate(own):
            yield arm, rounded(round + 0.5 * ((at + 1) / (len(own) + 1) - 0.5))


def _over_rounds(arm: ArmFacts, facts: Facts, place: float) -> dict[str, str | float | bool | None]:
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


def _rounds_table(facts: Facts) -> Table:
    headings = ("round", "state", "arms", "users", "best U so far", "of", "safe gain", "of ")
    count: dict[int, int] = {}
    for arm in facts.arms:
        count[arm.round] = count.get(arm.round, 0) + 1
    rows = [
        [
            str(r.round),
            r.state,
            str(count.get(r.round, 0)),
            f"{r.users:,}",
            interval(r.best) if r.best else "none",
            r.best_arm,
            interval(r.safe_gain) if r.safe_arm else "0 (production)",
            r.safe_arm,
        ]
        for r in facts.rounds
    ]
    return table("rounds", headings, rows, numbers=(headings[0], *headings[2:5], headings[6]))


def _scatter(facts: Facts, measured: Sequence[ArmFacts], name: str) -> Panel:
    levels = any(m.is_level for arm in measured for m in arm.measures if m.metric == name)
    unit = 1.0 if levels else 100.0
    rows: list[Row] = []
    if not levels:
        rows.append({"name": "control", "x": 0.0, "y": 0.0, "role": "control", "label": "control"})
    recommended = {p.name: p.recommended for p in facts.params}
    named = {facts.rounds[-1].safe_arm, facts.rounds[-1].best_arm}
    limit = None
    for arm in measured:
        measure = next((m for m in arm.measures if m.metric == name and m.span), None)
        if measure is None or measure.span is None or arm.objective is None:
            continue
        limit = None if measure.limit is None else rounded(measure.limit * unit)
        role = "stopped" if arm.stopped else "elite" if arm.is_elite else "arm"
        role = "recommended" if arm.config == recommended else role
        x, y = rounded(arm.objective.value * 100), rounded(measure.span.value * unit)
        label = arm.name if arm.name in named or role == "recommended" else ""
        rows.append({"name": arm.name, "x": x, "y": y, "role": role, "label": label})
    title = name if levels else f"{name}, lift in %"
    return Panel(
        name, "scatter", tuple(rows), {"x": "U, %", "y": title, "limit": limit, "many": len(rows) > MANY}
    )


def _stopped(facts: Facts) -> tuple[Block, ...]:
    stops = [[arm.name, str(arm.round), arm.stopped] for arm in facts.arms if arm.stopped]
    shown = table("stopped for harm", ("arm", "round", "why"), stops, numbers=("round",))
    return (first_rows(shown, MOST_ROWS, ELSEWHERE),) if stops else ()


def _frozen(facts: Facts) -> tuple[Block, ...]:
    return tuple(Prose(f"Round {r.round} is frozen: {r.frozen}", "bad") for r in facts.rounds if r.frozen)
