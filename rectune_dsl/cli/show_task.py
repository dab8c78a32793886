"""`rectune show-task`"""

from __future__ import annotations

from pathlib import Path

import click

from rectune_dsl.cli.common import host, task_argument


@click.command("show-task")
@task_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["toml", "json"]),
    default="toml",
    show_default=True,
    help="A task file with origins as comments, or values and origins for programs.",
)
@click.pass_context
def command(ctx: click.Context, task: Path, form: str) -> None:
    """Show a task as it is understood: bases merged, defaults filled in, each value with where it comes from.

    What is printed as TOML is a task file itself.
    """
    import json
    import sys

    from rectune_dsl.dsl.check import check
    from rectune_dsl.dsl.source import Source
    from rectune_dsl.report.problems import print_problems
    from rectune_dsl.report.resolved import as_json, as_toml
    from rectune_dsl.workflow.environment import environment

    checked = check(Source.read(task), environment(host(ctx)))
    if checked.task is None:
        print_problems(checked.problems, checked.sources, stderr=True)
        sys.exit(2)
    if form == "toml":
        click.echo(as_toml(checked.task, checked.source), nl=False)
    else:
        click.echo(json.dumps(as_json(checked.task, checked.source), indent=2))
