"""The generated part of a SKILL.md: what was learnt, below what a person wrote of the domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rectune_dsl.hooks.api import KnowledgeRecord
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.render import by_evidence, record_line, shortened

BEGIN = "<!-- learnt: written by rectune from assets/knowledge.toml -->"
END = "<!-- end of what was learnt -->"
LINES = 60
"""Records that the generated part tells of at most."""
LONGEST = 400
"""Characters of a line in it."""


def without_learnt(slot: str, where: str) -> str:
    """The slot as a person wrote it. Raises UsageError when only one of the two comments stands there."""
    lines = slot.split("\n")
    begins = [at for at, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [at for at, line in enumerate(lines) if line.strip() == END]
    if not begins and not ends:
        return slot.strip()
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        raise UsageError(
            f"{where}: the comments around what was learnt are not one pair",
            help=f"remove them and what stands between: `{BEGIN}` and `{END}`; it is written anew",
        )
    return "\n".join([*lines[: begins[0]], *lines[ends[0] + 1 :]]).strip()


def with_learnt(slot: str, records: Sequence[KnowledgeRecord], room: int) -> str:
    """The slot with the active records below it, most evidence first, in at most `room` more lines."""
    if not records:
        return slot
    part = [BEGIN, "", *learnt(records, min(LINES, room - 9)), "", END]
    return "\n".join([slot, "", *part] if slot else part)


def learnt(records: Sequence[KnowledgeRecord], most: int) -> list[str]:
    """A line for each of the `most` active records with most evidence, and how many others there are."""
    counts = Counter(record.status for record in records)
    others = f"{counts['candidate']} candidate, {counts['retired']} retired"
    active = [record for record in by_evidence(records) if record.status == "active"]
    if not active:
        return [f"Nothing is active yet: {others}."]
    shown = [_markdown(record_line(record)) for record in active[: max(most, 0)]]
    more = f"{len(active) - len(shown)} more active, " if len(active) > len(shown) else ""
    return [*shown, "", f"Beside them: {more}{others}."]


def _markdown(line: str) -> str:
    """The line without what would begin a comment or a code block."""
    return shortened(line.replace("<!--", "<! --").replace("```", "'''").replace("~~~", "---"), LONGEST)
