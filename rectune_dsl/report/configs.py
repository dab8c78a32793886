"""Configs as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.report.facts.records import ParamFacts
from rectune_dsl.report.tables import Cell, Table, table
from rectune_dsl.report.words import number


def config_table(params: Sequence[ParamFacts], title: str, note: str = "") -> Table:
    """Each param, production beside what is recommended: what is moved is set off, and what stands at a bound
    is marked."""
    headings = ("param", "production", "recommended", "bounds", "", "about")
    return table(title, headings, map(_row, params), numbers=headings[1:3], note=note)


def changes_table(params: Sequence[ParamFacts]) -> Table:
    """The same in short: the value before and after."""
    rows = [[*row[:3], row[4]] for row in map(_row, params)]
    return table(
        "changes", ("param", "production", "recommended", ""), rows, numbers=("production", "recommended")
    )


def is_moved(param: ParamFacts) -> bool:
    """Whether another value than production's is recommended."""
    return param.recommended is not None and param.recommended != param.production


def _row(param: ParamFacts) -> list[Cell]:
    value = param.recommended
    scale = " (log scale)" if param.scale == "log" else ""
    return [
        Cell(param.name),
        Cell(number(param.production)),
        Cell("" if value is None else number(value), "strong" if is_moved(param) else "dim"),
        Cell(f"{number(param.low)} .. {number(param.high)}{scale}"),
        Cell("at its bound" if value in (param.low, param.high) else "", "doubtful"),
        Cell(param.about, "dim"),
    ]
