"""The runs of a store, a line each: for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.text import Text

from rectune_dsl.memory.journal import Journal
from rectune_dsl.report.console import outcome_style, plain_table
from rectune_dsl.report.view import RunView, read_run
from rectune_dsl.workflow.standing import standing

_TIMED = 100
"""Columns of a terminal that has room for times."""


@dataclass(frozen=True)
class RunLine:
    """`started` is a time in UTC, `rounds` how many were measured, `state` the verdict or how far it got,
    `asks` the step that waits for an answer, empty without one."""

    run: str
    task: str
    surface: str
    started: str
    rounds: int
    state: str
    asks: str


def run_lines(journal: Journal) -> Iterator[RunLine]:
    """Every run, the newest first."""
    for row in journal.runs():
        view = read_run(journal, row.run)
        state = "stopped before it began" if view is None else view.state
        rounds = 0 if view is None else sum(r.result is not None for r in view.rounds)
        yield RunLine(row.run, row.task, row.surface, row.created_at, rounds, state, _asks(journal, view))


def _asks(journal: Journal, view: RunView | None) -> str:
    """The step that waits for an answer. Of what is decided, only shipping may still be asked about."""
    if view is None or (view.verdict is not None and view.shipped != "not delivered yet"):
        return ""
    request = standing(journal, view.run).asks
    return request.step if request else ""


def print_runs(out: Console, lines: Sequence[RunLine]) -> None:
    """What a run asks stands instead of its state. Where there is no room for times, ids tell them."""
    timed = out.width >= _TIMED
    table = plain_table("", "run", "surface", *(("started",) if timed else ()), "rounds", "state")
    for column in table.columns:  # to be copied, and to be seen at once
        column.no_wrap = column.header != "surface"
    for line in lines:
        state, style = line.state, outcome_style(line.state)
        if line.asks:
            state, style = f"asks about {line.asks}", "yellow"
        started = (line.started[:16].replace("T", " "),) if timed else ()
        table.add_row(line.run, line.surface, *started, str(line.rounds), Text(state, style))
    out.print(table)


def runs_json(lines: Sequence[RunLine]) -> str:
    return json.dumps({"runs": [asdict(line) for line in lines]}, indent=2, ensure_ascii=False)
