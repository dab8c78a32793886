"""A verdict as a table: what was to be shown, and whether it was."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.experiments.verdicts import OBJECTIVE
from rectune_dsl.hooks.api import Bound
from rectune_dsl.report.tables import Cell, Table, table
from rectune_dsl.report.words import percent


def bounds_table(bounds: Sequence[Bound], confirmation: int, alpha: float) -> Table:
    """What was to be shown, U first, and whether it was. A guardrail may touch its limit, U may not."""
    title = f"confirmation {confirmation} of this surface, one-sided at {alpha:.2g}"
    headings = ("metric", "estimate", "bound", "must be", "")
    rows: list[list[str | Cell]] = [
        [bound.metric, amount(bound.estimate, bound), amount(bound.bound, bound), limit(bound), shown(bound)]
        for bound in bounds
    ]
    note = f"Each bound is one-sided at the level {alpha:.2g}: the chance that it claims too much."
    return table(title, headings, rows, numbers=headings[1:4], note=note)


def shown(bound: Bound) -> Cell:
    """Whether it was shown, or the contrary was."""
    if bound.shown:
        return Cell("shown", "good")
    return Cell("violated", "bad") if bound.refuted else Cell("not shown", "doubtful")


def limit(bound: Bound) -> str:
    return "> 0" if bound.metric == OBJECTIVE else f"{bound.direction} {amount(bound.limit, bound)}"


def amount(value: float | None, bound: Bound) -> str:
    if value is None:
        return "missing"
    return percent(value) if bound.relative else f"{value:.4g}"
