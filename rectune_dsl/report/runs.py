"""The runs of a store, a line each: for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.text import Text

from rectune_dsl.memory.journal import Journal
from rectune_dsl.report.console import outcome_style, plain_table
from rectune_dsl.report.view import read_run


@dataclass(frozen=True)
class RunLine:
    """`started` is a time in UTC, `rounds` how many were measured, `state` the verdict or how far it got."""

    run: str
    task: str
    surface: str
    started: str
    rounds: int
    state: str


def run_lines(journal: Journal) -> Iterator[RunLine]:
    """Every run, the newest first."""
    for row in journal.runs():
        view = read_run(journal, row.run)
        state = "stopped before it began" if view is None else view.state
        rounds = 0 if view is None else sum(r.result is not None for r in view.rounds)
        yield RunLine(row.run, row.task, row.surface, row.created_at, rounds, state)


def print_runs(out: Console, lines: Sequence[RunLine]) -> None:
    table = plain_table("", "run", "surface", "started", "rounds", "state")
    for column in (table.columns[0], table.columns[-1]):  # to be copied, and to be seen at once
        column.no_wrap = True
    for line in lines:
        state = Text(line.state, outcome_style(line.state))
        started = line.started[:16].replace("T", " ")
        table.add_row(line.run, line.surface, started, str(line.rounds), state)
    out.print(table)


def runs_json(lines: Sequence[RunLine]) -> str:
    return json.dumps({"runs": [asdict(line) for line in lines]}, indent=2, ensure_ascii=False)
