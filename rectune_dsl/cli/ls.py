"""`rectune ls`"""

from __future__ import annotations

import click

from rectune_dsl.cli.common import store_option
from rectune_dsl.cli.outputs import json_option


@click.command("ls")
@store_option
@json_option
def command(store: str, as_json: bool) -> None:
    """List runs, the newest first, with their verdicts."""
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.console import console
    from rectune_dsl.report.runs import print_runs, run_lines, runs_json

    journal = Journal(store, create=False)
    lines = tuple(run_lines(journal))
    if as_json:
        click.echo(runs_json(lines))
    elif lines:
        print_runs(console(), lines)
    else:
        console().print(f"no runs in {journal.url}; `rectune run TASK` starts one")
