"""The table of an experiment: arms by metrics, each lift with its interval, guardrails marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Estimates, Proposal
from rectune_dsl.report.console import print_table
from rectune_dsl.report.facts.measured import measures, objective
from rectune_dsl.report.facts.records import Measure, Span, Standing
from rectune_dsl.report.tables import Cell, Column, Table, Tone, table
from rectune_dsl.report.words import changes

MARKS = "✓ the whole interval keeps the guardrail, ? only the estimate does, ✗ not even that"
PLUS_MINUS = "±\N{NO-BREAK SPACE}90\N{NO-BREAK SPACE}%"
"""What stands behind a ±, for captions, which must not break there."""
_MARKS: Mapping[Standing, tuple[str, Tone]] = {
    "": ("", ""),
    "kept": (" ✓", "good"),
    "open": (" ?", ""),
    "broken": (" ✗", "doubtful"),
}


def lifts_table(task: Task, estimates: Estimates, stopped: Mapping[str, str], title: str) -> Table:
    """One row per treatment: U, where it is more than one metric, and every metric; guardrails marked."""
    with_objective = list(task.objective_weights.values()) != [1.0]
    columns = [Column("arm")] + [Column("U", is_number=True)] * with_objective
    columns += [Column(m, _limit(task, m), is_number=True) for m in estimates.metrics]
    rows = []
    for arm in estimates.arms:
        name = Cell(f"{arm} (stopped)", "bad") if arm in stopped else Cell(arm)
        gain = [Cell(_lift(objective(task, estimates, arm)), "strong")] * with_objective
        rows.append([name, *gain, *map(measure_cell, measures(task, estimates, arm))])
    return table(title, columns, rows)


def measure_cell(measure: Measure) -> Cell:
    """A lift, or a level, with half its interval and the mark of its guardrail."""
    mark, tone = _MARKS[measure.standing]
    words = _level(measure.span) if measure.is_level else _lift(measure.span)
    return Cell(words + mark, tone)


def print_lifts(
    out: Console, task: Task, estimates: Estimates, stopped: Mapping[str, str], title: str
) -> None:
    print_table(out, lifts_table(task, estimates, stopped, title))


def print_proposals(out: Console, task: Task, proposals: Sequence[Proposal]) -> None:
    """What each changes, a line each, and below it what it shows users, where that is known."""
    for proposal in proposals:
        name = f"  {proposal.name}: "
        out.print(Text.assemble((name, "bold"), changes(proposal.config, task.production)))
        if shows := proposal.hypothesis.shows:
            out.print(Padding(Text(shows, "dim"), (0, 0, 0, len(name)), expand=False))


def _limit(task: Task, metric: str) -> str:
    limit = task.guarded.get(metric)
    return str(limit) if limit else ""


def _lift(span: Span | None) -> str:
    """A lift and half its 90 % interval, whose ends are the one-sided 5 % bounds."""
    if span is None:
        return "missing"
    return f"{span.value * 100:+.2f}% ±{(span.high - span.low) / 2 * 100:.2f}"


def _level(span: Span | None) -> str:
    return "missing" if span is None else f"{span.value:.4g} ±{(span.high - span.low) / 2:.2g}"
