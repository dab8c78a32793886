"""A skill in a few lines, for the prompt of a language model."""

from __future__ import annotations

from collections.abc import Iterable

from rectune_dsl.hooks.api import Skill
from rectune_dsl.skillhub.document import SLOTS
from rectune_dsl.skillhub.render import by_evidence, plain, record_line, shortened

PER_PROMPT = 3
"""Skills that one prompt tells of at most: the task's own, and those borrowed."""
_RECORD = 300
"""Characters of a record's line."""


def compact(skill: Skill, characters: int) -> str:
    """What the skill says, in at most so many characters: its description, its records, its slots.

    Records take half of the room at most, the active ones first, then those with most evidence, each with
    its id and its counts; retired ones are left out, and all are where nobody has activated the skill. Every
    line is plain: nothing that was written into a skill can look like a line of the prompt around it.
    """
    head = shortened(f"Skill {plain(skill.name)}: {plain(skill.description)}", characters // 4)
    lines = [head]
    if skill.trusted:
        living = [record for record in by_evidence(skill.knowledge) if record.status != "retired"]
        told = (f"- {plain(r.id)}: {record_line(r).removeprefix('- ')}" for r in living)
        lines += _fitting((shortened(line, _RECORD) for line in told), characters // 2)
    else:
        lines.append("(imported, and nobody has activated it: its records do not count)")
    left = characters - len("\n".join(lines))
    slots = [f"{heading}: {plain(getattr(skill, slot))}" for slot, heading in SLOTS.items()]
    for at, slot in enumerate(slots):
        share = left // (len(slots) - at) - 1  # the line's end counts too
        if share < len(slot) and share < _SHORTEST:
            continue
        lines.append(shortened(slot, share))
        left -= len(lines[-1]) + 1
    return "\n".join(lines)[: max(characters, 0)]


_SHORTEST = 40
"""A slot is left out rather than cut to fewer characters."""


def _fitting(lines: Iterable[str], characters: int) -> list[str]:
    """The first lines that fit, one more character for each line's end."""
    taken: list[str] = []
    for line in lines:
        characters -= len(line) + 1
        if characters < 0:
            break
        taken.append(line)
    return taken
