"""What arms did: every lift against its guardrail."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.agents.words import chance
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.report.facts.records import ArmFacts, Facts, Measure, Span
from rectune_dsl.report.lifts import MARKS, PLUS_MINUS, measure_cell
from rectune_dsl.report.pages.arms import ELSEWHERE, MOST_ROWS, chosen, interval, left_out, rounded
from rectune_dsl.report.pages.blocks import Block, Figure, Folded, Panel, Prose, Row
from rectune_dsl.report.tables import Cell, Column, Table, first_rows, table
from rectune_dsl.report.words import count

MOST_DRAWN = 40
"""Arms of a forest plot."""
MOST_METRICS = 12
"""Panels of a figure."""
NOTHING = "No arm has been measured yet."
_OBJECTIVE = "U"
_FREE = "no guardrail"
_KEY = (
    "● the whole interval keeps the guardrail, ◆ only the estimate does, ▼ not even that, ■ no guardrail, "
    "✚ stopped for harm; bars are 90 % intervals, the dashed line is the guardrail's margin, the thin one "
    "production."
)


def arms(facts: Facts) -> tuple[Block, ...]:
    """The forest plot: every arm's lift of every metric, held against its guardrail."""
    if not facts.arms:
        return (Prose(NOTHING), *doubts(facts))
    shown = chosen(facts, MOST_DRAWN)
    names, stops = metrics_of(facts), sum(bool(arm.stopped) for arm in facts.arms)
    panels = [_objective(shown)] if list(facts.weights.values()) != [1.0] else []
    panels += [_forest(shown, name) for name in names[: MOST_METRICS - len(panels)]]
    figure = Figure(
        "forest",
        "Lifts over control",
        f"One panel for each of {len(panels)} metrics: a row per arm with its lift and 90 % interval, "
        f"against the guardrail's margin. {count(len(facts.arms), 'arm')}, {stops} stopped.",
        tuple(panel for panel in panels if panel.rows),
        arms_table(facts, names),
        key=_KEY,
        note=left_out(facts, shown),
    )
    folded = Folded("p-values, for those who ask", (_p_values(facts, names),))
    return (figure, *_stopped(facts), *doubts(facts), folded)


def arms_table(facts: Facts, names: Sequence[str]) -> Table:
    """One row per arm: U, P(all guardrails hold) and the named metrics."""
    columns = [Column("arm"), *(Column(name, is_number=True) for name in ("round", _OBJECTIVE, "P(safe)"))]
    columns += [Column(name, _limit_of(facts, name), is_number=True) for name in names]
    rows: list[list[str | Cell]] = []
    for arm in facts.arms:
        found = {m.metric: m for m in arm.measures}
        cells = [measure_cell(found[n]) if n in found else Cell("missing", "dim") for n in names]
        name = Cell(f"{arm.name} (stopped)", "bad") if arm.stopped else Cell(arm.name)
        p = "unknown" if arm.p_safe is None else chance(arm.p_safe)
        rows.append([name, str(arm.round), interval(arm.objective), p, *cells])
    whole = table(f"lifts over control, {PLUS_MINUS}", columns, rows, note=MARKS)
    return first_rows(whole, MOST_ROWS, ELSEWHERE)


def _p_values(facts: Facts, names: Sequence[str]) -> Table:
    """Holm-adjusted over all lifts of each experiment."""
    rows = [[arm.name, str(arm.round), *(_p_value(arm, name) for name in names)] for arm in facts.arms]
    title = "two-sided p-values, Holm-adjusted in each round; they decide nothing"
    whole = table(title, ("arm", "round", *names), rows, numbers=("round", *names))
    return first_rows(whole, MOST_ROWS, ELSEWHERE)


def _p_value(arm: ArmFacts, name: str) -> str:
    found = next((m.holm_p for m in arm.measures if m.metric == name), None)
    return "missing" if found is None else f"{found:.2g}"


def metrics_of(facts: Facts) -> list[str]:
    """Every metric that an arm was measured on, in the order of the estimates."""
    return list(dict.fromkeys(m.metric for arm in facts.arms for m in arm.measures))


def doubts(facts: Facts) -> tuple[Block, ...]:
    """What forbids to trust a round's numbers, or warns of them."""
    told = [Prose(f"Round {r.round} is frozen: {r.frozen}", "bad") for r in facts.rounds if r.frozen]
    told += [Prose(f"Round {r.round}: {r.turnout}", "bad") for r in facts.rounds if r.turnout]
    return tuple(told)


def _limit_of(facts: Facts, metric: str) -> str:
    """A guardrail as people write it; empty where there is none."""
    measure = next((m for arm in facts.arms for m in arm.measures if m.metric == metric), None)
    if measure is None or measure.limit is None:
        return ""
    return str(Limit(measure.direction or ">=", measure.limit, not measure.is_level))


def _objective(shown: Sequence[ArmFacts]) -> Panel:
    rows = [_row(arm, arm.objective, 100.0, _FREE) for arm in shown if arm.objective]
    return Panel(_OBJECTIVE, "intervals", tuple(rows), {"x": "U, %", "origin": True, "rows": len(rows)})


def _forest(shown: Sequence[ArmFacts], name: str) -> Panel:
    found = [(arm, m) for arm in shown for m in arm.measures if m.metric == name]
    first = found[0][1] if found else Measure(name, None)
    unit = 1.0 if first.is_level else 100.0
    rows = [_row(arm, m.span, unit, m.standing or _FREE) for arm, m in found if m.span]
    options: Row = {
        "x": "level" if first.is_level else "lift, %",
        "limit": None if first.limit is None else rounded(first.limit * unit),
        "origin": not first.is_level,
        "rows": len(rows),
    }
    return Panel(name, "intervals", tuple(rows), options)


def _row(arm: ArmFacts, span: Span, unit: float, standing: str) -> Row:
    return {
        "name": arm.name,
        "value": rounded(span.value * unit),
        "low": rounded(span.low * unit),
        "high": rounded(span.high * unit),
        "standing": "stopped" if arm.stopped else standing,
    }


def _stopped(facts: Facts) -> tuple[Block, ...]:
    stops = [[arm.name, str(arm.round), arm.stopped] for arm in facts.arms if arm.stopped]
    shown = table("stopped for harm", ("arm", "round", "why"), stops, numbers=("round",))
    return (first_rows(shown, MOST_ROWS, ELSEWHERE),) if stops else ()
