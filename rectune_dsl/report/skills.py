"""Skills on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rectune_dsl.hooks.api import Skill
from rectune_dsl.report.console import plain_table
from rectune_dsl.report.words import number
from rectune_dsl.skillhub.document import SLOTS
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.render import record_line


def print_skills(out: Console, hub: Skillhub) -> None:
    """Every skill with what it is for; one that cannot be read with the reason."""
    listing = hub.listing()
    if not listing:
        out.print("no skills here; they live in a folder `skills/` beside the tasks, or in $RECTUNE_SKILLS")
        return
    table = plain_table("", "skill", "what it is for", "records")
    for skill in listing:
        about = Text(skill.problem, "red") if skill.problem else Text(skill.description)
        records = ", ".join(f"{count} {status}" for status, count in skill.records.items())
        table.add_row(skill.name, about, records or "-")
    out.print(table)


def print_skill(out: Console, skill: Skill) -> None:
    """The six slots, the initial values, and each record with its evidence."""
    out.print(Text(skill.name, "bold"))
    out.print(Text(skill.description))
    for slot, heading in SLOTS.items():
        out.print()
        out.print(Text(heading, "bold"))
        out.print(Text(getattr(skill, slot)))
    if skill.initial_values:
        values = ", ".join(f"{name} = {number(value)}" for name, value in skill.initial_values.items())
        out.print(Text(f"values: {values}"))
    out.print()
    out.print(Text("Knowledge", "bold"))
    for record in skill.knowledge:
        out.print(Text(record_line(record)))
        for title, keys in (("for", record.supports), ("against", record.contradicts)):
            if keys:
                out.print(Text(f"    {title}: {', '.join(keys)}", "dim"))
    if not skill.knowledge:
        out.print(
            Text("nothing learnt yet; `rectune run` with a task that names this skill adds to it", "dim")
        )
