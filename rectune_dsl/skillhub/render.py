"""Knowledge as lines that a person reads, on a screen or in a prompt."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic


def record_line(record: KnowledgeRecord) -> str:
    """The record on one line. With a mechanic that is its effect and 90 % interval, such as
    `- w_like +10 % of its range: watch_minutes +0.8 % [0.2, 1.4] (candidate; 3 experiments)`.

    A record without a mechanic is told by its statement.
    """
    told = record.statement if record.mechanic is None else _mechanic(record.mechanic)
    return f"- {plain(told)} ({'; '.join((record.status, *_evidence(record)))})"


def plain(text: str) -> str:
    """The text on one line, with every control or invisible character shown as U+FFFD: what an agent
    wrote can neither move the cursor, nor reverse the text, nor look like a second line."""
    return " ".join("".join(map(_visible, text)).split())


def printable(text: str) -> str:
    """The text with its lines and spaces, but without characters that a terminal obeys or that cannot be
    seen."""
    return "\n".join("".join(map(_visible, line)) for line in text.split("\n"))


def shortened(text: str, characters: int) -> str:
    """The text, cut at a word where it is longer, with an ellipsis that counts too."""
    if len(text) <= characters:
        return text
    cut = text[: max(characters - 2, 0)]
    whole = cut.rsplit(" ", 1)[0] if " " in cut[characters // 2 :] else cut
    return f"{whole.rstrip()} …"[:characters]


def by_evidence(records: Iterable[KnowledgeRecord]) -> list[KnowledgeRecord]:
    """The active ones first, then those with most evidence."""
    return sorted(
        records,
        key=lambda r: (r.status != "active", -len(r.supports) - len(r.contradicts) - r.helpful, r.id),
    )


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return "\ufffd" if unicodedata.category(character).startswith("C") else character


def _mechanic(mechanic: Mechanic) -> str:
    interval = f"[{mechanic.low * 100:.3g}, {mechanic.high * 100:.3g}]"
    return f"{mechanic.cause} {mechanic.unit}: {mechanic.metric} {mechanic.effect * 100:+.3g} % {interval}"


def _evidence(record: KnowledgeRecord) -> list[str]:
    parts = []
    if record.supports:
        parts.append(f"{len(record.supports)} experiment{'s' if len(record.supports) > 1 else ''}")
    if record.contradicts:
        parts.append(f"{len(record.contradicts)} against")
    if record.helpful or record.harmful:
        parts.append(f"helped in {record.helpful}, harmed in {record.harmful}")
    return parts
