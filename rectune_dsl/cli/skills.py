"""`rectune skills`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("skills")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List skills; with NAME, show one with its knowledge and the evidence behind it."""
    from rectune_dsl.report.console import console
    from rectune_dsl.report.skills import print_skill, print_skills
    from rectune_dsl.workflow.prepare import hub

    found = hub(str(Path.cwd() / "task.toml"))
    if name is None:
        print_skills(console(), found)
    else:
        print_skill(console(), found.load(name))
