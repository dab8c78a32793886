"""`rectune ls`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import store_option


@click.command("ls")
@store_option
def command(store: str) -> None:
    """List runs, the newest first, with their verdicts."""
    from rich.text import Text

    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.console import console, outcome_style, plain_table
    from rectune_dsl.report.view import read_run

    journal = Journal(store, create=False)
    out = console()
    rows = journal.runs()
    if not rows:
        out.print(f"no runs in {journal.url}; `rectune run TASK` starts one")
        return
    table = plain_table("", "run", "surface", "started", "rounds", "state")
    for column in (table.columns[0], table.columns[-1]):  # to be copied, and to be seen at once
        column.no_wrap = True
    for row in rows:
        view = read_run(journal, row.run)
        state = "stopped before it began" if view is None else view.state
        rounds = "0" if view is None else str(sum(r.result is not None for r in view.rounds))
        started = row.created_at[:16].replace("T", " ")
        table.add_row(row.run, row.surface, started, rounds, Text(state, outcome_style(state)))
    out.print(table)
