"""Configs as tables."""

from __future__ import annotations

from collections.abc import Mapping

from rectune_dsl.dsl.params import Param
from rectune_dsl.report.tables import Cell, Table, table
from rectune_dsl.report.words import number


def config_table(
    params: Mapping[str, Param], values: Mapping[str, float], name: str = "recommended"
) -> Table:
    """Each param beside production: what is moved is set off, and what stands at a bound is marked."""
    headings = ("param", "production", name, "bounds", "", "about")
    rows = []
    for param_name, param in params.items():
        value = values[param_name]
        rows.append(
            [
                Cell(param_name),
                Cell(number(param.production)),
                Cell(number(value), "strong" if value != param.production else "dim"),
                Cell(f"{number(param.low)} .. {number(param.high)}"),
                Cell("at its bound" if value in (param.low, param.high) else "", "doubtful"),
                Cell(param.about, "dim"),
            ]
        )
    return table(f"{name} config", headings, rows, numbers=headings[1:3])
