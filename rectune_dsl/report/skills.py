"""Skills on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from rectune_dsl.hooks.api import KnowledgeRecord, Skill
from rectune_dsl.memory.codec import encode
from rectune_dsl.report.console import plain_table
from rectune_dsl.report.words import count, number
from rectune_dsl.skillhub.document import SLOTS
from rectune_dsl.skillhub.hub import Skillhub, SkillListing
from rectune_dsl.skillhub.render import plain, printable, record_line, shortened
from rectune_dsl.skillhub.revisions import SHORT, Entry
from rectune_dsl.skillhub.verify import Verified

LONGEST = 1_000
"""Characters of a line that others wrote."""
KEYS = 12
"""Experiments that are named for a record, and as many against it."""


def print_skills(out: Console, hub: Skillhub) -> None:
    """Every skill with what it is for; one that cannot be read with the reason."""
    listing = hub.listing()
    if not listing:
        out.print("no skills here; they live in a folder `skills/` beside the tasks, or in $RECTUNE_SKILLS")
        return
    table = plain_table("", "skill", "what it is for", "records")
    for skill in listing:
        about = Text(plain(skill.problem), "red") if skill.problem else Text(plain(skill.description))
        records = ", ".join(f"{count} {status}" for status, count in skill.records.items()) or "-"
        table.add_row(plain(skill.name), about, records if skill.trusted else f"{records} (not activated)")
    out.print(table)


def skills_json(listing: Sequence[SkillListing]) -> str:
    """What `print_skills` prints."""
    return _pretty({"skills": _tree(tuple[SkillListing, ...], tuple(listing))})


def print_skill(out: Console, skill: Skill) -> None:
    """The six slots, the initial values, and each record with its evidence."""
    out.print(Text(skill.name, "bold"))
    out.print(Text(plain(skill.description)))
    out.print(Text(f"revision {skill.revision[:SHORT]}", "dim"))
    if not skill.trusted:
        out.print(Text(f"imported, and not activated: none of its records counts. {_activate(skill.name)}"))
    for slot, heading in SLOTS.items():
        out.print()
        out.print(Text(heading, "bold"))
        out.print(Text(printable(getattr(skill, slot))))
    if skill.initial_values:
        values = ", ".join(f"{plain(name)} = {number(value)}" for name, value in skill.initial_values.items())
        out.print(Text(f"values: {values}"))
    out.print()
    out.print(Text("Knowledge", "bold"))
    for record in active_first(skill):
        _print_record(out, record)
    if not skill.knowledge:
        out.print(
            Text("nothing learnt yet; `rectune run` with a task that names this skill adds to it", "dim")
        )


def skill_json(skill: Skill) -> str:
    """The record, field by field."""
    return _pretty(_tree(Skill, skill))


def active_first(skill: Skill) -> list[KnowledgeRecord]:
    return sorted(skill.knowledge, key=lambda record: record.status)


def experiments(keys: Sequence[str]) -> str:
    """The last few by name, and how many more there are."""
    more = f", and {len(keys) - KEYS} more" if len(keys) > KEYS else ""
    return f"{', '.join(keys[-KEYS:])}{more}"


def maker(entry: Entry) -> str:
    """Who made a revision."""
    return f"run {entry.run}" if entry.run else entry.author


def reason(entry: Entry) -> str:
    """Why, whether it was trusted, and what was refused of it."""
    refused = f" ({len(entry.refused)} refused: {entry.refused[0]})" if entry.refused else ""
    return f"{entry.why}{'' if entry.trusted else ' (not activated)'}{refused}"


def _print_record(out: Console, record: KnowledgeRecord) -> None:
    out.print(Text(record_line(record, LONGEST)))
    told = [f"id: {plain(record.id)}"]
    if record.why:
        told.append(f"{record.status}: {plain(record.why)}")
    for title, keys in (("for", record.supports), ("against", record.contradicts)):
        if keys:
            told.append(f"{title}: {plain(experiments(keys))}")
    if record.created:
        told.append(f"by {plain(record.author)}, {record.created}; changed {record.changed}")
    for line in told:
        out.print(Text(f"    {shortened(line, LONGEST)}", "dim"))


def print_log(out: Console, name: str, log: Sequence[Entry]) -> None:
    """What was made of a skill, the newest first, with the active revision marked."""
    if not log:
        out.print(f"skill {name} has no revisions yet: nothing was learnt, imported or edited here")
        return
    table = plain_table("", "", "revision", "date", "who", "why")
    for entry in reversed(log):
        active, why = "*" if entry is log[-1] else "", shortened(plain(reason(entry)), LONGEST)
        row = (active, entry.revision[:SHORT], entry.date, plain(maker(entry)), why)
        table.add_row(*map(Text, row))
    out.print(table)


def log_json(log: Sequence[Entry]) -> str:
    """The newest first; that one is the active revision."""
    return _pretty({"revisions": _tree(tuple[Entry, ...], tuple(reversed(log)))})


def print_difference(out: Console, lines: Iterable[str]) -> None:
    """A diff, one line each, red for what went and green for what came."""
    for line in lines:
        style = {"-": "red", "+": "green"}.get(line[:1], "dim" if line.startswith("@@") else "")
        out.print(Text(shortened(printable(line), LONGEST), style), soft_wrap=True)


def print_verified(out: Console, found: Verified) -> None:
    """What was looked at, what is wrong, and what is worth knowing."""
    counts = f"{count(found.revisions, 'revision')}, {count(found.records, 'record')}"
    out.print(Text(f"{found.name}: {'not sound' if found.problems else f'sound ({counts})'}"))
    for style, lines in (("red", found.problems), ("dim", found.notes)):
        for line in lines:
            out.print(Text(f"  {shortened(plain(line), LONGEST)}", style))


def _tree(kind: Any, record: object) -> Any:
    return json.loads(encode(kind, record))


def _pretty(tree: Any) -> str:
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _activate(name: str) -> str:
    return f"`rectune skills activate {name} --why TEXT` trusts it"
